package dev.headwater.engine.attribution;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;
import java.util.List;

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
    }

    /** Features, at positions counted from 0: why did these fire? Each has weight 1 / count. */
    record Features(List<FeatureRef> features) implements OutputTargets {
        public Features {
            features = List.copyOf(features);
            if (features.isEmpty()) throw new UsageException("at least one target feature is needed");
        }
    }
}
