package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Influence, pruning, scores, selection and files of the golden models' graphs, from their stored matrices. */
class GoldenCaseTest {
    /** Matrices and expected values are stored in float32, which is all that they can agree to. */
    private static final double ATOL = 1e-6;

    @TempDir
    Path directory;

    static Stream<GoldenCase> cases() {
        return Stream.of("gemma2-plt-npz", "gemma2-clt-jumprelu", "gemma3-plt-gs2-affine", "gemma3-multimodal-layout", "llama-plt-relu-skip",
                        "llama-clt-relu-sharded", "llama-plt-topk-bf16", "qwen3-plt-jumprelu", "gpt2-plt-relu", "gpt-oss-clt-relu").map(GoldenCase::of);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void fullGraph(GoldenCase c) {
        try (AttributionGraph graph = c.graph()) {
            check(c, "", graph);
            for (JsonNode pair : c.settings().get("settings").get("thresholds")) {
                double node = pair.get(0).asDouble();
                double edge = pair.get(1).asDouble();
                c.golden().assertPruning("prune_%s_%s".formatted(node, edge), Pruning.of(graph, node, edge));
            }
            c.golden().assertClose("adjacency_abs_row_sums", graph.edges().runs().rowSums(null), 1e-5, 1e-6);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void limitedGraph(GoldenCase c) {
        JsonNode limits = c.settings().get("settings").get("limited");
        try (AttributionGraph graph = c.graph()) {
            EdgeRows all = graph.edges();
            var selection = FeatureSelection.run(graph.featureCount(), graph.firstLogit() - graph.firstError(), graph.targets(),
                    limits.get("max_feature_nodes").asInt(), limits.get("batch_size").asInt() * limits.get("update_interval").asInt(),
                    nodes -> GraphMathTest.rows(all, nodes));
            assertArrayEquals(c.golden().ints("limited.choice_order"), selection.order(), c + " limited.choice_order");
            assertArrayEquals(c.golden().ints("limited.selected_features"), selection.selected(), c + " limited.selected_features");
            try (AttributionGraph limited = c.graph(selection.selected(), graph.targets(), selection.edges())) {
                assertArrayEquals(c.golden().floats("limited.adjacency"), limited.edges().toDense(), c + " limited.adjacency");
                check(c, "limited.", limited);
                c.golden().assertPruning("limited.prune_0.8_0.98", Pruning.of(limited, 0.8, 0.98));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void otherTargets(GoldenCase c) {
        try (AttributionGraph tokens = c.withTargets(c.golden().floats("custom.logit_rows"), c.golden().doubles("custom.probabilities"));
                AttributionGraph direction = c.withTargets(c.golden().floats("direction.row"), 1)) {
            Influence influence = Influence.of(tokens);
            c.golden().assertClose("custom.node_influence", influence.node(), ATOL, ATOL);
            Scores scores = Scores.of(tokens, influence);
            c.golden().assertClose("custom.scores", new double[] {scores.replacement(), scores.completeness()}, ATOL, 0);
            c.golden().assertClose("direction.node_influence", Influence.of(direction).node(), ATOL, ATOL);
        }
    }

    private static void check(GoldenCase c, String prefix, AttributionGraph graph) {
        Influence influence = Influence.of(graph);
        c.golden().assertClose(prefix + "node_influence", influence.node(), ATOL, ATOL);
        c.golden().assertClose(prefix + "cumulative_scores", influence.cumulativeShares(), c.tolerance("cumulative_scores", 0), 0);
        Scores scores = Scores.of(graph, influence);
        c.golden().assertClose(prefix + "scores", new double[] {scores.replacement(), scores.completeness()}, ATOL, 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2-plt-npz", "gemma2-clt-jumprelu", "gemma3-plt-gs2-affine", "llama-plt-relu-skip"})
    void graphJsonIsWhatFrontEndsExpect(String name) {
        GoldenCase c = GoldenCase.of(name);
        JsonNode expected = Golden.json(name + "/graph.json");
        GraphDocument written;
        try (AttributionGraph graph = c.graph()) {
            written = GraphDocument.read(GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of(name), directory));
        }
        assertFields(expected.get("metadata"), written.metadata(), name + " metadata");
        assertFields(expected.get("qParams"), written.qParams(), name + " qParams");
        var nodes = new TreeMap<String, JsonNode>();
        written.nodes().forEach(n -> nodes.put(n.id(), n.json()));
        assertEquals(expected.get("nodes").size(), nodes.size(), name + " nodes");
        for (JsonNode node : expected.get("nodes")) {
            String id = node.get("node_id").asText();
            assertNotNull(nodes.get(id), name + " has no node " + id);
            assertEquals(node.size(), nodes.get(id).size(), name + " fields of " + id);
            assertFields(node, nodes.get(id), name + " " + id);
        }
        var links = new TreeMap<String, Double>();
        written.links().forEach(l -> links.put(written.nodes().get(l.source()).id() + " " + written.nodes().get(l.target()).id(), l.weight()));
        assertEquals(expected.get("links").size(), written.links().size(), name + " links");
        var left = new HashSet<>(links.keySet());
        for (JsonNode link : expected.get("links")) {
            String ends = link.get("source").asText() + " " + link.get("target").asText();
            assertEquals(link.get("weight").asDouble(), links.getOrDefault(ends, Double.NaN), 1e-6, name + " link " + ends);
            left.remove(ends);
        }
        assertEquals(Set.of(), left, name + " links");
        JsonNode index = GraphDocumentTest.tree(directory.resolve("graph-metadata.json"));
        assertFields(Golden.json(name + "/graph-metadata.json").get("graphs").get(0), index.get("graphs").get(0), name + " index");
    }

    /** Every expected field is there with its value, numbers to the tolerance of cumulative scores. */
    private static void assertFields(JsonNode expected, JsonNode actual, String where) {
        for (Map.Entry<String, JsonNode> field : expected.properties()) {
            JsonNode value = actual.get(field.getKey());
            assertNotNull(value, where + " has no " + field.getKey());
            if (field.getValue().isFloatingPointNumber()) {
                assertEquals(field.getValue().asDouble(), value.asDouble(), 2e-4, where + " " + field.getKey());
            } else {
                assertEquals(field.getValue(), value, where + " " + field.getKey());
            }
        }
    }
}
