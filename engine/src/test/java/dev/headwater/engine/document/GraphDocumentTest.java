package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Graph files: what is written and read besides the golden graphs. */
public class GraphDocumentTest {
    @TempDir
    Path directory;

    public static JsonNode tree(Path file) {
        try {
            return new ObjectMapper().readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path file(String json) throws IOException {
        return Files.writeString(directory.resolve("g.json"), json);
    }

    /** Two layers, two tokens, three features, one logit. */
    public static AttributionGraph graph() {
        float[] a = new float[100];
        a[7] = 0.5f;
        a[10 + 7] = -0.25f;
        a[20 + 8] = 0.6f;
        a[20] = 1e-7f;
        a[90] = 0.4f;
        a[91] = 0.3f;
        a[92] = 0.5f;
        a[93] = 0.1f;
        var active = new ActiveFeatures(
                new int[] {0, 0, 1, 1}, new int[] {0, 0, 0, 1}, new int[] {100, 200, 5, 300}, new float[] {1, 2, 9, 3.5f
                });
        return new AttributionGraph(
                new Prompt("a\n\"b\"", new int[] {0, 7}, List.of("a\n", "\"b\"")),
                2,
                16,
                active,
                new int[] {0, 1, 3},
                List.of(new LogitTarget(5, " x", 0.75f, 1)),
                EdgeRows.fromDense(a, 10, 10),
                new Provenance(
                        "org/model@rev",
                        List.of("https://example.org/t"),
                        "scan",
                        "cpu",
                        "float32",
                        Map.of("headwater", "9.9"),
                        Map.of("batch_size", 256),
                        Map.of("sweep", 1.5),
                        1234));
    }

    @Test
    void provenanceSettingsAndLabelsAreWritten() {
        var options = new GraphJson.Options(
                "my-graph_1.0",
                (layer, feature) -> "L" + layer + "F" + feature,
                Map.of("feature_json_base_url", "/features"));
        Path file;
        try (AttributionGraph graph = graph()) {
            file = GraphJson.write(graph, Pruning.of(graph, 1, 1), options, directory.resolve("new/dir"));
            assertEquals(
                    List.of(
                            "0_100_0", "0_200_0", "1_300_1", "0_-1_0", "0_-1_1", "1_-1_0", "1_-1_1", "E_0_0", "E_7_1",
                            "3_5_1"),
                    IntStream.range(0, 10).mapToObj(i -> GraphJson.id(graph, i)).toList());
        }
        JsonNode metadata = tree(file).get("metadata");
        assertEquals("Headwater", metadata.at("/info/generator/name").asText());
        assertEquals("9.9", metadata.at("/info/generator/version").asText());
        assertEquals(1234, metadata.at("/info/create_time_ms").asLong());
        assertEquals("https://example.org/t", metadata.at("/info/source_urls/0").asText());
        assertEquals(256, metadata.at("/generation_settings/batch_size").asInt());
        assertEquals(1, metadata.at("/pruning_settings/edge_threshold").asDouble());
        assertEquals(
                "/features",
                metadata.at("/feature_details/feature_json_base_url").asText());
        GraphDocument document = GraphDocument.read(file);
        DocumentNode feature = document.nodes().getFirst();
        assertEquals("L0F100", feature.label());
        assertEquals(100, feature.feature());
        assertEquals(1, feature.activation());
        DocumentNode logit = document.nodes().getLast();
        assertEquals("Output \" x\" (p=0.750)", logit.label());
        assertEquals(DocumentNode.Kind.LOGIT, logit.kind());
        assertTrue(Double.isNaN(logit.influence()));
        assertEquals(
                List.of(document.metadata()),
                List.copyOf(tree(file.resolveSibling("graph-metadata.json"))
                        .get("graphs")
                        .valueStream()
                        .toList()));
    }

    @Test
    void twoWritesGiveTheSameBytes() throws IOException {
        byte[][] bytes = new byte[2][];
        for (int i = 0; i < 2; i++) {
            try (AttributionGraph graph = graph()) {
                bytes[i] = Files.readAllBytes(
                        GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("g"), directory));
            }
        }
        assertEquals(new String(bytes[0]), new String(bytes[1]));
    }

    @Test
    void indexKeepsOtherEntriesAndUnknownFields() throws IOException {
        Files.writeString(directory.resolve(GraphIndex.FILE), """
                {"theirs": {"a": [1]}, "graphs": [{"slug": "other", "x": 1}, {"slug": "g", "old": true}, "odd"]}""");
        try (AttributionGraph graph = graph()) {
            GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("g"), directory);
            GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("h"), directory);
        }
        JsonNode index = tree(directory.resolve(GraphIndex.FILE));
        assertEquals(1, index.at("/theirs/a/0").asInt());
        assertEquals(1, index.at("/graphs/0/x").asInt());
        assertEquals("scan", index.at("/graphs/1/scan").asText());
        assertFalse(index.at("/graphs/1").has("old"));
        assertEquals("h", index.at("/graphs/3/slug").asText());
        try (var files = Files.list(directory)) {
            assertEquals(
                    List.of("g.json", "graph-metadata.json", "h.json"),
                    files.map(f -> f.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void brokenIndexIsLeftAlone() throws IOException {
        for (String broken : List.of("{\"graphs\": {}}", "[]", "{\"graphs\": [")) {
            Files.writeString(directory.resolve(GraphIndex.FILE), broken);
            try (AttributionGraph graph = graph()) {
                assertThrows(
                        HeadwaterException.class,
                        () -> GraphJson.write(
                                graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("g"), directory));
            }
            assertEquals(broken, Files.readString(directory.resolve(GraphIndex.FILE)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "../x", "a/b", "a\\b", "graph-metadata", "Graph-Metadata", "ä", "a b", "a\n"})
    void namesThatLeaveTheDirectoryAreRefused(String slug) {
        try (AttributionGraph graph = graph()) {
            assertThrows(
                    UsageException.class,
                    () -> GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of(slug), directory));
        }
        assertFalse(Files.exists(directory.resolve(GraphIndex.FILE)));
    }

    private static final String NODE = """
            {"node_id": "%s", "feature": %s, "layer": "%s", "ctx_idx": %d, "feature_type": "%s", "jsNodeId": "", "clerp": ""}""";

    @Test
    void bothWaysOfNamingErrorsAndBothSchemaVersionsAreRead() throws IOException {
        String nodes = String.join(
                ",",
                NODE.formatted("0_3_1", 1800003, "18", 1, "cross layer transcoder"),
                NODE.formatted("0_1_1", -1, "1", 1, "mlp reconstruction error"),
                NODE.formatted("E_5_0", 0, "E", 0, "embedding"),
                NODE.formatted("x", "null", "3", 0, "lorsa"));
        GraphDocument old = GraphDocument.read(file("""
                {"metadata": {"slug": "s"}, "nodes": [%s],
                 "links": [{"source": "E_5_0", "target": "0_3_1", "weight": -2, "mine": 1}, {"source": "gone", "target": "x", "weight": 1}],
                 "qk_only_nodes": {"k": []}}""".formatted(nodes)));
        assertEquals(3, old.nodes().get(0).feature());
        assertEquals(18, old.nodes().get(0).layer());
        assertEquals(DocumentNode.Kind.ERROR, old.nodes().get(1).kind());
        assertEquals(1, old.nodes().get(1).layer());
        assertEquals(-1, old.nodes().get(2).layer());
        assertEquals(DocumentNode.Kind.OTHER, old.nodes().get(3).kind());
        assertEquals(1, old.danglingLinks());
        assertEquals(-2, old.links().getFirst().weight());
        Path copy = directory.resolve("copy.json");
        old.write(copy);
        GraphDocument again = GraphDocument.read(copy);
        assertEquals(old.nodes(), again.nodes());
        assertEquals(old.links(), again.links());
        assertEquals(old.rest(), again.rest());
        assertTrue(again.rest().has("qk_only_nodes"));
        assertEquals(1, again.links().getFirst().extra().get("mine").asInt());

        GraphDocument now = GraphDocument.read(file("""
                {"metadata": {"schema_version": 1}, "qParams": {}, "links": [],
                 "nodes": [%s, %s]}""".formatted(
                        NODE.formatted("25_12261_3", 75491302, "25", 3, "cross layer transcoder"),
                        NODE.formatted("odd_7_3", 4, "9", 3, "cross layer transcoder"))));
        assertEquals(12261, now.nodes().get(0).feature());
        assertEquals(7, now.nodes().get(1).feature());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                "{\"metadata\": {}}",
                "{\"metadata\": {}, \"nodes\": 1, \"links\": []}",
                "{\"metadata\": [], \"nodes\": [], \"links\": []}",
                "{\"metadata\": {}, \"nodes\": [], \"links\": []} x",
                "{\"metadata\": {}, \"nodes\": [], \"links\": [1]}",
                "{\"metadata\": {}, \"nodes\": [], \"links\": [{\"source\": \"a\", \"target\": \"b\", \"weight\": NaN}]}",
                "{\"metadata\": {}, \"nodes\": [{\"node_id\": \"\\n\\u001b[2J\"}], \"links\": []}",
                "{\"metadata\": {}, \"nodes\": [7], \"links\": []}",
                "{\"metadata\": {}, \"nodes\": [{\"node_id\": \"a\"}], \"links\": []}",
                "{\"metadata\": {}, \"qParams\": 3, \"nodes\": [], \"links\": []}",
                "{\"metadata\": {}, \"nodes\": [], \"links\": [",
            })
    void malformedFilesAreRefusedInOneSentence(String json) throws IOException {
        Path file = file(json);
        var e = assertThrows(HeadwaterException.class, () -> GraphDocument.read(file));
        assertTrue(e.getMessage().contains("g.json") && e.getMessage().chars().noneMatch(c -> c < ' '), e.getMessage());
    }

    @Test
    void verySmallValuesInGreatNumberAreRefused() throws IOException {
        Path many = file("{\"metadata\": [" + "0,".repeat(10_000_001) + "0]}");
        assertTrue(assertThrows(HeadwaterException.class, () -> GraphDocument.read(many))
                .getMessage()
                .contains("more than 10000000 values"));
    }

    @Test
    void deepNestingAndDoubleNamesAreRefused() throws IOException {
        Path deep = file("{\"metadata\": " + "[".repeat(100_000));
        assertThrows(HeadwaterException.class, () -> GraphDocument.read(deep));
        String node = NODE.formatted("E_5_0", 0, "E", 0, "embedding");
        Path twice = file("{\"metadata\": {}, \"nodes\": [%s, %s], \"links\": []}".formatted(node, node));
        assertTrue(assertThrows(HeadwaterException.class, () -> GraphDocument.read(twice))
                .getMessage()
                .contains("E_5_0"));
        assertThrows(HeadwaterException.class, () -> GraphDocument.read(directory.resolve("missing.json")));
    }
}
