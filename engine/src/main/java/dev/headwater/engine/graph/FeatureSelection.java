package dev.headwater.engine.graph;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The features that become nodes of a graph, and the edges between them.
 *
 * @param order    active features in the order in which their rows were computed [M]
 * @param selected the same, ascending [M]
 * @param edges    direct effects in node order, columns of features not taken left out [n, n]
 */
public record FeatureSelection(int[] order, int[] selected, EdgeRows edges) {
    /** Computes rows of the edge matrix over all active features. */
    @FunctionalInterface
    public interface RowSource {
        /**
         * @param nodes numbers of the targets: active features 0 to N-1, or logits N + L*P + P + k
         * @return a row for each target, in that order, over all N + L*P + P + K columns; the caller closes it
         */
        EdgeRows rows(int[] nodes);
    }

    /**
     * Computes the logits' rows, then repeatedly the rows of the features that have the most influence as far as the known
     * rows tell, until {@code maxFeatures} are taken; all of them, in order, if there are no more than that.
     *
     * @param features    number of active features N
     * @param others      number of errors and tokens, L*P + P
     * @param targets     the logits' weights [K]
     * @param maxFeatures features to take at most; 0 takes all
     * @param perRound    features taken between two rankings (update interval * batch size)
     */
    public static FeatureSelection run(int features, int others, List<LogitTarget> targets, int maxFeatures, int perRound, RowSource source) {
        if (maxFeatures < 0 || perRound < 1) {
            throw new IllegalArgumentException("cannot take %d features, %d in a round".formatted(maxFeatures, perRound));
        }
        int wanted = maxFeatures == 0 ? features : Math.min(features, maxFeatures);
        int firstLogit = features + others;
        double[] weights = new double[firstLogit + targets.size()];
        for (int k = 0; k < targets.size(); k++) weights[firstLogit + k] = targets.get(k).probability();
        try (var ranking = new Ranking(features, weights)) {
            compute(IntStream.range(firstLogit, weights.length).toArray(), source, ranking);
            int[] order = new int[wanted];
            for (int taken = 0; taken < wanted; ) {
                int[] round = wanted == features ? IntStream.range(0, features).toArray() : ranking.best(Math.min(perRound, wanted - taken));
                compute(round, source, ranking);
                System.arraycopy(round, 0, order, taken, round.length);
                taken += round.length;
            }
            int[] selected = order.clone();
            Arrays.sort(selected);
            return new FeatureSelection(order, selected, ranking.assemble());
        }
    }

    private static void compute(int[] nodes, RowSource source, Ranking ranking) {
        ranking.add(nodes, source.rows(nodes));
    }
}
