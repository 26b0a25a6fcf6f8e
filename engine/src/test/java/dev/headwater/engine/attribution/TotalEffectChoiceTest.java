package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.AttributionGraph;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Transcoders' features chosen by total effect: held against sums over all paths of the graph that has every feature. */
class TotalEffectChoiceTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    /** For each active feature the sum over targets of weight · |sum over all paths|. */
    private static double[] overAllPaths(AttributionGraph whole) {
        int n = whole.size();
        int features = whole.active().count();
        float[] edge = whole.edges().toDense();
        double[] score = new double[features];
        for (int k = 0; k < whole.targets().size(); k++) {
            double[] effect = new double[features];
            for (int s = 0; s < features; s++) {
                effect[s] = edge[(n - whole.targets().size() + k) * n + s];
            }
            // Edges lead from lower numbers to higher ones: what meets a feature is known when its turn comes.
            for (int t = features - 1; t >= 0; t--) {
                double share = effect[t] / whole.active().activation()[t];
                for (int s = 0; s < t; s++) {
                    effect[s] += share * edge[t * n + s];
                }
            }
            for (int s = 0; s < features; s++) {
                score[s] += whole.targets().get(k).probability() * Math.abs(effect[s]);
            }
        }
        return score;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theLargestAreChosenAndTheirEdgesAreTheSame(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                AttributionGraph whole = Attribution.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        AttributionOptions.DEFAULT.withMaxFeatures(0),
                        Progress.NONE)) {
            int features = whole.active().count();
            int most = features / 3;
            List<AttributionGraph> graphs = Attribution.attributeAll(
                    model,
                    List.of(
                            new Attribution.Request(whole.prompt(), AttributionOptions.DEFAULT.withMaxFeatures(2)),
                            new Attribution.Request(
                                    whole.prompt(),
                                    AttributionOptions.DEFAULT
                                            .withRank(Rank.TOTAL)
                                            .withMaxFeatures(most))),
                    Progress.NONE);
            try (AttributionGraph few = graphs.get(1)) {
                assertEquals(features, few.active().count());
                int[] selected = few.selected();
                assertEquals(most, selected.length);
                assertEquals("total", few.provenance().settings().get("rank"));
                double[] score = overAllPaths(whole);
                double largest = Arrays.stream(score).max().orElseThrow();
                double least =
                        Arrays.stream(selected).mapToDouble(i -> score[i]).min().orElseThrow();
                double left = IntStream.range(0, features)
                        .filter(i -> Arrays.binarySearch(selected, i) < 0)
                        .mapToDouble(i -> score[i])
                        .max()
                        .orElseThrow();
                assertTrue(left <= least + 1e-5 * largest, name + ": " + left + " was left out, " + least + " taken");
                assertSameEdges(whole, few);
            } finally {
                graphs.forEach(AttributionGraph::close);
            }
        }
    }

    private static void assertSameEdges(AttributionGraph whole, AttributionGraph few) {
        int[] node = IntStream.concat(
                        Arrays.stream(few.selected()),
                        IntStream.range(whole.active().count(), whole.size()))
                .toArray();
        float[] edges = whole.edges().toDense();
        float[] kept = few.edges().toDense();
        float largest = 0;
        for (float edge : edges) {
            largest = Math.max(largest, Math.abs(edge));
        }
        for (int t = 0; t < node.length; t++) {
            for (int s = 0; s < node.length; s++) {
                assertEquals(edges[node[t] * whole.size() + node[s]], kept[t * node.length + s], 2e-6 * largest);
            }
        }
    }
}
