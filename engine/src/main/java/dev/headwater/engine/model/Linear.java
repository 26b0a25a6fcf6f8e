package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import org.jspecify.annotations.Nullable;

/**
 * x · weightᵀ + bias.
 *
 * @param weight [out, in] in the model's compute type; it may be a transposed view
 * @param bias   [out] float32, or null
 */
public record Linear(Tensor weight, @Nullable Tensor bias) {
    /** x [.., in] to [.., out], both float32; the product is computed in the weight's type. */
    public Tensor apply(Tensor x) {
        if (weight.dtype() == DType.F32) {
            return FloatProduct.linear(x, weight, bias);
        }
        Tensor product = Torch.to(Torch.linear(Torch.to(x, weight.dtype()), weight, null), DType.F32);
        return bias == null ? product : Torch.add(product, bias);
    }
}
