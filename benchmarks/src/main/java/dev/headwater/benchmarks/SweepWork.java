package dev.headwater.benchmarks;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.model.ModelConfig;
import java.util.stream.IntStream;

/**
 * Floating-point operations that the rows of a graph cost over their causal cone: for a target at (layer l, position p)
 * the positions up to p of the layers up to l, its own layer's output projection at p only; then the inner products
 * with every source there. A multiplication with its addition counts as two.
 */
public final class SweepWork {
    private SweepWork() {}

    /** All rows of a graph, in units of 1e9 operations; for per-layer sets without skips. */
    static double gflop(ReplacementModel model, AttributionGraph graph) {
        // Features that were chosen beforehand are the only columns.
        boolean alone = "total".equals(graph.provenance().settings().get("rank"));
        int[] selected = graph.selected();
        return gflop(
                model.model().config(),
                alone ? graph.active().some(selected) : graph.active(),
                graph.positions(),
                alone ? IntStream.range(0, selected.length).toArray() : selected,
                graph.targets().size());
    }

    /**
     * @param features targets among the active features
     * @param outputs  number of targets at the last position above all layers
     */
    public static double gflop(ModelConfig config, ActiveFeatures active, int positions, int[] features, int outputs) {
        ModelConfig.Attention attention = config.attention();
        long[][] featuresUpTo = new long[config.layers()][positions + 1];
        for (int i = 0; i < active.count(); i++) {
            featuresUpTo[active.layer()[i]][active.position()[i] + 1]++;
        }
        for (long[] counts : featuresUpTo) {
            java.util.Arrays.parallelPrefix(counts, Long::sum);
        }
        Cone cone = new Cone(
                config.width(),
                (double) attention.heads() * attention.headDim(),
                (double) attention.kvHeads() * attention.headDim(),
                featuresUpTo);
        double flop = outputs * cone.flop(config.layers(), positions);
        for (int node : features) {
            flop += cone.flop(active.layer()[node], active.position()[node] + 1);
        }
        return flop / 1e9;
    }

    private record Cone(double width, double heads, double values, long[][] featuresUpTo) {
        /** Of one target above {@code layer} layers whose MLPs it sees, at the last of {@code n} positions. */
        double flop(int layer, int n) {
            double flop = 2 * width * n;
            for (int below = 0; below < layer; below++) {
                flop += 2 * n * width * (heads + values)
                        + heads * n * (n + 1)
                        + 2 * width * (featuresUpTo[below][n] + n);
            }
            if (layer < featuresUpTo.length) {
                flop += 2 * width * heads + 2 * heads * n + 2 * n * width * values;
            }
            return flop;
        }
    }
}
