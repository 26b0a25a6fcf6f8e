package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class StrongestFeaturesTest {
    /** Layers come from the top down, many scores are equal, and far more come than are kept. */
    @Test
    void keepsTheLargestAndOfEqualOnesTheFirst() {
        int size = 5000;
        Random random = new Random(1);
        float[] all = new float[4 * size];
        for (int i = 0; i < all.length; i++) {
            all[i] = random.nextInt(40) / 8f;
        }
        for (int most : new int[] {1, 7, 1000, 3000, 0}) {
            StrongestFeatures strongest = new StrongestFeatures(most);
            for (int layer = 3; layer >= 0; layer--) {
                strongest.add((long) layer * size, Arrays.copyOfRange(all, layer * size, (layer + 1) * size), 10);
            }
            long[] expected = IntStream.range(0, all.length)
                    .filter(i -> i % size >= 10 && all[i] > 0)
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> -all[i]).thenComparing(i -> i))
                    .limit(most == 0 ? all.length : most)
                    .mapToLong(Integer::longValue)
                    .sorted()
                    .toArray();
            assertArrayEquals(expected, strongest.chosen(), "most " + most);
        }
    }

    @Test
    void countsTheEdgesBetweenThem() {
        // 3 layers, 4 positions, 5 features, all of them: 25 pairs of features at each pair of places.
        long[] all = LongStream.range(0, 3 * 4 * 5).toArray();
        assertEquals(3 * 10 * 25, StrongestFeatures.edges(all, 4, 5));
        assertEquals(1, StrongestFeatures.edges(new long[] {0, 4 * 5 + 19}, 4, 5));
        assertEquals(0, StrongestFeatures.edges(new long[] {19, 4 * 5}, 4, 5), "an earlier position is not reached");
    }
}
