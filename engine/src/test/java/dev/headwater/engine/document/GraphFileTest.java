package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The raw graph file. */
class GraphFileTest {
    @TempDir
    Path directory;

    private Path written() {
        Path file = directory.resolve("graph.safetensors");
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            GraphFile.write(graph, file);
        }
        return file;
    }

    @Test
    void everythingComesBack() throws IOException {
        Path file = written();
        try (AttributionGraph expected = GraphDocumentTest.graph();
                AttributionGraph actual = GraphFile.read(file)) {
            assertEquals(expected.prompt().text(), actual.prompt().text());
            assertEquals(expected.prompt().texts(), actual.prompt().texts());
            assertArrayEquals(expected.prompt().tokens(), actual.prompt().tokens());
            assertEquals(expected.layers(), actual.layers());
            assertEquals(expected.vocabularySize(), actual.vocabularySize());
            assertEquals(expected.targets(), actual.targets());
            assertEquals(expected.provenance().untimed(), actual.provenance());
            assertArrayEquals(expected.active().activation(), actual.active().activation());
            assertArrayEquals(expected.selected(), actual.selected());
            assertArrayEquals(expected.edges().toDense(), actual.edges().toDense());
            for (int i = 0; i < expected.size(); i++) assertEquals(expected.node(i), actual.node(i));
            Path again = directory.resolve("again.safetensors");
            GraphFile.write(actual, again);
            assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(again));
        }
    }

    @Test
    void tensorsHaveThePublishedNamesAndTypes() {
        try (SafetensorsFile in = SafetensorsFile.open(written())) {
            var types = new HashMap<String, String>();
            for (String name : in.names()) types.put(name, in.info(name).toString());
            assertEquals(
                    Map.of(
                            "input_tokens",
                            "input_tokens I64[2]",
                            "active_features",
                            "active_features I64[4, 3]",
                            "activation_values",
                            "activation_values F32[4]",
                            "selected_features",
                            "selected_features I64[3]",
                            "adjacency_matrix",
                            "adjacency_matrix F32[10, 10]",
                            "logit_tokens",
                            "logit_tokens I64[1]",
                            "logit_probabilities",
                            "logit_probabilities F32[1]"),
                    types);
            assertEquals(0.4f, in.data("adjacency_matrix").getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, 90));
        }
    }

    /** A change to a sound file that makes it unsound, and a word of the complaint. */
    record Damage(String tensor, Object values, long[] shape, String complaint) {
        @Override
        public String toString() {
            return complaint;
        }
    }

    static Stream<Damage> damages() {
        float[] infinite = new float[100];
        infinite[7] = Float.POSITIVE_INFINITY;
        return Stream.of(
                new Damage("input_tokens", new long[] {0, 16}, new long[] {2}, "beyond its vocabulary"),
                new Damage("input_tokens", new long[] {0, -1}, new long[] {2}, "input_tokens holds -1"),
                new Damage("input_tokens", new long[] {0, 1L << 40}, new long[] {2}, "input_tokens holds"),
                new Damage("input_tokens", new long[] {0, 1, 2}, new long[] {3}, "token texts"),
                new Damage("input_tokens", new long[0], new long[] {0}, "at least one token"),
                new Damage("input_tokens", new float[] {0, 1}, new long[] {2}, "I64"),
                new Damage("active_features", new long[12], new long[] {4, 3}, "order"),
                new Damage("active_features", new long[12], new long[] {3, 4}, "columns"),
                new Damage(
                        "active_features",
                        new long[] {0, 0, 100, 0, 0, 200, 1, 0, 5, 2, 1, 300},
                        new long[] {4, 3},
                        "outside"),
                new Damage(
                        "active_features",
                        new long[] {0, 0, 100, 0, 0, 200, 1, 0, 5, 1, 2, 300},
                        new long[] {4, 3},
                        "outside"),
                new Damage("activation_values", new float[3], new long[] {3}, "3 activation values"),
                new Damage("activation_values", new float[] {1, Float.NaN, 1, 1}, new long[] {4}, "NaN"),
                new Damage("selected_features", new long[] {0, 3, 1}, new long[] {3}, "ascending"),
                new Damage("selected_features", new long[] {0, 1, 4}, new long[] {3}, "number 4 of 4"),
                new Damage("selected_features", new long[] {0, 1}, new long[] {2}, "makes 9 nodes"),
                new Damage("adjacency_matrix", new float[90], new long[] {10, 9}, "10 x 9"),
                new Damage("adjacency_matrix", infinite, new long[] {10, 10}, "not finite"),
                new Damage("adjacency_matrix", new float[100], new long[] {100}, "2 dimensions"),
                new Damage("logit_tokens", new long[0], new long[] {0}, "no logits"),
                new Damage("logit_probabilities", new float[] {-1}, new long[] {1}, "probability -1"),
                new Damage("logit_probabilities", new float[] {1, 1}, new long[] {2}, "differ in number"),
                new Damage("logit_probabilities", null, null, "logit_probabilities"),
                new Damage(null, "{}", null, "not complete"),
                new Damage(null, "{", null, "cannot be read"),
                new Damage(null, null, null, "headwater_graph"),
                new Damage(
                        null,
                        "{\"version\": 3, \"prompt\": \"\", \"tokenTexts\": [], \"logitTexts\": [], \"provenance\": {}}",
                        null,
                        "version 3"));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void unsoundFilesAreRefused(Damage damage) {
        Path damaged = directory.resolve("damaged.safetensors");
        try (SafetensorsFile in = SafetensorsFile.open(written())) {
            var metadata = new HashMap<>(in.metadata());
            if (damage.tensor == null) metadata.put("headwater_graph", (String) damage.values);
            if (damage.tensor == null && damage.values == null) metadata.clear();
            var tensors = new ArrayList<TensorInfo>();
            for (String name : in.names()) {
                if (!name.equals(damage.tensor)) tensors.add(in.info(name));
                else if (damage.values != null)
                    tensors.add(
                            TensorInfo.of(name, damage.values instanceof long[] ? DType.I64 : DType.F32, damage.shape));
            }
            try (SafetensorsWriter out = SafetensorsWriter.create(damaged, tensors, metadata)) {
                for (TensorInfo info : tensors) {
                    switch (info.name().equals(damage.tensor) ? damage.values : in.data(info.name())) {
                        case long[] longs -> out.write(info.name(), longs);
                        case float[] floats -> out.write(info.name(), floats);
                        case MemorySegment data -> out.write(info.name(), data);
                        default -> throw new AssertionError();
                    }
                }
                out.commit();
            }
        }
        var e = assertThrows(
                HeadwaterException.class, () -> GraphFile.read(damaged).close());
        assertTrue(e.getMessage().contains(damage.complaint) && e.getMessage().contains("damaged"), e.getMessage());
    }

    @Test
    void layerNumbersThatLieAreRefused() {
        Path damaged = directory.resolve("damaged.safetensors");
        try (SafetensorsFile in = SafetensorsFile.open(written())) {
            String lie = in.metadata().get("headwater_graph").replace("\"layers\":2", "\"layers\":2147483647");
            List<TensorInfo> tensors = in.names().stream().map(in::info).toList();
            try (SafetensorsWriter out = SafetensorsWriter.create(damaged, tensors, Map.of("headwater_graph", lie))) {
                for (TensorInfo info : tensors) out.write(info.name(), in.data(info.name()));
                out.commit();
            }
        }
        assertTrue(assertThrows(
                        HeadwaterException.class, () -> GraphFile.read(damaged).close())
                .getMessage()
                .contains("nodes"));
    }
}
