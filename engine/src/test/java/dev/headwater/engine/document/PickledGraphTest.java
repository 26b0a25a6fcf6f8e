package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.weights.SafetensorsFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs that circuit-tracer saved, against the golden case that they are of; their README says how they were made. */
class PickledGraphTest {
    private static final Path FILES = Path.of("src/test/resources/pickled");
    private static final Path GOLDEN = Path.of("src/test/resources/golden/llama-plt-relu-skip/golden.safetensors");

    private static final IntFunction<String> IDS = id -> "#" + id;

    @TempDir
    Path directory;

    private static AttributionGraph read(String name) {
        return PickledGraph.read(FILES.resolve(name), model -> {
            assertEquals("tiny/llama-plt-relu-skip", model);
            return IDS;
        });
    }

    private static int[] ints(SafetensorsFile golden, String name) {
        return golden.data(name).toArray(ValueLayout.JAVA_INT_UNALIGNED);
    }

    @ParameterizedTest
    @CsvSource({"graph.pt, 1e-5", "first-release.pt, 1e-5", "views.pt, 1e-5"})
    void theMatrixIsTheGoldenOneWhereItHasItsNodes(String name, double tolerance) {
        try (AttributionGraph graph = read(name);
                SafetensorsFile golden = SafetensorsFile.open(GOLDEN)) {
            int[] triples = ints(golden, "active_features");
            ActiveFeatures active = graph.active();
            for (int i = 0; i < active.count(); i++) {
                assertArrayEquals(
                        new int[] {active.layer()[i], active.position()[i], active.feature()[i]},
                        Arrays.copyOfRange(triples, 3 * i, 3 * i + 3));
            }
            assertEquals(triples.length / 3, active.count());
            assertArrayEquals(ints(golden, "input_tokens"), graph.prompt().tokens());
            float[] activations = golden.floats("activation_values");
            for (int i = 0; i < activations.length; i++) {
                assertEquals(activations[i], active.activation()[i], name.equals("views.pt") ? 0.02 : 1e-5);
            }
            int whole = (int) golden.info("adjacency").size(0);
            float[] expected = golden.floats("adjacency");
            float[] actual = graph.edges().toDense();
            int[] node = new int[graph.size()];
            int[] selected = graph.selected();
            for (int i = 0; i < node.length; i++) {
                node[i] = i < selected.length ? selected[i] : i - selected.length + active.count();
            }
            for (int t = 0; t < node.length; t++) {
                for (int s = 0; s < node.length; s++) {
                    assertEquals(
                            expected[node[t] * whole + node[s]], actual[t * node.length + s], tolerance, t + " " + s);
                }
            }
            float[] probabilities = golden.floats("logit_probabilities");
            int[] ids = ints(golden, "logit_targets");
            for (int k = 0; k < ids.length; k++) {
                assertEquals(ids[k], graph.targets().get(k).token());
                assertEquals(probabilities[k], graph.targets().get(k).probability(), 1e-4);
            }
            assertEquals("tiny/llama-plt-relu-skip", graph.provenance().model());
            assertEquals(
                    List.of("tiny/llama-plt-relu-skip-transcoders"),
                    graph.provenance().transcoders());
        }
    }

    @Test
    void textsComeFromTheFileOrTheTokenizer() {
        try (AttributionGraph now = read("graph.pt");
                AttributionGraph before = read("first-release.pt")) {
            assertTrue(now.prompt().texts().stream().allMatch(text -> text.startsWith("#")));
            assertEquals(20, now.featureCount());
            assertEquals(320, now.vocabularySize());
            assertEquals(320, before.vocabularySize());
            assertEquals(
                    "#" + before.targets().getFirst().token(),
                    before.targets().getFirst().text());
            assertTrue(now.targets().stream().noneMatch(target -> target.text().startsWith("#")));
        }
    }

    @Test
    void itIsTheSameGraphAsSafetensors() {
        Path file = directory.resolve("graph.safetensors");
        try (AttributionGraph graph = WholeGraph.read(FILES.resolve("graph.pt"))) {
            GraphFile.write(graph, file);
            try (AttributionGraph again = WholeGraph.read(file)) {
                assertArrayEquals(graph.edges().toDense(), again.edges().toDense());
                assertEquals(graph.provenance(), again.provenance());
            }
        }
        try (PlainGraph a = PlainGraph.read(FILES.resolve("graph.pt"));
                PlainGraph b = PlainGraph.read(file)) {
            GraphComparison comparison = GraphComparison.of(a, b);
            assertEquals(1, comparison.nodes().jaccard());
            assertEquals(1, comparison.edges().jaccard());
        }
    }

    @Test
    void theFormatBeforeZipIsRefusedWithAWayOut() {
        assertTrue(assertThrows(HeadwaterException.class, () -> read("not-zip.pt"))
                .getMessage()
                .contains("before 1.6"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"x.pt", "a/graph.pt"})
    void noneIsEverWritten(String name) {
        Path file = directory.resolve(name);
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            String message = assertThrows(UsageException.class, () -> GraphFile.write(graph, file))
                    .getMessage();
            assertTrue(message.endsWith("name it " + file.toString().replace(".pt", ".safetensors")), message);
        }
    }
}
