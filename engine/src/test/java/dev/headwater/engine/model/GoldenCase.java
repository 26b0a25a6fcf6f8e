package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.weights.SafetensorsFile;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/** One directory of the test resources' {@code golden/} as the model sees it. */
record GoldenCase(String name, Path directory, JsonNode json) {
    static GoldenCase of(String name) {
        try {
            Path directory = Path.of(GoldenCase.class
                            .getResource("/golden/" + name + "/case.json")
                            .toURI())
                    .getParent();
            return new GoldenCase(name, directory, BoundedJson.read(directory.resolve("case.json")));
        } catch (URISyntaxException impossible) {
            throw new AssertionError(impossible);
        }
    }

    Path modelDirectory() {
        return directory.resolve("model");
    }

    LanguageModel load() {
        return LanguageModel.load(modelDirectory(), DType.F32, Device.CPU);
    }

    int[] tokens() {
        return StreamSupport.stream(json.get("input_tokens").spliterator(), false)
                .mapToInt(JsonNode::intValue)
                .toArray();
    }

    FeatureSite input() {
        return FeatureSite.ofHookName(json.get("feature_input_hook").textValue())
                .orElseThrow();
    }

    FeatureSite output() {
        return FeatureSite.ofHookName(json.get("feature_output_hook").textValue())
                .orElseThrow();
    }

    float[] floats(String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("golden.safetensors"))) {
            return file.floats(tensor);
        }
    }

    int[] ints(String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("golden.safetensors"))) {
            return file.data(tensor).toArray(java.lang.foreign.ValueLayout.JAVA_INT);
        }
    }

    /**
     * Compares with part of an expected tensor, within the case's tolerance of that kind; returns the largest
     * difference.
     */
    double assertClose(String tensor, String tolerance, int from, float[] actual) {
        double atol = json.get("tolerances").get(tolerance).get(0).doubleValue();
        double rtol = json.get("tolerances").get(tolerance).get(1).doubleValue();
        float[] expected = floats(tensor);
        double largest = 0;
        for (int i = 0; i < actual.length; i++) {
            double difference = Math.abs((double) actual[i] - expected[from + i]);
            if (!(difference <= atol + rtol * Math.abs(expected[from + i]))) {
                fail("%s %s[%d]: expected %s but was %s"
                        .formatted(name, tensor, from + i, expected[from + i], actual[i]));
            }
            largest = Math.max(largest, difference);
        }
        return largest;
    }

    void assertWhole(String tensor, String tolerance, float[] actual) {
        assertEquals(floats(tensor).length, actual.length, name + " " + tensor + ": length");
        assertClose(tensor, tolerance, 0, actual);
    }

    int layers() {
        return json.get("dims").get("layers").intValue();
    }

    static int argmax(float[] values) {
        return IntStream.range(0, values.length)
                .reduce((a, b) -> values[b] > values[a] ? b : a)
                .orElseThrow();
    }
}
