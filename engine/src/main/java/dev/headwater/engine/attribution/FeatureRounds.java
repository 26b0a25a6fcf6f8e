package dev.headwater.engine.attribution;

import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Chooses a graph's features round by round: first come the rows of the logits, then repeatedly those of the features
 * that have the most influence as far as the known rows tell, until enough are taken; all features, in order, if there
 * are no more than that.
 *
 * <p>The caller computes the rows between {@link #next} and {@link #add}, for one prompt or for several side by side.
 */
public final class FeatureRounds implements AutoCloseable {
    private final int features;
    private final int perRound;
    private final Ranking ranking;
    private final int[] order;
    private int taken;
    private int[] due;

    /**
     * @param features    number of active features N
     * @param others      number of errors and tokens, L*P + P
     * @param targets     the logits' weights [K]
     * @param maxFeatures features to take at most; 0 takes all
     * @param perRound    features taken between two rankings (update interval * batch size)
     */
    public FeatureRounds(int features, int others, List<LogitTarget> targets, int maxFeatures, int perRound) {
        if (maxFeatures < 0 || perRound < 1) {
            throw new IllegalArgumentException(
                    "cannot take %d features, %d in a round".formatted(maxFeatures, perRound));
        }
        this.features = features;
        this.perRound = perRound;
        order = new int[maxFeatures == 0 ? features : Math.min(features, maxFeatures)];
        int firstLogit = features + others;
        double[] weights = new double[firstLogit + targets.size()];
        for (int k = 0; k < targets.size(); k++)
            weights[firstLogit + k] = targets.get(k).probability();
        ranking = new Ranking(features, weights);
        due = IntStream.range(firstLogit, weights.length).toArray();
    }

    /**
     * Numbers of the targets whose rows are due: logits N + L*P + P + k, then active features 0 to N-1; empty at the
     * end.
     */
    public int[] next() {
        return due.clone();
    }

    /** Features taken so far. */
    public int taken() {
        return taken;
    }

    /** Features that will be taken in all. */
    public int wanted() {
        return order.length;
    }

    /**
     * Takes the rows that were due.
     *
     * @param rows a row for each target, in that order, over all N + L*P + P + K columns; closed with these rounds
     */
    public void add(EdgeRows rows) {
        ranking.add(due, rows);
        if (due.length > 0 && due[0] < features) {
            System.arraycopy(due, 0, order, taken, due.length);
            taken += due.length;
        }
        int left = order.length - taken;
        if (left == 0) {
            due = new int[0];
        } else {
            due = order.length == features
                    ? IntStream.range(0, features).toArray()
                    : ranking.best(Math.min(perRound, left));
        }
    }

    /** The selection, once nothing is due. */
    public FeatureSelection selection() {
        int[] selected = order.clone();
        Arrays.sort(selected);
        return new FeatureSelection(order.clone(), selected, ranking.assemble());
    }

    /** Bytes that the edges of {@link #selection} may take: at most those of the rows known. */
    long selectionBytes() {
        return ranking.bytes();
    }

    @Override
    public void close() {
        ranking.close();
    }
}
