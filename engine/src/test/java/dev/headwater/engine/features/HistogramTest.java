package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HistogramTest {
    @ParameterizedTest
    @ValueSource(strings = {"positive", "signed", "negative", "narrow", "one", "tiny", "wide"})
    void quantilesAndCountsAreExactToABinWhateverTheOrder(String kind) throws IOException {
        Random random = new Random(kind.hashCode());
        List<Float> values = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            values.add((float)
                    switch (kind) {
                        case "positive" -> Math.abs(random.nextGaussian());
                        case "signed" -> random.nextGaussian();
                        case "negative" -> -1 - random.nextDouble();
                        case "narrow" -> 1000 + random.nextDouble();
                        case "one" -> 0.25;
                        case "tiny" -> random.nextDouble() * 1e-39;
                        default -> Math.exp(20 * random.nextGaussian());
                    });
        }
        Histogram histogram = of(values);
        Collections.shuffle(values, random);
        assertArrayEquals(bytes(histogram), bytes(of(values)), "order");
        Histogram read = Histogram.read(new DataInputStream(new ByteArrayInputStream(bytes(histogram))));
        assertArrayEquals(bytes(histogram), bytes(read), "written and read");
        double[] sorted =
                values.stream().mapToDouble(Float::doubleValue).sorted().toArray();
        double range = Math.max(sorted[2999] - sorted[0], Math.max(Math.abs(sorted[0]), Math.abs(sorted[2999])) / 64);
        for (int i = 0; i <= 10; i++) {
            assertEquals(
                    sorted[Math.min(2999, 300 * i)], histogram.quantile(i / 10.0), range / 30, "quantile " + i / 10.0);
        }
        assertEquals(3000, Arrays.stream(histogram.between(40)).sum(), 1e-6, "count");
        assertEquals(3000, histogram.total());
    }

    private static Histogram of(List<Float> values) {
        Histogram histogram = new Histogram();
        values.forEach(histogram::add);
        return histogram;
    }

    private static byte[] bytes(Histogram histogram) throws IOException {
        var bytes = new ByteArrayOutputStream();
        histogram.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }
}
