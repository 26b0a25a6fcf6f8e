package dev.headwater.engine.graph;

/** A node of an attribution graph. */
public sealed interface Node {
    /** Token position. */
    int position();

    /** A transcoder feature that fires with this activation. */
    record Feature(int layer, int position, int feature, float activation) implements Node {}

    /** What the transcoders leave unexplained of an MLP's output. */
    record Error(int layer, int position) implements Node {}

    /** An input token's embedding. */
    record Token(int position, int token, String text) implements Node {}

    /** An output target; its position is the prompt's last. */
    record Logit(int position, LogitTarget target) implements Node {}
}
