package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.weights.SafetensorsFile;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One case of the golden data as far as transcoders need it: the tensors at the two sites and what the set makes of
 * them.
 */
final class GoldenCase implements AutoCloseable {
    final String name;
    final JsonNode description;
    private final SafetensorsFile golden;

    GoldenCase(String name) {
        this.name = name;
        this.description = BoundedJson.read(directory(name).resolve("case.json"));
        this.golden = SafetensorsFile.open(directory(name).resolve("golden.safetensors"));
    }

    static Stream<String> names() {
        return dev.headwater.engine.GoldenCase.names().stream();
    }

    private static Path directory(String name) {
        try {
            return Path.of(GoldenCase.class.getResource("/golden/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new AssertionError(impossible);
        }
    }

    static Path transcoders(String name) {
        return directory(name).resolve("transcoders");
    }

    int layers() {
        return (int) golden.info("feature_inputs").size(0);
    }

    int positions() {
        return (int) golden.info("feature_inputs").size(1);
    }

    int width() {
        return (int) golden.info("feature_inputs").size(2);
    }

    float[] floats(String tensor) {
        return golden.floats(tensor);
    }

    int[] ints(String tensor) {
        return golden.data(tensor).toArray(ValueLayout.JAVA_INT);
    }

    /** The [P, d] tensors of each layer. */
    List<Tensor> byLayer(String tensor) {
        float[] all = floats(tensor);
        int size = positions() * width();
        return IntStream.range(0, layers())
                .mapToObj(layer -> Tensor.ofFloats(
                        Arrays.copyOfRange(all, layer * size, (layer + 1) * size), positions(), width()))
                .toList();
    }

    /** @return the largest difference */
    double assertClose(String tensor, String tolerance, float[] actual) {
        double atol = description.at("/tolerances/" + tolerance).get(0).asDouble();
        double rtol = description.at("/tolerances/" + tolerance).get(1).asDouble();
        float[] expected = floats(tensor);
        if (expected.length != actual.length) {
            fail("%s %s: %d numbers, %d expected".formatted(name, tensor, actual.length, expected.length));
        }
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs((double) actual[i] - expected[i]);
            if (!(difference <= atol + rtol * Math.abs(expected[i]))) {
                fail("%s %s[%d]: expected %s but was %s".formatted(name, tensor, i, expected[i], actual[i]));
            }
            worst = Math.max(worst, difference);
        }
        return worst;
    }

    @Override
    public void close() {
        golden.close();
    }
}
