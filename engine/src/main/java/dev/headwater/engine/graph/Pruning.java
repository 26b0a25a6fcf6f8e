package dev.headwater.engine.graph;

import dev.headwater.bindings.EdgeRuns;
import dev.headwater.engine.UsageException;
import java.nio.ByteBuffer;

/**
 * The part of a graph that carries most of the influence. Nodes are kept until their influence makes up the node
 * threshold's share, then edges between them until their influence makes up the edge threshold's share; tokens and
 * logits stay always, features and errors that lead nowhere and features that come from nowhere go.
 *
 * <p>Holds its edges; the graph may be closed.
 */
public final class Pruning {
    private final double nodeThreshold;
    private final double edgeThreshold;
    private final Influence influence;
    private final boolean[] kept;
    private final int nodeCount;
    /** Kept edges by target, then source; the arrays may be longer. */
    private final int edgeCount;

    private final int[] target;
    private final int[] source;
    private final float[] weight;

    /**
     * @param nodeThreshold share of influence that kept nodes make up, 0 to 1
     * @param edgeThreshold share of influence that kept edges make up, 0 to 1
     * @throws UsageException if a threshold is outside 0 to 1
     */
    public static Pruning of(AttributionGraph graph, double nodeThreshold, double edgeThreshold) {
        return of(graph, Influence.of(graph), nodeThreshold, edgeThreshold);
    }

    /**
     * As {@link #of(AttributionGraph, double, double)}, with the graph's influence where it is known already.
     *
     * @throws UsageException if a threshold is outside 0 to 1
     */
    public static Pruning of(AttributionGraph graph, Influence influence, double nodeThreshold, double edgeThreshold) {
        check("node", nodeThreshold);
        check("edge", edgeThreshold);
        return new Pruning(graph, influence, nodeThreshold, edgeThreshold);
    }

    private static void check(String name, double threshold) {
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new UsageException(
                    "The %s threshold must be a number from 0 to 1, not %s.".formatted(name, threshold));
        }
    }

    private Pruning(AttributionGraph graph, Influence influence, double nodeThreshold, double edgeThreshold) {
        this.nodeThreshold = nodeThreshold;
        this.edgeThreshold = edgeThreshold;
        this.influence = influence;
        int n = graph.size();
        kept = new boolean[n];
        double nodeCut = influence.cut(nodeThreshold);
        for (int i = 0; i < n; i++)
            kept[i] = i >= graph.firstToken() || influence.node()[i] >= nodeCut;

        double[] weights = graph.targetWeights();
        Influence pruned = Influence.of(graph.edges(), weights, graph.topologicalOrder(), kept);
        double[] coefficient = new double[n];
        for (int r = 0; r < n; r++) coefficient[r] = kept[r] ? (pruned.node()[r] + weights[r]) * pruned.scale()[r] : 0;
        EdgeRuns edges = graph.edges().runs();
        EdgeRuns.Selected strong = edges.above(coefficient, kept, edges.cut(coefficient, kept, edgeThreshold));
        dropDeadEnds(graph, strong);

        source = strong.column();
        weight = strong.value();
        target = new int[source.length];
        int nodes = 0;
        int edgeCount = 0;
        for (int r = 0; r < n; r++) {
            if (!kept[r]) continue;
            nodes++;
            for (int e = strong.rowStart()[r]; e < strong.rowStart()[r + 1]; e++) {
                if (!kept[source[e]]) continue;
                target[edgeCount] = r;
                source[edgeCount] = source[e];
                weight[edgeCount++] = weight[e];
            }
        }
        this.edgeCount = edgeCount;
        nodeCount = nodes;
    }

    /**
     * Features and errors need a kept edge to a kept node, features also one from a kept node. In an acyclic graph the
     * fixpoint of that is: they lead to a logit (or token), and features are led to by an error or token.
     */
    private void dropDeadEnds(AttributionGraph graph, EdgeRuns.Selected strong) {
        int n = kept.length;
        int[] order = graph.topologicalOrder();
        int[] rowStart = strong.rowStart();
        int[] column = strong.column();
        boolean[] leads = new boolean[n];
        for (int i = graph.firstToken(); i < n; i++) leads[i] = true;
        for (int r : order) {
            for (int e = rowStart[r]; leads[r] && e < rowStart[r + 1]; e++) leads[column[e]] = true;
        }
        boolean[] led = new boolean[n];
        for (int i = graph.firstError(); i < n; i++) led[i] = true;
        for (int i = n - 1; i >= 0; i--) {
            int r = order[i];
            for (int e = rowStart[r]; !led[r] && e < rowStart[r + 1]; e++) led[r] = led[column[e]];
        }
        for (int i = 0; i < n; i++) kept[i] &= leads[i] && led[i];
    }

    /** {@return the share of influence that the kept nodes reach, 0 to 1} */
    public double nodeThreshold() {
        return nodeThreshold;
    }

    /** {@return the share of influence that the kept edges reach, 0 to 1} */
    public double edgeThreshold() {
        return edgeThreshold;
    }

    /** Influence in the whole graph. */
    public Influence influence() {
        return influence;
    }

    /** {@return whether a node, by its index in the whole graph, is kept} */
    public boolean keeps(int node) {
        return kept[node];
    }

    /** Number of kept nodes. */
    public int nodeCount() {
        return nodeCount;
    }

    /** Number of kept edges. */
    public int edgeCount() {
        return edgeCount;
    }

    /** Kept nodes, ascending. */
    public int[] nodes() {
        int[] nodes = new int[nodeCount];
        for (int i = 0, next = 0; i < kept.length; i++) {
            if (kept[i]) nodes[next++] = i;
        }
        return nodes;
    }

    /** Visits the kept edges by target, then source. */
    public void forEachEdge(EdgeRows.EdgeVisitor visitor) {
        for (int e = 0; e < edgeCount; e++) visitor.edge(target[e], source[e], weight[e]);
    }

    /**
     * The text of up to {@code most} kept edges, in the order of {@link #forEachEdge}, from number {@code first} on.
     */
    public ByteBuffer links(LinkText text, int first, int most) {
        return text.of(source, target, weight, first, Math.min(most, edgeCount - first));
    }
}
