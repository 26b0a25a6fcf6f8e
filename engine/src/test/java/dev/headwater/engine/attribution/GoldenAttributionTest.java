package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.product.Products;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attribution end to end against the float64 oracle, every case and every quantity. */
class GoldenAttributionTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    private static ReplacementModel open(GoldenCase golden) {
        return open(golden, Products.FLOAT32);
    }

    private static ReplacementModel open(GoldenCase golden, Products products) {
        return open(golden, products, Device.CPU);
    }

    private static ReplacementModel open(GoldenCase golden, Products products, Device device) {
        return ReplacementModel.open(
                golden.model(),
                golden.transcoders(),
                ReplacementModel.Options.DEFAULT.withDevice(device).withProducts(products));
    }

    static AttributionOptions options(GoldenCase golden) {
        JsonNode settings = golden.description().get("settings");
        return AttributionOptions.DEFAULT
                .withMaxFeatures(0)
                .withTargets(new OutputTargets.Salient(
                        settings.get("max_n_logits").asInt(),
                        settings.get("desired_logit_prob").asDouble()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void activeFeaturesAndErrors(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                var scope = TensorScope.open()) {
            int[] tokens =
                    model.prompt(golden.description().get("prompt").asText()).tokens();
            golden.assertInts("input_tokens", tokens);
            LocalReplacement local;
            try (var trace = model.trace(tokens)) {
                local = LocalReplacement.of(model, List.of(trace), done -> {}).getFirst();
            }
            ActiveFeatures active = local.active();
            int[] flat = new int[3 * active.count()];
            for (int i = 0; i < active.count(); i++) {
                flat[3 * i] = active.layer()[i];
                flat[3 * i + 1] = active.position()[i];
                flat[3 * i + 2] = active.feature()[i];
            }
            golden.assertInts("active_features", flat);
            golden.assertClose("activation_values", "activation_values", active.activation());
            List<float[]> errors = new ArrayList<>();
            for (Tensor error : local.errors()) {
                errors.add(error.toFloats());
            }
            golden.assertClose("error_vectors", "error_vectors", concat(errors));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void wholeGraph(String name) {
        wholeGraph(name, Products.FLOAT32);
    }

    /**
     * The bfloat16 units' float32 is held to float32's own tolerances. MKL computes the same where there are no such
     * units.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void wholeGraphOnBfloat16Units(String name) {
        wholeGraph(name, Products.BF16X6);
    }

    /** What a GPU could not read without a copy is not read. */
    @ParameterizedTest
    @MethodSource("cases")
    void wholeGraphOnAPretendedDevice(String name) {
        wholeGraph(name, Products.FLOAT32, Device.PRETENDED);
    }

    private static void wholeGraph(String name, Products products) {
        wholeGraph(name, products, Device.CPU);
    }

    private static void wholeGraph(String name, Products products, Device device) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden, products, device);
                AttributionGraph graph = Attribution.of(
                        model, model.prompt(golden.ints("input_tokens")), options(golden), Progress.NONE)) {
            assertEquals(products.toString(), graph.provenance().settings().get("products"));
            golden.assertInts(
                    "logit_targets",
                    graph.targets().stream().mapToInt(target -> target.token()).toArray());
            float[] probabilities = new float[graph.targets().size()];
            for (int k = 0; k < probabilities.length; k++) {
                probabilities[k] = graph.targets().get(k).probability();
            }
            golden.assertClose("logit_probabilities", "logit_probabilities", probabilities);
            if (golden.has("adjacency")) {
                golden.assertClose("adjacency", "adjacency", graph.edges().toDense());
            } else {
                int[] rows = golden.ints("adjacency_row_index");
                float[] dense = graph.edges().toDense();
                float[] sampled = new float[rows.length * graph.size()];
                for (int i = 0; i < rows.length; i++) {
                    System.arraycopy(dense, rows[i] * graph.size(), sampled, i * graph.size(), graph.size());
                }
                golden.assertClose("adjacency_rows", "adjacency", sampled);
            }
            golden.assertClose(
                    "node_influence", "node_influence", Influence.of(graph).node());
            golden.assertCumulative(
                    "cumulative_scores", "node_influence", Influence.of(graph).cumulativeShares());
            Scores scores = Scores.of(graph);
            golden.assertClose("scores", "scores", new double[] {scores.replacement(), scores.completeness()});
            for (JsonNode pair : golden.description().get("settings").get("thresholds")) {
                assertPruning(
                        golden,
                        "prune_" + pair.get(0).asText() + "_" + pair.get(1).asText(),
                        Pruning.of(graph, pair.get(0).asDouble(), pair.get(1).asDouble()));
            }
        }
    }

    /** Prompts of other lengths and with other limits at its side change nothing about a graph. */
    @ParameterizedTest
    @MethodSource("cases")
    void severalPromptsTogether(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden)) {
            int[] tokens = golden.ints("input_tokens");
            AttributionOptions options = options(golden);
            JsonNode limited = golden.description().get("settings").get("limited");
            AttributionOptions few = options.withMaxFeatures(
                            limited.get("max_feature_nodes").asInt())
                    .withBatchSize(limited.get("batch_size").asInt())
                    .withUpdateInterval(limited.get("update_interval").asInt());
            List<AttributionGraph> graphs = Attribution.attributeAll(
                    model,
                    List.of(
                            new Attribution.Request(
                                    model.prompt(Arrays.copyOf(tokens, tokens.length / 2 + 1)),
                                    options.withMaxFeatures(3)),
                            new Attribution.Request(model.prompt(tokens), options),
                            new Attribution.Request(model.prompt(tokens), few)),
                    Progress.NONE);
            try {
                if (golden.has("adjacency")) {
                    golden.assertClose(
                            "adjacency", "adjacency", graphs.get(1).edges().toDense());
                }
                golden.assertClose(
                        "node_influence",
                        "node_influence",
                        Influence.of(graphs.get(1)).node());
                golden.assertInts("limited.selected_features", graphs.get(2).selected());
                if (golden.has("limited.adjacency")) {
                    golden.assertClose(
                            "limited.adjacency",
                            "adjacency",
                            graphs.get(2).edges().toDense());
                }
            } finally {
                graphs.forEach(AttributionGraph::close);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void limitedGraph(String name) {
        limitedGraph(name, Products.FLOAT32);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void limitedGraphOnBfloat16Units(String name) {
        limitedGraph(name, Products.BF16X6);
    }

    private static void limitedGraph(String name, Products products) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden, products)) {
            JsonNode limited = golden.description().get("settings").get("limited");
            AttributionOptions options = options(golden)
                    .withMaxFeatures(limited.get("max_feature_nodes").asInt())
                    .withBatchSize(limited.get("batch_size").asInt())
                    .withUpdateInterval(limited.get("update_interval").asInt());
            try (AttributionGraph graph =
                    Attribution.of(model, model.prompt(golden.ints("input_tokens")), options, Progress.NONE)) {
                golden.assertInts("limited.selected_features", graph.selected());
                if (golden.has("limited.adjacency")) {
                    golden.assertClose(
                            "limited.adjacency", "adjacency", graph.edges().toDense());
                }
                golden.assertClose(
                        "limited.node_influence",
                        "node_influence",
                        Influence.of(graph).node());
                golden.assertCumulative(
                        "limited.cumulative_scores",
                        "limited.node_influence",
                        Influence.of(graph).cumulativeShares());
                Scores scores = Scores.of(graph);
                golden.assertClose(
                        "limited.scores", "scores", new double[] {scores.replacement(), scores.completeness()});
                assertPruning(golden, "limited.prune_0.8_0.98", Pruning.of(graph, 0.8, 0.98));
            }
        }
    }

    /** The same graph whether the sweeps run in one batch or in many, with decoder vectors cached or not. */
    @ParameterizedTest
    @MethodSource("cases")
    void memoryDoesNotChangeTheGraph(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                AttributionGraph graph = Attribution.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        options(golden).withMemory(100_000),
                        Progress.NONE)) {
            if (golden.has("adjacency")) {
                golden.assertClose("adjacency", "adjacency", graph.edges().toDense());
            }
        }
    }

    /**
     * In bfloat16 (8 bits of mantissa) features near their threshold come and go, so graphs are compared in their
     * scores and the number of features.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void bfloat16StaysNear(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU).withDtype(DType.BF16));
                AttributionGraph graph = Attribution.of(
                        model, model.prompt(golden.ints("input_tokens")), options(golden), Progress.NONE)) {
            Scores scores = Scores.of(graph);
            float[] expected = golden.floats("scores");
            assertEquals(expected[0], scores.replacement(), 0.1, name + ": replacement score");
            assertEquals(expected[1], scores.completeness(), 0.1, name + ": completeness");
            int expectedFeatures = golden.ints("active_features").length / 3;
            assertEquals(expectedFeatures, graph.active().count(), 0.1 * expectedFeatures, name + ": active features");
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void givenTokensAndDirections(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden)) {
            var prompt = model.prompt(golden.ints("input_tokens"));
            if (golden.has("custom.target_ids")) {
                OutputTargets tokens = new OutputTargets.Tokens(
                        IntStream.of(golden.ints("custom.target_ids")).boxed().toList());
                try (AttributionGraph graph =
                        Attribution.of(model, prompt, options(golden).withTargets(tokens), Progress.NONE)) {
                    golden.assertClose("custom.logit_rows", "adjacency", lastRows(graph, 3));
                    golden.assertClose(
                            "custom.node_influence",
                            "node_influence",
                            Influence.of(graph).node());
                    Scores scores = Scores.of(graph);
                    golden.assertClose(
                            "custom.scores", "scores", new double[] {scores.replacement(), scores.completeness()});
                }
            }
            if (golden.has("direction.vector")) {
                OutputTargets direction = new OutputTargets.Directions(
                        List.of(new OutputTargets.Direction("difference", 1, golden.floats("direction.vector"))));
                try (AttributionGraph graph =
                        Attribution.of(model, prompt, options(golden).withTargets(direction), Progress.NONE)) {
                    golden.assertClose("direction.row", "adjacency", lastRows(graph, 1));
                    golden.assertClose(
                            "direction.node_influence",
                            "node_influence",
                            Influence.of(graph).node());
                }
            }
        }
    }

    private static float[] lastRows(AttributionGraph graph, int count) {
        float[] dense = graph.edges().toDense();
        return Arrays.copyOfRange(dense, dense.length - count * graph.size(), dense.length);
    }

    private static void assertPruning(GoldenCase golden, String prefix, Pruning pruning) {
        golden.assertInts(prefix + ".nodes", pruning.nodes());
        TreeSet<String> expected = new TreeSet<>();
        int[] pairs = golden.ints(prefix + ".edges");
        for (int i = 0; i < pairs.length; i += 2) {
            expected.add(pairs[i] + "<-" + pairs[i + 1]);
        }
        TreeSet<String> actual = new TreeSet<>();
        pruning.forEachEdge((target, source, weight) -> actual.add(target + "<-" + source));
        assertEquals(expected, actual, golden + ": " + prefix + ".edges");
    }

    private static float[] concat(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
