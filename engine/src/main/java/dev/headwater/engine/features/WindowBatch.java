package dev.headwater.engine.features;

import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.WindowPass;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Windows that are read and encoded together, as reading weights costs as much as using them on some hundred positions.
 * Where batches end depends on the corpus alone, so that a run that goes on adds up the same numbers in the same
 * order.
 *
 * @param row the first row of each window; the last is the number of rows. A window's rows leave out its zero
 *      position
 */
record WindowBatch(int first, int[] row) {
    private static final int ROWS = 512;
    private static final int WINDOWS = 128;

    static WindowBatch from(TokenWindows windows, int first) {
        int[] row = new int[WINDOWS + 1];
        int size = 0;
        while (size < WINDOWS && first + size < windows.count() && row[size] < ROWS) {
            row[size + 1] = row[size] + windows.length(first + size) - 1;
            size++;
        }
        return new WindowBatch(first, Arrays.copyOf(row, size + 1));
    }

    int size() {
        return row.length - 1;
    }

    /** What reads them. */
    WindowPass pass(LanguageModel model, TokenWindows windows) {
        return new WindowPass(
                model,
                IntStream.range(first, first + size()).mapToObj(windows::tokens).toList(),
                1);
    }

    private int window(int ofRow) {
        int found = Arrays.binarySearch(row, ofRow);
        return found >= 0 ? found : -found - 2;
    }

    /**
     * Adds a layer's activations to the statistics of its features, window by window.
     *
     * @param features of the layer; null for those that have not fired yet
     * @param top      windows with the largest activations to keep for a feature
     * @param sample   windows to draw from all in which it fires
     */
    void add(
            TokenWindows windows,
            int layer,
            SparseActivations active,
            FeatureStatistics[] features,
            int top,
            int sample) {
        // In order of feature, then of row: activations come in order of row.
        long[] order = new long[active.count()];
        for (int i = 0; i < order.length; i++) {
            order[i] = (long) active.feature()[i] << 32 | i;
        }
        Arrays.sort(order);
        for (int from = 0, to; from < order.length; from = to) {
            int feature = (int) (order[from] >>> 32);
            int window = window(active.position()[(int) order[from]]);
            for (to = from + 1;
                    to < order.length
                            && (int) (order[to] >>> 32) == feature
                            && active.position()[(int) order[to]] < row[window + 1]; ) {
                to++;
            }
            int[] positions = new int[to - from];
            float[] values = new float[to - from];
            for (int i = from; i < to; i++) {
                positions[i - from] = active.position()[(int) order[i]] - row[window] + 1;
                values[i - from] = active.value()[(int) order[i]];
            }
            if (features[feature] == null) {
                features[feature] = new FeatureStatistics();
            }
            int number = first + window;
            features[feature].add(windows, number, positions, values, hash(layer, feature, number), top, sample);
        }
    }

    /** Steele, Lea and Flood's mixing function, SplitMix64. */
    private static long hash(int layer, int feature, int window) {
        long z = ((long) layer << 48) + ((long) feature << 24) + window * 0x9e3779b97f4a7c15L;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
