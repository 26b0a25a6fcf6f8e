package dev.headwater.engine.attribution;

import java.util.Arrays;

/**
 * The features with the largest scores, of equal ones the first by number, out of more than are in memory at a time. Scores of 0 are
 * never among them.
 */
final class StrongestFeatures {
    private final int most;
    private float[] score = new float[1024];
    private long[] number = new long[1024];
    private int count;
    private float least;

    /** @param most how many to keep; 0 keeps all that are not 0 */
    StrongestFeatures(int most) {
        this.most = most == 0 ? Integer.MAX_VALUE : most;
    }

    /**
     * @param base  number of the first feature that has a score here
     * @param first scores before it are left out
     */
    void add(long base, float[] scores, int first) {
        for (int i = first; i < scores.length; i++) {
            if (scores[i] > 0 && scores[i] >= least) {
                if (count == score.length) {
                    grow();
                }
                score[count] = scores[i];
                number[count++] = base + i;
            }
        }
    }

    private void grow() {
        if (count >= 2L * most) {
            cut();
            least = score[count - 1];
        }
        if (2 * count > score.length) {
            score = Arrays.copyOf(score, Math.multiplyExact(count, 2));
            number = Arrays.copyOf(number, score.length);
        }
    }

    /** Leaves the {@link #most} best, the best first. */
    private void cut() {
        // Positive floats are in the order of their bits. The largest come first, and a run of equal ones is put in
        // order after.
        long[] order = new long[count];
        for (int i = 0; i < count; i++) {
            order[i] = (long) ~Float.floatToIntBits(score[i]) << Integer.SIZE | i;
        }
        Arrays.sort(order);
        float[] scores = new float[score.length];
        long[] numbers = new long[score.length];
        for (int i = 0, run = 0; i < count; i++) {
            scores[i] = score[(int) order[i]];
            numbers[i] = number[(int) order[i]];
            if (i + 1 == count || order[i] >> Integer.SIZE != order[i + 1] >> Integer.SIZE) {
                Arrays.sort(numbers, run, i + 1);
                run = i + 1;
            }
        }
        score = scores;
        number = numbers;
        count = Math.min(count, most);
    }

    /**
     * How many edges there can be between features: one of a lower layer reaches those at its own position and after it.
     *
     * @param chosen    numbers (layer * P + position) * F + feature
     * @param positions P
     * @param features  F
     */
    static double edges(long[] chosen, int positions, int features) {
        double edges = 0;
        long[] below = new long[positions];
        long[] here = new long[positions];
        for (int i = 0, layer = 0; i < chosen.length; i++) {
            long place = chosen[i] / features;
            if (place / positions != layer) {
                layer = (int) (place / positions);
                for (int p = 0; p < positions; p++) {
                    below[p] += here[p];
                    here[p] = 0;
                }
            }
            here[(int) (place % positions)]++;
            for (int p = 0; p <= place % positions; p++) {
                edges += below[p];
            }
        }
        return edges;
    }

    /** Their numbers, the best first. */
    long[] ranked() {
        cut();
        return Arrays.copyOf(number, count);
    }

    /** Their numbers, ascending. */
    long[] chosen() {
        long[] chosen = ranked();
        Arrays.sort(chosen);
        return chosen;
    }
}
