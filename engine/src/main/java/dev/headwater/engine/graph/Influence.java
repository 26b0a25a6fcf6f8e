package dev.headwater.engine.graph;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * How much every node contributes to the targets over all paths: I = w·A + w·A² + ..., where A holds the absolute
 * direct effects, each row divided by its sum, and w the targets' probabilities. The graph is acyclic, so one pass from
 * the targets to the sources gives the whole series.
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
    static Influence of(EdgeRows edges, double[] weights, int[] order, boolean @Nullable [] keep) {
        if (edges.rows() != edges.columns() || weights.length != edges.rows()) {
            throw new IllegalArgumentException(
                    "influence needs a square matrix and a weight for each node, not %d x %d and %d weights"
                            .formatted(edges.rows(), edges.columns(), weights.length));
        }
        double[] scale = new double[weights.length];
        for (int r = 0; r < scale.length; r++) scale[r] = keep == null || keep[r] ? -1 : 0;
        long[] rows = LongStream.range(0, edges.rows()).toArray();
        return new Influence(
                edges.runs()
                        .influence(Arrays.stream(order).asLongStream().toArray(), rows, weights, keep, FLOOR, scale),
                scale);
    }

    /**
     * The cut for a share: of the influences in descending order, the first at which their cumulative sum reaches the
     * share of the total. A zero is never the cut; share 1 gives the smallest positive one; if none is positive it is
     * infinity.
     */
    double cut(double share) {
        double[] scores = node.clone();
        Arrays.sort(scores);
        double total = 0;
        for (double score : scores) total += score;
        double sum = 0;
        double cut = Double.POSITIVE_INFINITY;
        for (int i = scores.length - 1; i >= 0 && scores[i] > 0; i--) {
            cut = scores[i];
            sum += cut;
            if (share < 1 && sum / total >= share) break;
        }
        return cut;
    }

    /** Node numbers by descending influence; of equal ones the lower number first. */
    public int[] ranking() {
        double[] ascending = node.clone();
        Arrays.sort(ascending);
        int[] ranking = new int[node.length];
        int[] placed = new int[node.length]; // of the nodes whose first place this is
        for (int i = 0; i < node.length; i++) {
            int low = 0;
            int high = node.length;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (Double.compare(ascending[middle], node[i]) <= 0) low = middle + 1;
                else high = middle;
            }
            int first = node.length - low;
            ranking[first + placed[first]++] = i;
        }
        return ranking;
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
