package dev.headwater.engine.graph;

/**
 * An output that a graph explains.
 *
 * @param token       vocabulary id; a direction that is not a token has a virtual id, vocabulary size + index
 * @param text        the token's text, or the direction's name
 * @param probability its weight among the targets: the model's probability, for a direction what the user gave
 * @param position    token position whose final residual stream it is read from: a token is the next one after that
 *                    position. Of a feature, which lies below the outputs, the prompt's last
 */
public record LogitTarget(int token, String text, float probability, int position) {}
