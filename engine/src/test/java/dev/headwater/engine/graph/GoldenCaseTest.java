package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphDocumentTest;
import dev.headwater.engine.document.GraphJson;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Influence, pruning, scores, selection and files of the golden models' graphs, from their stored matrices and from
 * whole runs.
 */
class GoldenCaseTest {
    /** Matrices and expected values are stored in float32, which is all that they can agree to. */
    private static final double ATOL = 1e-6;

    @TempDir
    Path directory;

    /** Those whose whole matrix is stored. */
    static Stream<GoldenCase> cases() {
        return dev.headwater.engine.GoldenCase.names().stream()
                .map(GoldenCase::of)
                .filter(c -> c.golden().has("adjacency"));
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
            c.golden()
                    .assertClose("adjacency_abs_row_sums", graph.edges().runs().rowSums(null), 1e-5, 1e-6);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void limitedGraph(GoldenCase c) {
        JsonNode limits = c.settings().get("settings").get("limited");
        try (AttributionGraph graph = c.graph()) {
            EdgeRows all = graph.edges();
            var selection = GraphMathTest.select(
                    graph.featureCount(),
                    graph.firstLogit() - graph.firstError(),
                    graph.targets(),
                    limits.get("max_feature_nodes").asInt(),
                    limits.get("batch_size").asInt()
                            * limits.get("update_interval").asInt(),
                    all);
            assertArrayEquals(c.golden().ints("limited.choice_order"), selection.order(), c + " limited.choice_order");
            assertArrayEquals(
                    c.golden().ints("limited.selected_features"),
                    selection.selected(),
                    c + " limited.selected_features");
            try (AttributionGraph limited = c.graph(selection.selected(), graph.targets(), selection.edges())) {
                assertArrayEquals(
                        c.golden().floats("limited.adjacency"), limited.edges().toDense(), c + " limited.adjacency");
                check(c, "limited.", limited);
                c.golden().assertPruning("limited.prune_0.8_0.98", Pruning.of(limited, 0.8, 0.98));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void otherTargets(GoldenCase c) {
        try (AttributionGraph tokens = c.withTargets(
                        c.golden().floats("custom.logit_rows"), c.golden().doubles("custom.probabilities"));
                AttributionGraph direction = c.withTargets(c.golden().floats("direction.row"), 1)) {
            Influence influence = Influence.of(tokens);
            c.golden().assertClose("custom.node_influence", influence.node(), ATOL, ATOL);
            Scores scores = Scores.of(tokens, influence);
            c.golden()
                    .assertClose("custom.scores", new double[] {scores.replacement(), scores.completeness()}, ATOL, 0);
            c.golden()
                    .assertClose(
                            "direction.node_influence", Influence.of(direction).node(), ATOL, ATOL);
        }
    }

    private static void check(GoldenCase c, String prefix, AttributionGraph graph) {
        Influence influence = Influence.of(graph);
        c.golden().assertClose(prefix + "node_influence", influence.node(), ATOL, ATOL);
        c.golden()
                .assertClose(
                        prefix + "cumulative_scores",
                        influence.cumulativeShares(),
                        c.tolerance("cumulative_scores", 0),
                        0);
        Scores scores = Scores.of(graph, influence);
        c.golden().assertClose(prefix + "scores", new double[] {scores.replacement(), scores.completeness()}, ATOL, 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2-plt-npz", "gemma2-clt-jumprelu", "gemma3-plt-gs2-affine", "llama-plt-relu-skip"})
    void graphJsonIsWhatFrontEndsExpect(String name) {
        GoldenCase c = GoldenCase.of(name);
        ExpectedGraphFile expected = ExpectedGraphFile.of(c);
        try (AttributionGraph graph = c.graph()) {
            expected.assertEqualTo(GraphDocument.read(
                    GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of(name), directory)));
        }
        JsonNode index = GraphDocumentTest.tree(directory.resolve("graph-metadata.json"));
        expected.assertFields(
                Golden.json(name + "/graph-metadata.json").get("graphs").get(0),
                index.get("graphs").get(0),
                name + " index");
    }

    /**
     * From the model's files to the graph's file, all cases. Differences from the reference's files that are meant:
     * more metadata (where the graph comes from), and the ids of error nodes, which here never collide with those of
     * features.
     */
    @ParameterizedTest
    @MethodSource("dev.headwater.engine.GoldenCase#names")
    void aRunOfTheModelWritesTheExpectedFile(String name) {
        GoldenCase c = GoldenCase.of(name);
        JsonNode settings = c.settings().get("settings");
        AttributionOptions options = AttributionOptions.DEFAULT
                .withMaxFeatures(0)
                .withTargets(new OutputTargets.Salient(
                        settings.get("max_n_logits").asInt(),
                        settings.get("desired_logit_prob").asDouble()));
        try (var files = new dev.headwater.engine.GoldenCase(name);
                var model = ReplacementModel.open(
                        files.model(), files.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                AttributionGraph graph = Attribution.of(
                        model, model.prompt(c.settings().get("prompt").asText()), options, Progress.NONE)) {
            ExpectedGraphFile.of(c)
                    .assertEqualTo(GraphDocument.read(GraphJson.write(
                            graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of(name), directory)));
        }
    }
}
