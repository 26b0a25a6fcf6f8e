package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.FeatureRounds;
import dev.headwater.engine.attribution.FeatureSelection;
import dev.headwater.engine.attribution.Ranking;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Influence, pruning, scores and selection on stored effect matrices, without a model. */
class GraphMathTest {
    record Case(JsonNode thresholds, JsonNode sizes, Golden golden) {
        int n(String name) {
            return sizes.get(name).asInt();
        }

        AttributionGraph graph() {
            return Golden.graph(
                    n("features"), n("layers"), n("positions"), matrix(), golden.doubles("logit_probabilities"));
        }

        EdgeRows matrix() {
            return EdgeRows.fromDense(golden.floats("adjacency"), n("nodes"), n("nodes"));
        }

        @Override
        public String toString() {
            return sizes.get("file").asText();
        }
    }

    static Stream<Case> cases() {
        JsonNode index = Golden.json("graph-math/index.json");
        var cases = new ArrayList<Case>();
        for (JsonNode sizes : index.get("graphs")) {
            cases.add(new Case(
                    index.get("thresholds"),
                    sizes,
                    new Golden("graph-math/" + sizes.get("file").asText())));
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void influenceAndScores(Case c) {
        try (AttributionGraph graph = c.graph()) {
            Influence influence = Influence.of(graph);
            c.golden.assertClose("node_influence", influence.node(), 1e-9, 0);
            c.golden.assertClose("cumulative_scores", influence.cumulativeShares(), 1e-9, 0);
            Scores scores = Scores.of(graph, influence);
            c.golden.assertClose("scores", new double[] {scores.replacement(), scores.completeness()}, 1e-9, 0);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void pruningKeepsExactlyTheExpectedNodesAndEdges(Case c) {
        try (AttributionGraph graph = c.graph()) {
            for (int i = 0; i < c.thresholds.size(); i++) {
                Pruning pruning = Pruning.of(
                        graph,
                        c.thresholds.get(i).get(0).asDouble(),
                        c.thresholds.get(i).get(1).asDouble());
                c.golden.assertPruning("prune_" + i, pruning);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void selectionTakesTheExpectedFeatures(Case c) {
        try (EdgeRows matrix = c.matrix()) {
            int features = c.n("features");
            List<LogitTarget> targets = targets(c.golden.floats("logit_probabilities"));
            for (int i = 0; i < c.sizes.get("selects").size(); i++) {
                JsonNode select = c.sizes.get("selects").get(i);
                var selection = select(
                        features,
                        (c.n("layers") + 1) * c.n("positions"),
                        targets,
                        select.get("max_feature_nodes").asInt(),
                        select.get("batch_size").asInt()
                                * select.get("update_interval").asInt(),
                        matrix);
                String name = "select_" + i;
                assertArrayEquals(
                        c.golden.ints(name + ".features"), selection.selected(), c + " " + name + ".features");
                int[] sorted = selection.order().clone();
                Arrays.sort(sorted);
                assertArrayEquals(selection.selected(), sorted, c + " " + name + " order");
                try (AttributionGraph limited = Golden.graph(
                        selection.selected().length,
                        c.n("layers"),
                        c.n("positions"),
                        selection.edges(),
                        c.golden.doubles("logit_probabilities"))) {
                    c.golden.assertClose(
                            name + ".influence", Influence.of(limited).node(), 1e-9, 0);
                }
            }
        }
    }

    @Test
    void selectionOfAllFeaturesGivesTheMatrixBack() {
        Case c = cases().findFirst().orElseThrow();
        try (EdgeRows matrix = c.matrix()) {
            var selection = select(
                    c.n("features"),
                    (c.n("layers") + 1) * c.n("positions"),
                    targets(c.golden.floats("logit_probabilities")),
                    0,
                    8,
                    matrix);
            try (EdgeRows edges = selection.edges()) {
                assertArrayEquals(matrix.toDense(), edges.toDense());
                assertEquals(c.n("features"), selection.order().length);
            }
        }
    }

    @Test
    void tiesAreTakenInFeatureOrder() {
        float[] dense = new float[7 * 7];
        for (int s = 0; s < 4; s++) dense[6 * 7 + s] = s == 2 ? 2 : -1;
        try (EdgeRows matrix = EdgeRows.fromDense(dense, 7, 7)) {
            var selection = select(4, 2, targets(1f), 3, 2, matrix);
            selection.edges().close();
            assertArrayEquals(new int[] {2, 0, 1}, selection.order());
            assertArrayEquals(new int[] {0, 1, 2}, selection.selected());
        }
    }

    /** All rounds, with the rows of a matrix that is known whole. */
    static FeatureSelection select(
            int features, int others, List<LogitTarget> targets, int maxFeatures, int perRound, EdgeRows matrix) {
        try (var rounds = new FeatureRounds(features, others, targets, maxFeatures, perRound)) {
            for (int[] nodes = rounds.next(); nodes.length > 0; nodes = rounds.next()) rounds.add(rows(matrix, nodes));
            return rounds.selection();
        }
    }

    /** More features than wanted have leading digits, or all of them, in common. */
    @Test
    void rankingIsThatOfAStableSort() {
        int features = 500;
        var random = new Random(5);
        float[] dense = new float[features + 1];
        for (int s = 0; s < features; s++) dense[s] = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(20) * 1e-6f;
        double[] weights = new double[features + 1];
        weights[features] = 1;
        try (var ranking = new Ranking(features, weights)) {
            ranking.add(new int[] {features}, EdgeRows.fromDense(dense, 1, features + 1));
            int[] sorted = IntStream.range(0, features)
                    .boxed()
                    .sorted(Comparator.comparingDouble(s -> -dense[s]))
                    .mapToInt(s -> s)
                    .toArray();
            for (int count : new int[] {0, 1, 64, 400, 500})
                assertArrayEquals(Arrays.copyOf(sorted, count), ranking.best(count), "best " + count);
        }
    }

    /** The public library's own test graph, whose rows for tokens and errors are not in canonical order. */
    private static EdgeRows smallMatrix() {
        float[] a = new float[144];
        for (int s : new int[] {1, 3, 6, 8}) a[11 * 12 + s] = 10;
        for (int s : new int[] {0, 1, 6}) a[3 * 12 + s] = 10;
        for (int s : new int[] {9, 10}) a[12 + s] = 10;
        a[9] = 10;
        return EdgeRows.fromDense(a, 12, 12);
    }

    @Test
    void influenceOfTheSmallGraph() {
        double[] weights = new double[12];
        weights[11] = 1;
        try (EdgeRows matrix = smallMatrix()) {
            assertArrayEquals(
                    new double[] {1 / 12., 1 / 3., 0, 1 / 4., 0, 0, 1 / 3., 0, 1 / 4., 1 / 4., 1 / 6., 0},
                    Influence.of(matrix, weights).node(),
                    1e-12);
        }
    }

    @Test
    void nodesNeedNotBeNumberedFromSourcesToTargets() {
        double[] weights = new double[12];
        weights[0] = 1;
        try (EdgeRows matrix = smallMatrix()) {
            float[] dense = matrix.toDense();
            float[] reversed = new float[144];
            for (int i = 0; i < 144; i++) reversed[143 - i] = dense[i];
            try (EdgeRows turned = EdgeRows.fromDense(reversed, 12, 12)) {
                assertArrayEquals(
                        new double[] {0, 1 / 6., 1 / 4., 1 / 4., 0, 1 / 3., 0, 0, 1 / 4., 0, 1 / 3., 1 / 12.},
                        Influence.of(turned, weights).node(),
                        1e-12);
            }
        }
    }

    @Test
    void cycleIsNamed() {
        float[] dense = new float[9];
        dense[1] = 1;
        dense[3] = 1;
        dense[6] = 1;
        try (EdgeRows matrix = EdgeRows.fromDense(dense, 3, 3)) {
            var e = assertThrows(HeadwaterException.class, () -> Influence.of(matrix, new double[] {0, 0, 1}));
            assertEquals(true, e.getMessage().contains("cycle"), e.getMessage());
        }
    }

    /** Two features in a chain; the weights are chosen so that rounded cumulative shares stay below 1. */
    private static AttributionGraph chain() {
        float[] a = new float[36];
        a[4] = 1;
        a[6] = 1;
        a[30] = 0.43596285581588745f;
        a[31] = 0.7308765649795532f;
        return Golden.graph(2, 2, 1, EdgeRows.fromDense(a, 6, 6), 1);
    }

    @Test
    void edgeThresholdOneKeepsAllRealEdgesAndNoOthers() {
        try (AttributionGraph graph = chain()) {
            Pruning pruning = Pruning.of(graph, 0.8, 1);
            var kept = new ArrayList<String>();
            pruning.forEachEdge((t, s, w) -> kept.add(t + "<-" + s + " " + w));
            assertEquals(List.of("0<-4 1.0", "1<-0 1.0", "5<-0 0.43596286", "5<-1 0.73087656"), kept);
        }
    }

    @Test
    void graphWithoutEdgesKeepsTokensAndLogits() {
        try (AttributionGraph graph = Golden.graph(2, 2, 1, EdgeRows.fromDense(new float[36], 6, 6), 1)) {
            Pruning pruning = Pruning.of(graph, 1, 1);
            assertArrayEquals(new int[] {4, 5}, pruning.nodes());
            assertEquals(0, pruning.edgeCount());
            assertEquals(new Scores(0, 1), Scores.of(graph));
        }
    }

    @Test
    void thresholdsOutsideZeroToOneAreRefused() {
        try (AttributionGraph graph = chain()) {
            for (double bad : new double[] {-0.1, 1.0001, Double.NaN, Double.POSITIVE_INFINITY}) {
                assertThrows(UsageException.class, () -> Pruning.of(graph, bad, 0.5));
                assertThrows(UsageException.class, () -> Pruning.of(graph, 0.5, bad));
            }
        }
    }

    @Test
    void subgraphOfAllFeaturesScoresLikeTheGraph() {
        cases().forEach(c -> {
            try (AttributionGraph graph = c.graph()) {
                Scores all = Scores.of(graph);
                Scores pinned = Scores.ofSubgraph(
                        graph,
                        Set.copyOf(
                                IntStream.range(0, graph.featureCount()).boxed().toList()));
                assertEquals(all.replacement(), pinned.replacement(), 1e-12, c + " replacement");
                assertEquals(all.completeness(), pinned.completeness(), 1e-12, c + " completeness");
                assertEquals(all, Scores.ofSubgraph(graph, Set.of()));
            }
        });
    }

    @Test
    void unpinnedFeaturesCountAsTheirError() {
        // Features 0 and 1 share an error (node 3); 2 tokens (7, 8), logit 9. Token 7 feeds features 0 and 1.
        float[] a = new float[100];
        a[7] = 0.5f;
        a[10 + 7] = 0.3f;
        a[20 + 8] = 0.6f;
        a[90] = 0.4f;
        a[91] = -0.3f;
        a[92] = 0.5f;
        a[93] = 0.1f;
        var active = new ActiveFeatures(
                new int[] {0, 0, 1}, new int[] {0, 0, 1}, new int[] {100, 200, 300}, new float[] {1, 2, 3});
        try (var graph = new AttributionGraph(
                new Prompt("ab", new int[] {0, 1}, List.of("a", "b")),
                2,
                16,
                active,
                new int[] {0, 1, 2},
                List.of(new LogitTarget(5, "x", 1, 1)),
                EdgeRows.fromDense(a, 10, 10),
                Provenance.UNKNOWN)) {
            Scores scores = Scores.ofSubgraph(graph, Set.of(0, 2));
            double error = 0.2 / 1.1; // |0.1 - 0.3| of 0.4 + 0.5 + 0.2
            assertEquals(1 - error, scores.replacement(), 1e-6);
            assertEquals((1 - error + 2 * (1 - error) + error) / (1 + 1 + (1 - error)), scores.completeness(), 1e-6);
            assertFalse(Scores.of(graph).equals(scores));
            assertEquals(new Node.Feature(new FeatureRef(1, 1, 300), 3), graph.node(2));
            assertEquals(2, graph.featureNode(1, 1, 300));
            assertEquals(-1, graph.featureNode(1, 0, 300));
            assertEquals(new Node.Error(1, 0), graph.node(graph.errorNode(1, 0)));
            assertEquals(new Node.Token(1, 1, "b"), graph.node(graph.tokenNode(1)));
            assertEquals(new Node.Logit(new LogitTarget(5, "x", 1, 1)), graph.node(graph.logitNode(0)));
        }
    }

    private static List<LogitTarget> targets(float... probabilities) {
        return IntStream.range(0, probabilities.length)
                .mapToObj(k -> new LogitTarget(k, "", probabilities[k], 0))
                .toList();
    }

    static EdgeRows rows(EdgeRows matrix, int[] nodes) {
        float[] dense = new float[nodes.length * matrix.columns()];
        float[] row = new float[matrix.columns()];
        for (int i = 0; i < nodes.length; i++) {
            matrix.copyRow(nodes[i], row);
            System.arraycopy(row, 0, dense, i * row.length, row.length);
        }
        return EdgeRows.fromDense(dense, nodes.length, matrix.columns());
    }

    /** A file leaves zeros out, and with them the rows' runs are cut elsewhere: nothing that is computed may show it. */
    @Test
    void influenceIsTheSameToTheBitHoweverZerosCutTheRows() {
        Random random = new Random(7);
        int n = 300;
        for (int round = 0; round < 20; round++) {
            EdgeLayout whole = new EdgeLayout(n);
            EdgeLayout cut = new EdgeLayout(n);
            List<Float> all = new ArrayList<>();
            List<Float> some = new ArrayList<>();
            for (int target = 0; target < n; target++) {
                whole.run(0, target);
                int start = 0;
                for (int source = 0; source <= target; source++) {
                    boolean zero = source == target || random.nextInt(5) == 0;
                    float weight = zero ? 0 : (float) random.nextGaussian();
                    if (source < target) {
                        all.add(weight);
                    }
                    if (zero) {
                        cut.run(start, source - start);
                        start = source + 1;
                    } else {
                        some.add(weight);
                    }
                }
                whole.endRow();
                cut.endRow();
            }
            double[] weights = new double[n];
            weights[n - 1] = 0.75;
            weights[n - 2] = 0.25;
            try (EdgeRows one = whole.fill(floats(all));
                    EdgeRows other = cut.fill(floats(some))) {
                assertArrayEquals(
                        Influence.of(one, weights).node(),
                        Influence.of(other, weights).node());
            }
        }
    }

    private static float[] floats(List<Float> values) {
        float[] array = new float[values.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = values.get(i);
        }
        return array;
    }
}
