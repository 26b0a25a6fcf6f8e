package dev.headwater.engine.transcoder;

/** The function from a feature's pre-activation to its activation. */
public sealed interface Activation {
    /** max(x, 0). */
    record Relu() implements Activation {}

    /**
     * x where x > threshold, else 0.
     *
     * @param threshold one a feature [F]
     */
    record JumpRelu(float[] threshold) implements Activation {}

    /**
     * Keeps the k largest of a position; the others become 0. Among equals the lower feature wins.
     *
     * @param positive whether negative ones become 0 too, as where a ReLU comes first
     */
    record TopK(int k, boolean positive) implements Activation {
        /** Keeps negative ones among the largest. */
        public TopK(int k) {
            this(k, false);
        }
    }
}
