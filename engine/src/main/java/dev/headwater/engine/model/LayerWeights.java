package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of one layer, on the model's device.
 *
 * @param preAttention  null where the family has none, as are the other norms
 */
public record LayerWeights(
        @Nullable Norm preAttention,
        Attention attention,
        @Nullable Norm postAttention,
        @Nullable Norm preMlp,
        Mlp mlp,
        @Nullable Norm postMlp) {
    /**
     * @param query  weight [heads * headDim, d]
     * @param key    weight [kvHeads * headDim, d]
     * @param value  W_V, weight [kvHeads * headDim, d]
     * @param output W_O, weight [d, heads * headDim]
     * @param queryNorm over a head's dimensions, or those of all heads, or null
     * @param keyNorm   the same
     * @param sinks  [heads, 1, 1] float32, or null
     */
    public record Attention(
            Linear query,
            Linear key,
            Linear value,
            Linear output,
            @Nullable Norm queryNorm,
            @Nullable Norm keyNorm,
            @Nullable Tensor sinks) {}
}
