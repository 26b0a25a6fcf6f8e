package dev.headwater.engine.graph;

import dev.headwater.engine.UsageException;

/**
 * The part of a graph that carries most of the influence. Nodes are kept until their influence makes up the node threshold's
 * share, then edges between them until their influence makes up the edge threshold's share; tokens and logits stay always,
 * features and errors that lead nowhere and features that come from nowhere go.
 *
 * <p>Holds masks only: the edges are read from the graph, which must be open while they are visited.
 */
public final class Pruning {
    private final EdgeRows edges;
    private final double nodeThreshold;
    private final double edgeThreshold;
    private final Influence influence;
    private final boolean[] kept;
    private final double[] coefficient;
    private final double cut;
    private final int nodeCount;
    private final long edgeCount;

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
            throw new UsageException("The %s threshold must be a number from 0 to 1, not %s.".formatted(name, threshold));
        }
    }

    private Pruning(AttributionGraph graph, Influence influence, double nodeThreshold, double edgeThreshold) {
        this.edges = graph.edges();
        this.nodeThreshold = nodeThreshold;
        this.edgeThreshold = edgeThreshold;
        this.influence = influence;
        int n = graph.size();
        kept = new boolean[n];
        double nodeCut = influence.cut(nodeThreshold);
        for (int i = 0; i < n; i++) kept[i] = i >= graph.firstToken() || influence.node()[i] >= nodeCut;

        double[] weights = graph.targetWeights();
        int[] order = graph.topologicalOrder();
        Influence pruned = Influence.of(edges, weights, order, kept);
        coefficient = new double[n];
        for (int r = 0; r < n; r++) coefficient[r] = kept[r] ? (pruned.node()[r] + weights[r]) * pruned.scale()[r] : 0;
        cut = edges.runs().cut(coefficient, kept, edgeThreshold);

        dropDeadEnds(graph, order);
        int nodes = 0;
        for (boolean k : kept) nodes += k ? 1 : 0;
        nodeCount = nodes;
        edgeCount = countEdges();
    }

    /**
     * Features and errors need a kept edge to a kept node, features also one from a kept node. In an acyclic graph the
     * fixpoint of that is: they lead to a logit (or token), and features are led to by an error or token.
     */
    private void dropDeadEnds(AttributionGraph graph, int[] order) {
        int n = kept.length;
        boolean[] leads = new boolean[n];
        for (int i = graph.firstToken(); i < n; i++) leads[i] = true;
        for (int r : order) {
            if (leads[r]) visitRow(r, (target, source, weight) -> leads[source] = true);
        }
        boolean[] led = new boolean[n];
        for (int i = graph.firstError(); i < n; i++) led[i] = true;
        for (int i = n - 1; i >= 0; i--) {
            int r = order[i];
            if (!led[r]) visitRow(r, (target, source, weight) -> led[target] |= led[source]);
        }
        for (int i = 0; i < n; i++) kept[i] &= leads[i] && led[i];
    }

    private long countEdges() {
        long[] count = new long[1];
        forEachEdge((target, source, weight) -> count[0]++);
        return count[0];
    }

    private void visitRow(int r, EdgeRows.EdgeVisitor visitor) {
        double c = coefficient[r];
        if (!kept[r] || !(c > 0)) return;
        for (int k = edges.firstRun(r); k < edges.endRun(r); k++) {
            long at = edges.offset(k);
            int column = edges.column(k);
            for (int j = 0, n = edges.length(k); j < n; j++) {
                if (!kept[column + j]) continue;
                float weight = edges.value(at + j);
                if (c * Math.abs(weight) >= cut) visitor.edge(r, column + j, weight);
            }
        }
    }

    public double nodeThreshold() {
        return nodeThreshold;
    }

    public double edgeThreshold() {
        return edgeThreshold;
    }

    /** Influence in the whole graph. */
    public Influence influence() {
        return influence;
    }

    public boolean keeps(int node) {
        return kept[node];
    }

    /** Number of kept nodes. */
    public int nodeCount() {
        return nodeCount;
    }

    /** Number of kept edges. */
    public long edgeCount() {
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
        for (int r = 0; r < kept.length; r++) visitRow(r, visitor);
    }
}
