package dev.headwater.engine.transcoder;

import java.util.Arrays;

/**
 * The active features of one layer, ordered by (position, feature).
 *
 * @param position token position of each [n]
 * @param feature  number of each [n]
 * @param value    activation of each, never 0 [n]
 */
public record SparseActivations(int[] position, int[] feature, float[] value) {
    /** @throws IllegalArgumentException if the lengths differ, a number is negative, or the order is another */
    public SparseActivations {
        int n = position.length;
        if (feature.length != n || value.length != n) {
            throw new IllegalArgumentException(
                    "%d positions, %d features and %d values".formatted(n, feature.length, value.length));
        }
        for (int i = 0; i < n; i++) {
            if (position[i] < 0
                    || feature[i] < 0
                    || i > 0
                            && (position[i] < position[i - 1]
                                    || position[i] == position[i - 1] && feature[i] <= feature[i - 1])) {
                throw new IllegalArgumentException("activation %d (position %d, feature %d) is out of order"
                        .formatted(i, position[i], feature[i]));
            }
        }
    }

    /** Those at positions first .. first + count - 1, with positions counted from {@code shift} on. */
    public SparseActivations slice(int first, int count, int shift) {
        int from = firstAt(first);
        int to = firstAt(first + count);
        int[] moved = Arrays.copyOfRange(position, from, to);
        for (int i = 0; i < moved.length; i++) {
            moved[i] += shift - first;
        }
        return new SparseActivations(moved, Arrays.copyOfRange(feature, from, to), Arrays.copyOfRange(value, from, to));
    }

    /**
     * Those of some features at all positions [positions * n], 0 where they are not active.
     *
     * @param wanted ascending [n]
     */
    float[] of(int[] wanted, int positions) {
        float[] values = new float[positions * wanted.length];
        for (int i = 0; i < count(); i++) {
            int slot = Arrays.binarySearch(wanted, feature[i]);
            if (slot >= 0) {
                values[position[i] * wanted.length + slot] = value[i];
            }
        }
        return values;
    }

    private int firstAt(int wanted) {
        int low = 0;
        int high = position.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (position[middle] < wanted) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Number of active features. */
    public int count() {
        return position.length;
    }
}
