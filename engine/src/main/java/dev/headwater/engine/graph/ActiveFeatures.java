package dev.headwater.engine.graph;

import java.util.Arrays;

/**
 * The features that fire on a prompt, ordered by (layer, position, feature).
 *
 * @param layer      layer of each [N]
 * @param position   token position of each [N]
 * @param feature    number within its layer's transcoder [N]
 * @param activation activation value of each [N]
 */
public record ActiveFeatures(int[] layer, int[] position, int[] feature, float[] activation) {
    /** None. */
    public static final ActiveFeatures NONE = new ActiveFeatures(new int[0], new int[0], new int[0], new float[0]);

    /** @throws IllegalArgumentException if the lengths differ, a number is negative, or the order is another */
    public ActiveFeatures {
        int n = layer.length;
        if (position.length != n || feature.length != n || activation.length != n) {
            throw new IllegalArgumentException(
                    "active features need equally many layers (%d), positions (%d), features (%d) and activations (%d)"
                            .formatted(n, position.length, feature.length, activation.length));
        }
        for (int i = 0; i < n; i++) {
            if (layer[i] < 0 || position[i] < 0 || feature[i] < 0) {
                throw new IllegalArgumentException(
                        "active feature %d has a negative layer, position or number".formatted(i));
            }
            if (i > 0 && compare(layer, position, feature, i - 1, i) >= 0) {
                throw new IllegalArgumentException(
                        "active features %d and %d are not in the order of layer, position, feature"
                                .formatted(i - 1, i));
            }
        }
    }

    private static int compare(int[] layer, int[] position, int[] feature, int a, int b) {
        int byLayer = Integer.compare(layer[a], layer[b]);
        int byPosition = byLayer != 0 ? byLayer : Integer.compare(position[a], position[b]);
        return byPosition != 0 ? byPosition : Integer.compare(feature[a], feature[b]);
    }

    /** Active feature i. */
    public FeatureRef ref(int i) {
        return new FeatureRef(layer[i], position[i], feature[i]);
    }

    /** Those with the numbers, which ascend. */
    public ActiveFeatures some(int[] numbers) {
        float[] some = new float[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            some[i] = activation[numbers[i]];
        }
        return new ActiveFeatures(some(layer, numbers), some(position, numbers), some(feature, numbers), some);
    }

    private static int[] some(int[] all, int[] numbers) {
        return Arrays.stream(numbers).map(i -> all[i]).toArray();
    }

    /** Layer, position and number of each, one after the other: [count, 3], as files and hosts have them. */
    public int[] triples() {
        int[] triples = new int[3 * count()];
        for (int i = 0; i < count(); i++) {
            triples[3 * i] = layer[i];
            triples[3 * i + 1] = position[i];
            triples[3 * i + 2] = feature[i];
        }
        return triples;
    }

    /** Number of active features N. */
    public int count() {
        return layer.length;
    }
}
