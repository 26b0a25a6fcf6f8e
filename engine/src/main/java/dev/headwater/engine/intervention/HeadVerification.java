package dev.headwater.engine.intervention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.Progress;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;

/**
 * Whether heads move what they are said to move: for some edges between features the source is taken away with everything frozen, once with
 * all heads and once without one; what the target loses differs by that head's loading, up to rounding.
 *
 * @param heads         how many were knocked out, over all edges
 * @param relativeError length of (predicted - actual) divided by the length of predicted; NaN if there was none
 */
public record HeadVerification(int heads, double relativeError, List<Check> checks) {
    /** Heads of an edge that are tried, the strongest. */
    private static final int HEADS = 4;

    /** An edge between two features whose loadings are tried. */
    public record Edge(Node.Feature target, Node.Feature source) {}

    /**
     * @param predicted the head's loading
     * @param actual    what knocking it out takes from the edge
     */
    public record Check(Edge edge, int layer, int head, double predicted, double actual) {}

    /**
     * The strongest edges of a graph between features at different positions: only attention leads there.
     *
     * @param most how many
     * @throws dev.headwater.engine.HeadwaterException if the graph's features do not fire in this model
     */
    public static List<Edge> strongest(LinearPrompt prompt, PlainGraph graph, int most) {
        record Weighed(int target, int source, float weight) {}
        List<Weighed> all = new ArrayList<>();
        boolean parallel = prompt.model().model().config().parallel();
        graph.edges().forEachEdge((target, source, weight) -> {
            PlainGraph.Item to = graph.nodes().get(target);
            PlainGraph.Item from = graph.nodes().get(source);
            boolean features = to.kind() == DocumentNode.Kind.FEATURE && from.kind() == DocumentNode.Kind.FEATURE;
            if (features && from.position() < to.position() && from.layer() < to.layer() - (parallel ? 1 : 0)) {
                all.add(new Weighed(target, source, weight));
            }
        });
        all.sort(Comparator.comparingDouble(edge -> -Math.abs(edge.weight)));
        return all.stream()
                .limit(most)
                .map(edge -> new Edge(feature(prompt, graph, edge.target), feature(prompt, graph, edge.source)))
                .toList();
    }

    private static Node.Feature feature(LinearPrompt prompt, PlainGraph graph, int node) {
        PlainGraph.Item item = graph.nodes().get(node);
        var named = new Node.Feature(new FeatureRef(item.layer(), item.position(), (int) item.number()), 0);
        return (Node.Feature) prompt.source(prompt.number(named));
    }

    /**
     * Knocks out the strongest heads of each edge.
     *
     * @param prompt   the baseline's prompt
     * @param baseline of the same model
     */
    public static HeadVerification of(LinearPrompt prompt, Baseline baseline, List<Edge> edges, Progress progress) {
        float[][] loadings = new float[edges.size()][];
        prompt.loadings(
                edges.stream().map(Edge::target).toList(),
                edges.stream().map(Edge::source).toList(),
                null,
                (e, found) -> loadings[e] = found,
                progress);
        int heads = prompt.model().model().config().attention().heads();
        progress.phase("knocking heads out", edges.size());
        List<Check> checks = new ArrayList<>();
        for (int e = 0; e < edges.size(); e++) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            Edge edge = edges.get(e);
            double whole = effect(baseline, edge, List.of());
            float[] own = loadings[e];
            int[] strongest = IntStream.range(0, own.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> -Math.abs(own[i])))
                    .limit(HEADS)
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int i : strongest) {
                int layer = edge.source.layer() + 1 + i / heads;
                double without = effect(baseline, edge, List.of(new HeadEdit.KnockOut(layer, i % heads)));
                checks.add(new Check(edge, layer, i % heads, own[i], whole - without));
            }
            progress.advance(e + 1);
        }
        double error = 0;
        double size = 0;
        for (Check check : checks) {
            error += (check.predicted - check.actual) * (check.predicted - check.actual);
            size += check.predicted * check.predicted;
        }
        return new HeadVerification(checks.size(), Math.sqrt(error / size), checks);
    }

    /** What the target's pre-activation loses with the source, all else frozen. */
    private static double effect(Baseline baseline, Edge edge, List<HeadEdit> heads) {
        var with = new Intervention(List.of(), heads, Freeze.EVERYTHING);
        Edit away = new Edit(
                edge.source.layer(), new Positions.At(edge.source.position()), edge.source.feature(), Change.ABLATE);
        try (Run present = baseline.apply(with);
                Run absent = baseline.apply(new Intervention(List.of(away), heads, Freeze.EVERYTHING))) {
            return read(baseline, edge.target, present) - read(baseline, edge.target, absent);
        }
    }

    /**
     * What a target reads, up to a constant. Neurons are not linear: edges are about what they read with gate and product held as they are
     * without edits.
     */
    private static double read(Baseline baseline, Node.Feature target, Run run) {
        int[] position = {target.position()};
        int[] number = {target.feature()};
        FeatureBasis basis = baseline.model().basis();
        if (!basis.dense()) {
            return run.preActivations(target.layer(), position, number)[0];
        }
        try (var _ = baseline.model().use();
                var _ = TensorScope.open()) {
            Tensor row = basis.encoderRows(
                    target.layer(), number, position, baseline.run().input(target.layer()));
            Tensor change = Torch.sub(run.input(target.layer()), baseline.run().input(target.layer()));
            return TorchReduce.sum(Torch.mul(row, TorchShape.narrow(change, 0, position[0], 1)), 1, false)
                    .toFloats()[0];
        }
    }
}
