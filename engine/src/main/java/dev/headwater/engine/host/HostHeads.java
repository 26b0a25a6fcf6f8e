package dev.headwater.engine.host;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.attention.ScoreSources;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Provenance;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/** Which attention heads a pruned graph's edges passed; keeps the model, frozen at the graph's prompt, for questions about heads. */
final class HostHeads extends Shared {
    /** Sources of a score that a graph's file says. */
    private static final int TOLD = 10;

    private final HostModel model;
    private final LinearPrompt linear;
    private final GraphHeads heads;

    private HostHeads(HostModel model, LinearPrompt linear, GraphHeads heads) {
        this.model = model;
        this.linear = linear;
        this.heads = heads;
    }

    /**
     * Finds the heads, and tells the pruned graph, whose files say them from then on.
     *
     * @param model     taken by the caller for this; closed with it
     * @param share     of an edge's loadings that its parts make up
     * @param explained how many heads the file says of where they look
     */
    static HostHeads find(HostModel model, HostPruned pruned, double share, int explained, Progress progress) {
        if (explained < 0) {
            throw new UsageException("explained is " + explained + "; it can't be negative");
        }
        AttributionGraph graph = pruned.whole().graph();
        if (graph.provenance().settings().containsKey(Provenance.CONTRAST)) {
            throw new UsageException(
                    "the graph counts from the mean over a contrast, and what heads carry is known from 0 only; trace without a contrast");
        }
        ReplacementModel loaded = model.model();
        if (graph.layers() != loaded.layers()) {
            throw new HeadwaterException("the graph is of a model with " + graph.layers() + " layers, and this one has "
                    + loaded.layers() + "; give the model that it was made with");
        }
        List<FeatureRef> features = IntStream.range(0, graph.active().count())
                .mapToObj(i -> new FeatureRef(
                        graph.active().layer()[i],
                        graph.active().position()[i],
                        graph.active().feature()[i]))
                .toList();
        LinearPrompt linear =
                LinearPrompt.of(loaded, loaded.prompt(graph.prompt().tokens()), features, 0, progress);
        try {
            GraphHeads heads = GraphHeads.of(
                    linear, graph, pruned.pruning(), pruned.whole().known(), share, progress);
            pruned.attention(heads.block(linear, graph, heads.looks(linear, graph, explained, TOLD), TOLD));
            return new HostHeads(model, linear, heads);
        } catch (RuntimeException | Error e) {
            linear.close();
            throw e;
        }
    }

    /** Why a head looks from one position to another, both from the end if negative. */
    HostScore explain(int layer, int head, int query, int key, int pairs) {
        if (pairs < 0) {
            throw new UsageException("pairs is " + pairs + "; it can't be negative, and 0 means all");
        }
        int positions = linear.prompt().length();
        // What is asked of a frozen model it keeps for the next question: one at a time.
        synchronized (linear) {
            try (var _ = linear.model().use()) {
                return new HostScore(ScoreSources.of(
                        linear,
                        new Head(layer, head),
                        query < 0 ? query + positions : query,
                        key < 0 ? key + positions : key,
                        pairs));
            }
        }
    }

    @Override
    Array make(int what, int index) {
        List<GraphHeads.Edge> edges = heads.edges();
        List<GraphHeads.Part> parts =
                edges.stream().flatMap(edge -> edge.parts().stream()).toList();
        return switch (what) {
            case What.HEAD_INFLUENCE ->
                copy(
                        Arrays.stream(heads.influence())
                                .flatMapToDouble(Arrays::stream)
                                .toArray(),
                        heads.layers(),
                        heads.heads());
            case What.HEAD_TARGETS -> numbers(edges, GraphHeads.Edge::target);
            case What.HEAD_SOURCES -> numbers(edges, GraphHeads.Edge::source);
            case What.HEAD_START -> {
                long[] start = new long[edges.size() + 1];
                for (int e = 0; e < edges.size(); e++) {
                    start[e + 1] = start[e] + edges.get(e).parts().size();
                }
                yield copy(start);
            }
            case What.HEAD_LAYERS -> numbers(parts, part -> part.head().layer());
            case What.HEAD_NUMBERS -> numbers(parts, part -> part.head().head());
            case What.HEAD_LOADINGS -> {
                float[] loadings = new float[parts.size()];
                for (int i = 0; i < loadings.length; i++) {
                    loadings[i] = parts.get(i).loading();
                }
                yield copy(loadings);
            }
            case What.HEAD_REST ->
                copy(edges.stream().mapToDouble(GraphHeads.Edge::rest).toArray());
            case What.SOURCES -> sources();
            default -> super.make(what, index);
        };
    }

    private <T> Array numbers(List<T> of, ToIntFunction<T> number) {
        return copy(of.stream().mapToInt(number).toArray());
    }

    /** [sources, 4] */
    private Array sources() {
        int count = linear.sourceCount();
        int[] numbers = new int[4 * count];
        for (int i = 0; i < count; i++) {
            Node node = linear.source(i);
            numbers[4 * i] = HostGraph.kind(node);
            numbers[4 * i + 1] = HostGraph.layer(node, linear.model().layers());
            numbers[4 * i + 2] = node.position();
            numbers[4 * i + 3] = HostGraph.number(node);
        }
        return copy(numbers, count, 4);
    }

    @Override
    void free() {
        linear.close();
        model.close();
    }
}
