package dev.headwater.engine.graph;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Ranks features by their influence on the targets while only some rows of the edge matrix are known. Rows are normalised
 * over all columns; a feature whose row is not known yet receives influence and passes none on.
 */
final class Ranking {
    /** Smallest row sum that is divided by between rounds. */
    private static final double FLOOR = 1e-8;

    private final int features;
    private final double[] weights;
    private final EdgeRows[] rows;
    private final int[] rowInBatch;
    private final double[] scale;
    private final List<EdgeRows> batches = new ArrayList<>();

    /**
     * @param features number of features N; they are columns 0 to N-1
     * @param weights  each node's weight as a target [n]
     */
    Ranking(int features, double[] weights) {
        this.features = features;
        this.weights = weights;
        rows = new EdgeRows[weights.length];
        rowInBatch = new int[weights.length];
        scale = new double[weights.length];
    }

    /**
     * Adds known rows.
     *
     * @param nodes the node that each row of the batch belongs to
     */
    void add(int[] nodes, EdgeRows batch) {
        if (batch.rows() != nodes.length || batch.columns() != weights.length) {
            throw new IllegalArgumentException("%d rows of %d columns came for %d targets among %d nodes"
                    .formatted(batch.rows(), batch.columns(), nodes.length, weights.length));
        }
        batches.add(batch);
        for (int r = 0; r < nodes.length; r++) {
            rows[nodes[r]] = batch;
            rowInBatch[nodes[r]] = r;
        }
        IntStream.range(0, nodes.length).parallel()
                .forEach(r -> scale[nodes[r]] = 1 / Math.max(Influence.rowSum(batch, r), FLOOR));
    }

    /** Influence of every node, as far as the known rows tell [n]. */
    double[] influence() {
        double[] influence = new double[weights.length];
        for (int node = weights.length - 1; node >= 0; node--) {
            double c = rows[node] == null ? 0 : (weights[node] + influence[node]) * scale[node];
            if (c != 0) Influence.addRow(rows[node], rowInBatch[node], c, influence);
        }
        return influence;
    }

    /** The most influential features whose rows are not known yet, best first; of equal ones the lower number first. */
    int[] best(int count) {
        double[] influence = influence();
        return IntStream.range(0, features).filter(i -> rows[i] == null).boxed()
                .sorted(Comparator.comparingDouble(i -> -influence[i]))
                .limit(count).mapToInt(Integer::intValue).toArray();
    }

    /** The known rows in the order of nodes with the columns of unknown features left out; the batches are closed. */
    EdgeRows assemble() {
        int n = weights.length;
        int[] kept = IntStream.range(0, n).filter(i -> i >= features || rows[i] != null).toArray();
        EdgeRows assembled = EdgeRows.select(kept, rows, rowInBatch);
        batches.forEach(EdgeRows::close);
        return assembled;
    }

    void close() {
        batches.forEach(EdgeRows::close);
    }
}
