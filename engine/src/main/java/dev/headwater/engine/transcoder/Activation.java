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
     * Keeps the k largest of a position, negative ones included; the others become 0. Among equals the lower feature
     * wins.
     */
    record TopK(int k) implements Activation {}
}
