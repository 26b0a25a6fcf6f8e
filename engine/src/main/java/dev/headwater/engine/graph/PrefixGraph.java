package dev.headwater.engine.graph;

import dev.headwater.engine.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What a graph with outputs at many positions says of one of them, as a graph of its own. The model is causal, so the text up to
 * that position is the prompt that it has the output of: features, errors and tokens after it have no part in it, and edges
 * between what is left are the same. Its features are those of the larger graph, chosen for all outputs together.
 */
public final class PrefixGraph {
    private PrefixGraph() {}

    /**
     * The graph of the outputs at the last position of {@code prefix}.
     *
     * @param prefix the first tokens of the graph's prompt
     * @return a copy; the caller closes both
     * @throws UsageException if the graph has no outputs there
     */
    public static AttributionGraph of(AttributionGraph graph, Prompt prefix) {
        int length = prefix.length();
        if (!Arrays.equals(prefix.tokens(), Arrays.copyOf(graph.prompt().tokens(), length))) {
            throw new IllegalArgumentException("the prefix has other tokens than the graph's prompt");
        }
        int[] outputs = IntStream.range(0, graph.targets().size())
                .filter(k -> graph.targets().get(k).position() == length - 1)
                .toArray();
        if (outputs.length == 0) {
            throw new UsageException("the graph has no outputs at position " + (length - 1) + ", only at "
                    + Arrays.toString(graph.outputPositions()));
        }
        ActiveFeatures all = graph.active();
        int[] active = IntStream.range(0, all.count())
                .filter(i -> all.position()[i] < length)
                .toArray();
        float[] distances = graph.distances();
        float[] kept = new float[active.length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = distances[active[i]];
        }
        int[] selected = Arrays.stream(graph.selected())
                .map(i -> Arrays.binarySearch(active, i))
                .filter(i -> i >= 0)
                .toArray();
        List<LogitTarget> targets =
                Arrays.stream(outputs).mapToObj(graph.targets()::get).toList();
        return new AttributionGraph(
                prefix,
                graph.layers(),
                graph.vocabularySize(),
                all.some(active),
                selected,
                targets,
                edges(graph, nodes(graph, length, outputs)),
                kept,
                graph.provenance());
    }

    /** Numbers of the nodes that stay, ascending. */
    private static int[] nodes(AttributionGraph graph, int length, int[] outputs) {
        return Stream.of(
                        IntStream.range(0, graph.firstLogit())
                                .filter(i -> graph.node(i).position() < length),
                        Arrays.stream(outputs).map(graph::logitNode))
                .flatMapToInt(part -> part)
                .toArray();
    }

    private static EdgeRows edges(AttributionGraph graph, int[] nodes) {
        float[] whole = new float[graph.size()];
        return EdgeRows.fromDense(nodes.length, nodes.length, (row, into) -> {
            graph.edges().copyRow(nodes[row], whole);
            for (int i = 0; i < nodes.length; i++) {
                into[i] = whole[nodes[i]];
            }
        });
    }
}
