package dev.headwater.engine.graph;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How much every node contributes to the targets over all paths: I = w·A + w·A² + ..., where A holds the absolute direct
 * effects, each row divided by its sum, and w the targets' probabilities. The graph is acyclic, so one pass from the targets
 * to the sources gives the whole series.
 *
 * @param node  influence of each node [n]
 * @param scale factor of each row that normalises it: 1 / max(row sum, 1e-10) [n]
 */
public record Influence(double[] node, double[] scale) {
    /** Smallest row sum that is divided by. */
    static final double FLOOR = 1e-10;

    /** Influence in a whole graph. */
    public static Influence of(AttributionGraph graph) {
        return of(graph.edges(), graph.targetWeights(), graph.topologicalOrder(), null);
    }

    /**
     * Influence in a square matrix, rows are targets.
     *
     * @param weights weight of each node as a target of the computation [n]
     * @throws dev.headwater.engine.HeadwaterException if the edges form a cycle
     */
    public static Influence of(EdgeRows edges, double[] weights) {
        return of(edges, weights, TopologicalOrder.of(edges), null);
    }

    /** As above, in the part of the graph that {@code keep} names; null keeps all. Dropped nodes get 0. */
    static Influence of(EdgeRows edges, double[] weights, int[] order, boolean[] keep) {
        if (edges.rows() != edges.columns() || weights.length != edges.rows()) {
            throw new IllegalArgumentException("influence needs a square matrix and a weight for each node, not %d x %d and %d weights"
                    .formatted(edges.rows(), edges.columns(), weights.length));
        }
        double[] scale = rowSums(edges, keep);
        for (int r = 0; r < scale.length; r++) {
            scale[r] = keep == null || keep[r] ? 1 / Math.max(scale[r], FLOOR) : 0;
        }
        double[] influence = new double[edges.columns()];
        for (int r : order) {
            double c = (weights[r] + influence[r]) * scale[r];
            if (c != 0) addRow(edges, r, c, influence);
        }
        if (keep != null) {
            for (int i = 0; i < influence.length; i++) {
                if (!keep[i]) influence[i] = 0;
            }
        }
        return new Influence(influence, scale);
    }

    /** Sum of the absolute values of each row over the kept columns; null keeps all. */
    static double[] rowSums(EdgeRows edges, boolean[] keep) {
        return IntStream.range(0, edges.rows()).parallel()
                .mapToDouble(r -> keep == null ? rowSum(edges, r) : keep[r] ? rowSum(edges, r, keep) : 0)
                .toArray();
    }

    static double rowSum(EdgeRows edges, int row) {
        MemorySegment values = edges.values();
        double sum = 0;
        for (int k = edges.firstRun(row); k < edges.endRun(row); k++) {
            long at = edges.offset(k);
            for (int j = 0, n = edges.length(k); j < n; j++) sum += Math.abs(values.getAtIndex(ValueLayout.JAVA_FLOAT, at + j));
        }
        return sum;
    }

    private static double rowSum(EdgeRows edges, int row, boolean[] keep) {
        MemorySegment values = edges.values();
        double sum = 0;
        for (int k = edges.firstRun(row); k < edges.endRun(row); k++) {
            long at = edges.offset(k);
            int column = edges.column(k);
            for (int j = 0, n = edges.length(k); j < n; j++) {
                if (keep[column + j]) sum += Math.abs(values.getAtIndex(ValueLayout.JAVA_FLOAT, at + j));
            }
        }
        return sum;
    }

    /** into[s] += c * |edge(row, s)| for all columns s. */
    static void addRow(EdgeRows edges, int row, double c, double[] into) {
        MemorySegment values = edges.values();
        for (int k = edges.firstRun(row); k < edges.endRun(row); k++) {
            long at = edges.offset(k);
            int column = edges.column(k);
            for (int j = 0, n = edges.length(k); j < n; j++) into[column + j] += c * Math.abs(values.getAtIndex(ValueLayout.JAVA_FLOAT, at + j));
        }
    }

    /** Node numbers by descending influence; of equal ones the lower number first. */
    public int[] ranking() {
        return IntStream.range(0, node.length).boxed()
                .sorted(Comparator.comparingDouble(i -> -node[i]))
                .mapToInt(Integer::intValue).toArray();
    }

    /**
     * Each node's share of the whole influence together with all nodes before it in the {@link #ranking}: small for the
     * important ones, 1 for the last [n].
     */
    public double[] cumulativeShares() {
        double total = 0;
        for (double x : node) total += x;
        double[] shares = new double[node.length];
        double sum = 0;
        for (int i : ranking()) {
            sum += node[i];
            shares[i] = total > 0 ? sum / total : 1;
        }
        return shares;
    }
}
