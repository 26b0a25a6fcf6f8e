package dev.headwater.engine.attention;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The heads of all edges of a pruned graph: of each edge the strongest, and summed over the graph how much influence passes each.
 *
 * @param layers    of the model
 * @param heads     of a layer
 * @param share     of an edge's loadings, in absolute value, that its listed parts reach where {@link #MOST_PARTS} suffice
 * @param edges     the pruned graph's edges that attention lies between, by target, then source
 * @param influence of each head: over all edges the influence that the edge carries times |loading| / |weight|, as a share of the influence
 *                  that all kept edges carry, [layers][heads]. Parts that cancel each other count both
 * @param ends      of each head the target of the edge that most influence passes it on, -1 if none, [layers][heads]
 */
public record GraphHeads(int layers, int heads, double share, List<Edge> edges, double[][] influence, int[][] ends) {
    /** Of an edge. */
    public static final int MOST_PARTS = 16;

    /** What passed a head, of an edge. */
    public record Part(Head head, float loading) {}

    /**
     * @param target node of the graph
     * @param source node of the graph
     * @param parts  the strongest first
     * @param rest   sum of the loadings of all other heads of all layers between the ends
     */
    public record Edge(int target, int source, List<Part> parts, double rest) {
        AttentionBlock.Edge named(String from, String to) {
            return new AttentionBlock.Edge(
                    from,
                    to,
                    parts.stream()
                            .map(part -> new AttentionBlock.Part(part.head.layer(), part.head.head(), part.loading))
                            .toList(),
                    rest);
        }
    }

    /** A head's place in the table. */
    public record Ranked(Head head, double influence) {}

    /**
     * Finds the heads of a graph's edges. Memory grows with the edges only.
     *
     * @param known what outputs that are no tokens stand for; null if there are none
     * @param share of an edge's loadings that are to be listed, above 0, up to 1
     * @throws dev.headwater.engine.HeadwaterException if the graph is not of this model and prompt
     */
    public static GraphHeads of(
            LinearPrompt prompt,
            AttributionGraph graph,
            Pruning pruning,
            @Nullable OutputTargets known,
            double share,
            Progress progress) {
        if (!(share > 0 && share <= 1)) {
            throw new UsageException("the share of an edge's loadings must be above 0, up to 1, not " + share);
        }
        int layers = graph.layers();
        int heads = prompt.model().model().config().attention().heads();
        List<int[]> kept = new ArrayList<>();
        double[] coefficient = new double[graph.size()];
        double[] weights = graph.targetWeights();
        for (int node = 0; node < coefficient.length; node++) {
            coefficient[node] = (pruning.influence().node()[node] + weights[node])
                    * pruning.influence().scale()[node];
        }
        double[] all = {0};
        pruning.forEachEdge((target, source, value) -> {
            kept.add(new int[] {target, source});
            all[0] += coefficient[target] * Math.abs(value);
        });
        Node[] nodes = new Node[graph.size()];
        for (int node : pruning.nodes()) {
            nodes[node] = graph.node(node);
        }
        Edge[] edges = new Edge[kept.size()];
        double[][] influence = new double[layers][heads];
        double[][] most = new double[layers][heads];
        int[][] ends = new int[layers][heads];
        for (int[] layer : ends) {
            Arrays.fill(layer, -1);
        }
        prompt.loadings(
                kept.stream().map(edge -> nodes[edge[0]]).toList(),
                kept.stream().map(edge -> nodes[edge[1]]).toList(),
                known,
                (e, loadings) -> {
                    if (loadings.length > 0) {
                        int[] edge = kept.get(e);
                        int first = EdgeHeads.layerOf(nodes[edge[1]], layers) + 1;
                        for (int i = 0; i < loadings.length; i++) {
                            int layer = first + i / heads;
                            int head = i % heads;
                            double passed = coefficient[edge[0]] * Math.abs(loadings[i]) / all[0];
                            influence[layer][head] += passed;
                            if (passed > most[layer][head]) {
                                most[layer][head] = passed;
                                ends[layer][head] = edge[0];
                            }
                        }
                        edges[e] = strongest(edge, first, heads, loadings, share);
                    }
                },
                progress);
        return new GraphHeads(
                layers,
                heads,
                share,
                Arrays.stream(edges).filter(Objects::nonNull).toList(),
                influence,
                ends);
    }

