package dev.headwater.engine.training;

import java.util.List;
import java.util.OptionalDouble;

/**
 * How far a training has come.
 *
 * @param step    of the optimiser
 * @param tokens  read so far, of these layers
 * @param share   of the budget that is spent, 0 to 1
 * @param seconds of work on these layers, that of earlier runs included
 * @param layers  figures by layer, of those that are trained at present
 */
public record TrainingReport(long step, long tokens, double share, double seconds, List<Layer> layers) {
    /**
     * A layer.
     *
     * @param layer   its number
     * @param loss    mean squared error of scaled activations in the batches since the last report: about the fraction of variance
     *                unexplained
     * @param active  features a position in them
     * @param dead    features that have long not been active
     * @param heldOut fraction of variance unexplained on held-out text, where it has just been measured
     */
    public record Layer(int layer, double loss, double active, int dead, OptionalDouble heldOut) {}

    public TrainingReport {
        layers = List.copyOf(layers);
    }

    /** {@return the mean of the layers' losses} */
    public double loss() {
        return layers.stream().mapToDouble(Layer::loss).average().orElse(Double.NaN);
    }

    /** {@return the mean of the layers' active features} */
    public double active() {
        return layers.stream().mapToDouble(Layer::active).average().orElse(Double.NaN);
    }

    /** {@return features that have long not been active, in all of the layers} */
    public int dead() {
        return layers.stream().mapToInt(Layer::dead).sum();
    }

    /** {@return the mean fraction of variance unexplained on held-out text, where it has just been measured} */
    public OptionalDouble heldOut() {
        return layers.stream().allMatch(layer -> layer.heldOut().isPresent())
                ? layers.stream()
                        .mapToDouble(layer -> layer.heldOut().getAsDouble())
                        .average()
                : OptionalDouble.empty();
    }
}
