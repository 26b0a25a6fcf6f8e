package dev.headwater.engine.attribution;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

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
        int[] order = IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -score[i]).thenComparingLong(i -> number[i]))
                .limit(most)
                .mapToInt(Integer::intValue)
                .toArray();
        float[] scores = new float[score.length];
        long[] numbers = new long[score.length];
        for (int i = 0; i < order.length; i++) {
            scores[i] = score[order[i]];
            numbers[i] = number[order[i]];
        }
        score = scores;
        number = numbers;
        count = order.length;
    }

    /** Their numbers, ascending. */
    long[] chosen() {
        cut();
        long[] chosen = Arrays.copyOf(number, count);
        Arrays.sort(chosen);
        return chosen;
    }
}
