package dev.headwater.engine.product;

import dev.headwater.bindings.Bf16Product;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;

/**
 * A matrix that gradients are multiplied by, made ready for its products once.
 *
 * @param matrix   F32 or BF16 [rows, columns]; for BF16X6 its parts, BF16 [3·rows, columns]
 * @param products how they are computed
 */
public record Weight(Tensor matrix, Products products) {
    /** Of a matrix of either type. What is made belongs to the innermost open scope. */
    public static Weight of(Tensor matrix, Products products) {
        Tensor ready = Torch.contiguous(Torch.to(matrix, products == Products.BFLOAT16 ? DType.BF16 : DType.F32));
        return new Weight(products == Products.BF16X6 ? Bf16Product.parts(ready) : ready, products);
    }

    /** This weight, handed to the enclosing scope. */
    public Weight keptBy(TensorScope scope) {
        scope.keep(matrix);
        return this;
    }

    /** out = a · this + beta · out; out and a are F32, contiguous. */
    public void product(Tensor out, Tensor a, int beta) {
        switch (products) {
            case FLOAT32 -> FloatProduct.into(out, a, matrix, beta);
            case BF16X6 -> Bf16Product.split(out, a, matrix, beta);
            case BFLOAT16 -> {
                if (matrix.device().isCpu() && Bf16Product.rounds()) {
                    Bf16Product.rounded(out, a, matrix, beta);
                    return;
                }
                try (var scope = TensorScope.open()) {
                    Tensor product = Torch.mm(Torch.to(a, DType.BF16), matrix);
                    Torch.copy(out, beta == 0 ? product : Torch.add(out, Torch.to(product, DType.F32)));
                }
            }
        }
    }

    /** The transpose, for products from the other side: a view for float32, else made anew. Belongs to the innermost open scope. */
    public Weight transposed() {
        if (products == Products.FLOAT32) {
            return new Weight(TorchShape.t(matrix), products);
        }
        try (var scope = TensorScope.open()) {
            return of(TorchShape.t(toFloat32()), products).keptBy(scope);
        }
    }

    /** F32 [rows, columns]. */
    public Tensor toFloat32() {
        return products == Products.BF16X6 ? Bf16Product.whole(matrix) : Torch.to(matrix, DType.F32);
    }

    /** {@return output features} */
    public int rows() {
        return (int) (matrix.size(0) / (products == Products.BF16X6 ? Bf16Product.PARTS : 1));
    }

    /** {@return input features} */
    public int columns() {
        return (int) matrix.size(1);
    }
}
