package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;

/**
 * The first attention layer that something at a single position passes: behind it every position has the same few vectors, one for each
 * head, weighted by the head's pattern. So one row is multiplied by the weight, head by head, in place of a row for each position.
 *
 * @param pattern F32 [heads, P, P]
 */
record FirstAttention(Tensor pattern) {
    /** Rows of one product: enough for its rate, few enough for the room that their vectors take. */
    private static final int MOST = 64;

    /**
     * out = pattern, by heads, times what each head's values become.
     *
     * @param values F32 [n, heads·headDim], at the own positions
     * @param weight F32 [heads or kvHeads · headDim, width], for each head the rows of what it is or shares
     * @param batch  of the n, in the rows of {@code out}
     * @param room   floats that the vectors in between may take; one row's are always taken
     * @param out    F32 [rows, width], overwritten in the batch's rows
     */
    void spread(Tensor values, Tensor weight, Ragged batch, long room, Tensor out) {
        int heads = (int) pattern.size(0);
        long headDim = values.size(1) / heads;
        long width = weight.size(1);
        long group = heads * headDim / weight.size(0);
        int count = (int) values.size(0);
        int most = Math.clamp(room / (heads * width), 1, MOST);
        for (int first = 0; first < count; first += most) {
            int some = Math.min(most, count - first);
            try (var _ = TensorScope.open()) {
                Tensor read = TorchShape.narrow(values, 0, first, some);
                Tensor vectors = Tensor.empty(DType.F32, values.device(), some, heads * width);
                for (int h = 0; h < heads; h++) {
                    Torch.mmInto(
                            TorchShape.narrow(vectors, 1, h * width, width),
                            TorchShape.narrow(read, 1, h * headDim, headDim),
                            TorchShape.narrow(weight, 0, h / group * headDim, headDim),
                            0);
                }
                Kernels.patternAdjointSingle(vectors, pattern, 1, batch.range(first, some), out);
            }
        }
    }
}
