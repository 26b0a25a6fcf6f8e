package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a graph explains. Each target becomes a logit node with its weight. */
public sealed interface OutputTargets {
    /** The reference's defaults: at most 10 tokens, until 95 % of the probability is covered. */
    OutputTargets SALIENT = new Salient(10, 0.95);

    /**
     * The most probable next tokens: as few as reach {@code probability} together, at most {@code maxLogits}.
     */
    record Salient(int maxLogits, double probability) implements OutputTargets {
        public Salient {
            if (maxLogits < 1) throw new UsageException("the number of logits must be at least 1, not " + maxLogits);
            if (!(probability > 0 && probability <= 1)) {
                throw new UsageException("the logit probability must lie in (0, 1], not " + probability);
            }
        }
    }

    /** Given next tokens, weighted by the model's probabilities. */
    record Tokens(List<Integer> ids) implements OutputTargets {
        public Tokens {
            ids = List.copyOf(ids);
            if (ids.isEmpty()) throw new UsageException("at least one target token is needed");
        }
    }

    /**
     * The text itself: at each of some positions its own next token, as one graph with an output at each. So an answer that is
     * part of the text is explained whole.
     *
     * @param positions from 0; in the order of the text, whatever order they are given in
     * @param end       what is explained at the text's last position, after which it says nothing, if that is among them
     */
    record Text(List<Integer> positions, Salient end) implements OutputTargets {
        public Text {
            positions = positions.stream().distinct().sorted().toList();
            if (positions.isEmpty()) throw new UsageException("at least one target position is needed");
            if (positions.getFirst() < 0) {
                throw new UsageException("target position " + positions.getFirst() + " is negative");
            }
        }
    }

    /**
     * Directions in the final residual stream after the last norm, used as they are (tokens' unembeddings have their
     * mean over the vocabulary taken off; these have not).
     */
    record Directions(List<Direction> directions) implements OutputTargets {
        public Directions {
            directions = List.copyOf(directions);
            if (directions.isEmpty()) throw new UsageException("at least one target direction is needed");
        }
    }

    /**
     * @param weight its share among the targets, as a probability is
     * @param vector [d]
     */
    record Direction(String name, double weight, float[] vector) {
        public Direction {
            if (!(weight > 0) || Double.isInfinite(weight)) {
                throw new UsageException("direction '" + name + "' needs a positive weight, not " + weight);
            }
        }

        /**
         * A concept: the mean of the unembeddings of some tokens minus the mean of those of others. Of one token each, it
         * is a difference of logits.
         *
         * @param tokens that have what is meant, at least one
         * @param others that lack it; of none, the mean over the vocabulary is taken off
         * @throws UsageException if a token does not exist, or both sides are the same
         */
        public static Direction between(ReplacementModel model, List<Integer> tokens, List<Integer> others) {
            if (tokens.isEmpty()) {
                throw new UsageException("a concept needs at least one token");
            }
            if (Set.copyOf(tokens).equals(Set.copyOf(others))) {
                throw new UsageException("the concept has no direction: its tokens and the others are the same");
            }
            for (int token : Stream.concat(tokens.stream(), others.stream()).toList()) {
                if (token < 0 || token >= model.vocabularySize()) {
                    throw new UsageException(
                            "there is no token " + token + "; the model's are 0 to " + (model.vocabularySize() - 1));
                }
            }
            double[] sum = mean(model, tokens);
            double[] minus;
            if (others.isEmpty()) {
                try (var scope = TensorScope.open()) {
                    minus = Torch.to(model.model().meanUnembedding(), DType.F64).toDoubles();
                }
            } else {
                minus = mean(model, others);
            }
            float[] vector = new float[sum.length];
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (float) (sum[i] - minus[i]);
            }
            return new Direction(
                    names(model, tokens) + " - " + (others.isEmpty() ? "any token" : names(model, others)), 1, vector);
        }

        private static double[] mean(ReplacementModel model, List<Integer> tokens) {
            double[] mean = new double[model.model().config().width()];
            for (int token : tokens) {
                float[] row = model.model().unembedding(token);
                for (int i = 0; i < mean.length; i++) {
                    mean[i] += (double) row[i] / tokens.size();
                }
            }
            return mean;
        }

        private static String names(ReplacementModel model, List<Integer> tokens) {
            String listed = tokens.stream()
                    .limit(NAMED)
                    .map(token -> "\"" + model.tokenizer().token(token) + "\"")
                    .collect(Collectors.joining(", "));
            String more = tokens.size() > NAMED ? ", …" : "";
            return tokens.size() == 1 ? listed : "mean(" + listed + more + ")";
        }

        /** Tokens of a side that a direction's name lists. */
        private static final int NAMED = 4;
    }

    /** Features, at positions counted from 0: why did these fire? Each has weight 1 / count. */
    record Features(List<FeatureRef> features) implements OutputTargets {
        public Features {
            features = List.copyOf(features);
            if (features.isEmpty()) throw new UsageException("at least one target feature is needed");
        }
    }
}
