package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Statistics of parts of a corpus, put together. */
class FeatureStatisticsTest {
    private static final int WINDOWS = 300;
    private static final int LENGTH = 6;
    private static final int TOP = 7;
    private static final int SAMPLE = 5;

    @TempDir
    private Path directory;

    private TokenWindows windows() throws IOException {
        Path file = directory.resolve("tokens");
        try (var out = new DataOutputStream(Files.newOutputStream(file))) {
            for (int window = 0; window < WINDOWS; window++) {
                out.writeInt(LENGTH);
                for (int i = 0; i < LENGTH; i++) {
                    out.writeInt(i == 0 ? window : i); // no two are the same
                }
            }
        }
        return TokenWindows.open(file, WINDOWS);
    }

    /** Whatever the parts and the tree by which they are put together: what one reading gives. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void partsGiveWhatOneReadingGives(long seed) throws IOException {
        Random random = new Random(seed);
        double wide = seed % 3; // from one power of two to many
        try (TokenWindows windows = windows()) {
            List<FeatureStatistics> parts = new ArrayList<>();
            FeatureStatistics whole = new FeatureStatistics();
            FeatureStatistics part = new FeatureStatistics();
            for (int window = 0; window < WINDOWS; window++) {
                int[] positions = random.ints(1, LENGTH)
                        .limit(1 + random.nextInt(3))
                        .distinct()
                        .sorted()
                        .toArray();
                float[] values = new float[positions.length];
                for (int i = 0; i < values.length; i++) {
                    // Coarse, so that there are ties; of both signs for some seeds.
                    double size = Math.round(8 * Math.exp(wide * random.nextGaussian())) / 8.0;
                    values[i] = (float) (seed % 2 == 0 || random.nextBoolean() ? size : -size);
                }
                long hash = random.nextLong();
                if (random.nextInt(4) > 0) {
                    whole.add(windows, window, positions, values, hash, TOP, SAMPLE);
                    part.add(windows, window, positions, values, hash, TOP, SAMPLE);
                }
                if (random.nextInt(20) == 0) {
                    parts.add(part);
                    part = new FeatureStatistics();
                }
            }
            parts.add(part);
            for (int tree = 0; tree < 5; tree++) {
                List<FeatureStatistics> left = new ArrayList<>(parts);
                while (left.size() > 1) {
                    Collections.shuffle(left, random);
                    FeatureStatistics one = left.removeLast();
                    left.add(one.with(left.removeFirst(), windows, TOP, SAMPLE));
                }
                assertArrayEquals(bytes(whole), bytes(left.getFirst()), "tree " + tree);
            }
        }
    }

    private static byte[] bytes(FeatureStatistics statistics) throws IOException {
        var bytes = new ByteArrayOutputStream();
        statistics.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }
}
