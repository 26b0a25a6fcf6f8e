package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;

/**
 * The parameters of one layer, on the model's device.
 *
 * @param postAttention null where the family has none
 * @param postMlp       null where the family has none
 */
public record LayerWeights(
        Norm preAttention, Attention attention, Norm postAttention, Norm preMlp, Mlp mlp, Norm postMlp) {
    /**
     * @param query  weight [heads * headDim, d]
     * @param key    weight [kvHeads * headDim, d]
     * @param value  W_V, weight [kvHeads * headDim, d]
     * @param output W_O, weight [d, heads * headDim]
     * @param queryNorm over a head's dimensions, or null
     * @param keyNorm   over a head's dimensions, or null
     * @param sinks  [heads, 1, 1] float32, or null
     */
    public record Attention(
            Linear query, Linear key, Linear value, Linear output, Norm queryNorm, Norm keyNorm, Tensor sinks) {}
}
