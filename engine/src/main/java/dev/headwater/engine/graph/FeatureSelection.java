package dev.headwater.engine.graph;

import java.util.List;

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

    /** All rounds of {@link FeatureRounds} for one prompt; parameters are explained there. */
    public static FeatureSelection run(int features, int others, List<LogitTarget> targets, int maxFeatures, int perRound, RowSource source) {
        try (var rounds = new FeatureRounds(features, others, targets, maxFeatures, perRound)) {
            for (int[] nodes = rounds.next(); nodes.length > 0; nodes = rounds.next()) rounds.add(source.rows(nodes));
            return rounds.selection();
        }
    }
}
