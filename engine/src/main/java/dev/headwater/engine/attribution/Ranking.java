package dev.headwater.engine.attribution;

import dev.headwater.bindings.EdgeRuns;
import dev.headwater.engine.graph.EdgeRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Ranks features by their influence on the targets while only some rows of the edge matrix are known. Rows are
 * normalised over all columns; a feature whose row is not known yet receives influence and passes none on.
 */
public final class Ranking implements AutoCloseable {
    /** Smallest row sum that is divided by between rounds. */
    private static final double FLOOR = 1e-8;

    private final int features;
    private final double[] weights;
    private final List<EdgeRows> batches = new ArrayList<>();
    /** All known rows one after the other, whichever batch holds them, and the node that each belongs to. */
    private final EdgeRuns known;

    private long[] nodes = new long[0];
    private double[] scale = new double[0];
    /** What each row has passed on, and what has come of that: a round adds only what its rows change. */
    private double[] passed = new double[0];

    private final double[] influence;
    /** For each node the batch that has its row, null if it is not known, and the row's number in there. */
    private final EdgeRows[] home;

    private final int[] rowInBatch;

    /**
     * @param features number of features N; they are columns 0 to N-1
     * @param weights  each node's weight as a target [n]
     */
    public Ranking(int features, double[] weights) {
        this.features = features;
        this.weights = weights;
        known = new EdgeRuns(weights.length);
        influence = new double[weights.length];
        home = new EdgeRows[weights.length];
        rowInBatch = new int[weights.length];
    }

    /**
     * Adds known rows.
     *
     * @param added the node that each row of the batch belongs to
     * @param batch closed with this ranking
     */
    public void add(int[] added, EdgeRows batch) {
        batches.add(batch);
        if (batch.rows() != added.length || batch.columns() != weights.length) {
            throw new IllegalArgumentException("%d rows of %d columns came for %d targets among %d nodes"
                    .formatted(batch.rows(), batch.columns(), added.length, weights.length));
        }
        int first = nodes.length;
        nodes = Arrays.copyOf(nodes, first + added.length);
        scale = Arrays.copyOf(scale, first + added.length);
        passed = Arrays.copyOf(passed, first + added.length);
        for (int r = 0; r < added.length; r++) {
            nodes[first + r] = added[r];
            scale[first + r] = -1; // not known
            home[added[r]] = batch;
            rowInBatch[added[r]] = r;
        }
        batch.addTo(known);
    }

    /** Influence of every node, as far as the known rows tell [n]; stays ours. */
    double[] influence() {
        // A node draws on nodes with lower numbers only: layers come in order, targets last. So rows go by falling
        // node.
        long[] order = new long[nodes.length];
        for (int r = 0; r < order.length; r++) order[r] = ~nodes[r] << Integer.SIZE | r;
        Arrays.sort(order);
        for (int r = 0; r < order.length; r++) order[r] &= Integer.MAX_VALUE;
        known.influence(order, nodes, weights, null, FLOOR, scale, passed, influence);
        return influence;
    }

    /** The most influential features whose rows are not known yet, best first; of equal ones the lower number first. */
    public int[] best(int count) {
        influence();
        // Few of many are wanted: a count by leading bits tells which need not be sorted.
        int[] alike = new int[1 << Short.SIZE];
        for (int i = 0; i < features; i++) {
            if (home[i] == null) alike[leadingBits(influence[i])]++;
        }
        int least = alike.length;
        for (int found = 0; found < count && least > 0; ) found += alike[--least];
        var candidates = new ArrayList<Integer>();
        for (int i = 0; i < features; i++) {
            if (home[i] == null && leadingBits(influence[i]) >= least) candidates.add(i);
        }
        candidates.sort(Comparator.comparingDouble(i -> -influence[i]));
        return candidates.stream().limit(count).mapToInt(Integer::intValue).toArray();
    }

    /** Grows with a positive number, though not as finely. */
    private static int leadingBits(double x) {
        return x > 0 ? (int) (Double.doubleToRawLongBits(x) >>> Long.SIZE - Short.SIZE) : 0;
    }

    /** The known rows in the order of nodes with the columns of unknown features left out. */
    EdgeRows assemble() {
        int[] kept = IntStream.range(0, weights.length)
                .filter(i -> i >= features || home[i] != null)
                .toArray();
        return EdgeRows.select(kept, home, rowInBatch);
    }

    /** Of the known rows. */
    long bytes() {
        return batches.stream().mapToLong(EdgeRows::size).sum() * Float.BYTES;
    }

    @Override
    public void close() {
        known.close();
        batches.forEach(EdgeRows::close);
    }
}
