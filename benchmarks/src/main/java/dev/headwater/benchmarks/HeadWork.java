package dev.headwater.benchmarks;

import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.model.ModelConfig;
import java.util.HashMap;
import java.util.Map;

/**
 * Floating-point operations that the head loadings of a pruned graph's edges cost at least in exact arithmetic along this way, in units of
 * 1e9; a multiplication with its addition counts as two. Sources and targets are carried no further than their own edges reach, the first
 * attention that either passes costs one row, and the second of a target's is of that rank too. For models without skips.
 *
 * @param up   carrying the sources' contributions up: values of every layer but the first, outputs of those between
 * @param down carrying the targets' gradients down: the same from the other side
 * @param meet inner products at the heads, of the kept edges alone
 */
record HeadWork(double up, double down, double meet) {
    /** How far a node is carried: the outermost layer of its edges, and the outermost position. */
    private record Reach(int layer, int position) {
        Reach and(Reach other, boolean highest) {
            return highest
                    ? new Reach(Math.max(layer, other.layer), Math.max(position, other.position))
                    : new Reach(Math.min(layer, other.layer), Math.min(position, other.position));
        }
    }

    static HeadWork of(ModelConfig config, AttributionGraph graph, Pruning pruning) {
        int layers = graph.layers();
        double heads = (double) config.attention().heads() * config.attention().headDim();
        double values =
                (double) config.attention().kvHeads() * config.attention().headDim();
        Map<Integer, Reach> sources = new HashMap<>();
        Map<Integer, Reach> targets = new HashMap<>();
        double[] meet = {0};
        pruning.forEachEdge((target, source, weight) -> {
            Node to = graph.node(target);
            Node from = graph.node(source);
            int last = last(to, layers);
            int first = EdgeHeads.layerOf(from, layers) + 1;
            if (first <= last) {
                Reach end = new Reach(last, to.position());
                Reach start = new Reach(first, from.position());
                sources.merge(source, end, (a, b) -> a.and(b, true));
                targets.merge(target, start, (a, b) -> a.and(b, false));
                meet[0] += 2 * heads * (1 + (last - first) * (double) (to.position() - from.position() + 1));
            }
        });
        double[] up = {0};
        sources.forEach((source, end) -> {
            Node node = graph.node(source);
            double rows = end.position - node.position() + 1;
            int passed = end.layer - EdgeHeads.layerOf(node, layers);
            up[0] += row(
                    config, rows, Math.max(0, passed - 2) * heads + Math.max(0, passed - 1) * values, heads + values);
        });
        double[] down = {0};
        targets.forEach((target, start) -> {
            Node node = graph.node(target);
            double rows = node.position() - start.position + 1;
            int passed = last(node, layers) - start.layer + 1;
            down[0] += row(config, rows, Math.max(0, passed - 2) * (heads + values), 2 * heads + values);
        });
        return new HeadWork(up[0] / 1e9, down[0] / 1e9, meet[0] / 1e9);
    }

    /** The highest layer whose attention a target reads. */
    private static int last(Node target, int layers) {
        return Math.min(EdgeHeads.layerOf(target, layers), layers - 1);
    }

    private static double row(ModelConfig config, double rows, double every, double once) {
        return 2.0 * config.width() * (rows * every + once);
    }
}
