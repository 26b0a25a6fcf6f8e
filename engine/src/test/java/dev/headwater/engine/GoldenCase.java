package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** One case of the golden data: a tiny model, transcoders, and what a float64 oracle expects of them. */
public final class GoldenCase implements AutoCloseable {
    private final String name;
    private final Path directory;
    private final JsonNode description;
    private final SafetensorsFile expected;

    public GoldenCase(String name) {
        this.name = name;
        directory = root().resolve(name);
        try {
            description =
                    new ObjectMapper().readTree(directory.resolve("case.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        expected = SafetensorsFile.open(directory.resolve("golden.safetensors"));
    }

    private static Path root() {
        try {
            return Path.of(GoldenCase.class.getResource("/golden/README.md").toURI())
                    .getParent();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names of all cases with a model. */
    public static List<String> names() {
        try (Stream<Path> entries = Files.list(root())) {
            return entries.filter(path -> Files.exists(path.resolve("case.json")))
                    .map(path -> path.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Path model() {
        return directory.resolve("model");
    }

    public Path transcoders() {
        return directory.resolve("transcoders");
    }

    public Path directory() {
        return directory;
    }

    /** case.json. */
    public JsonNode description() {
        return description;
    }

    public boolean has(String tensor) {
        return expected.has(tensor);
    }

    public long[] shape(String tensor) {
        return expected.info(tensor).shape();
    }

    public float[] floats(String tensor) {
        return expected.floats(tensor);
    }

    public int[] ints(String tensor) {
        MemorySegment data = expected.data(tensor);
        int[] values = new int[(int) (data.byteSize() / 4)];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i);
        }
        return values;
    }

    public void assertInts(String tensor, int[] actual) {
        assertArrayEquals(ints(tensor), actual, name + ": " + tensor);
    }

    /** Compares within the tolerance that case.json gives for {@code kind}. */
    public void assertClose(String tensor, String kind, float[] actual) {
        JsonNode tolerance = description.get("tolerances").get(kind);
        double atol = tolerance.get(0).asDouble();
        double rtol = tolerance.get(1).asDouble();
        float[] wanted = floats(tensor);
        assertEquals(wanted.length, actual.length, name + ": length of " + tensor);
        int worst = -1;
        double excess = 0;
        for (int i = 0; i < wanted.length; i++) {
            double over = Math.abs((double) actual[i] - wanted[i]) - atol - rtol * Math.abs(wanted[i]);
            if (!(over <= excess)) {
                excess = Double.isNaN(over) ? Double.POSITIVE_INFINITY : over;
                worst = i;
            }
        }
        if (worst >= 0) {
            fail("%s: %s[%d] of %s is %s, expected %s (tolerance %s + %s relative)"
                    .formatted(
                            name,
                            tensor,
                            worst,
                            Arrays.toString(shape(tensor)),
                            actual[worst],
                            wanted[worst],
                            atol,
                            rtol));
        }
    }

    public void assertClose(String tensor, String kind, double[] actual) {
        float[] floats = new float[actual.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) actual[i];
        }
        assertClose(tensor, kind, floats);
    }

    /**
     * Compares cumulative shares of influence, ties aside: nodes whose influences agree within the tolerance for
     * influence may stand in either order, which moves each by the other's share.
     */
    public void assertCumulative(String tensor, String influence, double[] actual) {
        float[] expectedInfluence = floats(influence);
        JsonNode tolerance = description.get("tolerances").get("node_influence");
        double slack =
                description.get("tolerances").get("cumulative_scores").get(0).asDouble();
        double total = 0;
        for (float value : expectedInfluence) {
            total += value;
        }
        float[] expectedShares = floats(tensor);
        for (int i = 0; i < actual.length; i++) {
            double near = tolerance.get(0).asDouble() + tolerance.get(1).asDouble() * expectedInfluence[i];
            double ties = 0;
            for (int j = 0; j < actual.length; j++) {
                if (j != i && Math.abs(expectedInfluence[j] - expectedInfluence[i]) <= near) {
                    ties += expectedInfluence[j] / total;
                }
            }
            if (!(Math.abs(actual[i] - expectedShares[i]) <= slack + ties)) {
                fail("%s: %s[%d] is %s, expected %s (tolerance %s, ties %s)"
                        .formatted(name, tensor, i, actual[i], expectedShares[i], slack, ties));
            }
        }
    }

    @Override
    public String toString() {
        return name;
    }

    @Override
    public void close() {
        expected.close();
    }
}