    /**
     * The strongest heads of some edges, as graph files hold them. Edges that no attention lies between are left out.
     *
     * @param target features and outputs
     * @param source features, errors and tokens, one for each target
     * @param share  of an edge's loadings that are to be listed, above 0, up to 1
     * @throws dev.headwater.engine.HeadwaterException if a node is none of this model and prompt
     */
    public static List<AttentionBlock.Edge> strongest(
            LinearPrompt prompt,
            List<? extends Node> target,
            List<? extends Node> source,
            double share,
            Progress progress) {
        int layers = prompt.model().layers();
        int heads = prompt.model().model().config().attention().heads();
        AttentionBlock.Edge[] found = new AttentionBlock.Edge[target.size()];
        prompt.loadings(
                target,
                source,
                null,
                (e, loadings) -> {
                    if (loadings.length > 0) {
                        int first = EdgeHeads.layerOf(source.get(e), layers) + 1;
                        Edge edge = strongest(new int[2], first, heads, loadings, share);
                        found[e] = edge.named(NodeId.of(source.get(e), layers), NodeId.of(target.get(e), layers));
                    }
                },
                progress);
        return Arrays.stream(found).filter(Objects::nonNull).toList();
    }

    private static Edge strongest(int[] edge, int first, int heads, float[] loadings, double share) {
        double all = 0;
        double rest = 0;
        for (float loading : loadings) {
            all += Math.abs(loading);
            rest += loading;
        }
        int[] order = largest(loadings);
        List<Part> parts = new ArrayList<>();
        double reached = 0;
        for (int i = 0; i < order.length && reached < share * all; i++) {
            float loading = loadings[order[i]];
            parts.add(new Part(new Head(first + order[i] / heads, order[i] % heads), loading));
            reached += Math.abs(loading);
            rest -= loading;
        }
        return new Edge(edge[0], edge[1], List.copyOf(parts), rest);
    }

    /** Where the {@link #MOST_PARTS} largest are, the largest first, of equal ones the first: there are many edges, and a sort takes long. */
    private static int[] largest(float[] loadings) {
        int[] order = new int[Math.min(loadings.length, MOST_PARTS)];
        int count = 0;
        for (int i = 0; i < loadings.length; i++) {
            float size = Math.abs(loadings[i]);
            if (count == order.length && size <= Math.abs(loadings[order[count - 1]])) {
                continue;
            }
            int at = count < order.length ? count++ : count - 1;
            while (at > 0 && Math.abs(loadings[order[at - 1]]) < size) {
                order[at] = order[at - 1];
                at--;
            }
            order[at] = i;
        }
        return order;
    }

    /** All heads that influence passes, the most first. */
    public List<Ranked> ranking() {
        return IntStream.range(0, layers * heads)
                .mapToObj(i -> new Ranked(new Head(i / heads, i % heads), influence[i / heads][i % heads]))
                .filter(ranked -> ranked.influence > 0)
                .sorted(Comparator.comparingDouble(ranked -> -ranked.influence))
                .toList();
    }

    /** A score that was explained for a node. */
    public record Look(int node, ScoreSources score) {}

    /**
     * Explains where the most influential heads look: each from the target of its strongest edge, at the position with the most attention
     * there besides the target's own and the first, where heads rest.
     *
     * @param count how many heads
     * @param top   how many pairs
     */
    public List<Look> looks(LinearPrompt prompt, AttributionGraph graph, int count, int top) {
        List<Look> looks = new ArrayList<>();
        for (Ranked ranked : ranking()) {
            int node = ends[ranked.head.layer()][ranked.head.head()];
            int query = node < 0 ? 0 : graph.node(node).position();
            if (looks.size() == count) {
                break;
            }
            if (query >= 2) {
                float[] attention = prompt.attention(ranked.head.layer(), ranked.head.head(), query);
                int key = IntStream.range(1, query)
                        .boxed()
                        .max(Comparator.comparingDouble(p -> attention[p]))
                        .orElseThrow();
                looks.add(new Look(node, ScoreSources.of(prompt, ranked.head, query, key, top)));
            }
        }
        return looks;
    }

    /**
     * As graph files hold it.
     *
     * @param top how many sources of each score, 0 for all
     */
    public AttentionBlock block(LinearPrompt prompt, AttributionGraph graph, List<Look> looks, int top) {
        String[] names = new String[graph.size()];
        List<AttentionBlock.Edge> named = new ArrayList<>();
        for (Edge edge : edges) {
            named.add(edge.named(name(names, graph, edge.source), name(names, graph, edge.target)));
        }
        return new AttentionBlock(
                1,
                layers,
                heads,
                share,
                ranking().stream()
                        .map(ranked ->
                                new AttentionBlock.Ranked(ranked.head.layer(), ranked.head.head(), ranked.influence))
                        .toList(),
                named,
                looks.stream()
                        .map(look -> look.score.named(prompt, name(names, graph, look.node), top))
                        .toList());
    }

    private static String name(String[] names, AttributionGraph graph, int node) {
        if (names[node] == null) {
            names[node] = NodeId.of(graph.node(node), graph.layers());
        }
        return names[node];
    }
}
