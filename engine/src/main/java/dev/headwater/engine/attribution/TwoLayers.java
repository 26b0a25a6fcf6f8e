package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import java.util.ArrayList;
import java.util.List;

/**
 * Two neighbouring attention layers as one weight. Below a target's first attention layer its gradient is {@code mixed · value}
 * but for the row of its own position, so what the next layer needs, {@code gradient · output}, is
 * {@code mixed · (value · output)}: with grouped key/value heads a product of much lower rank than the residual stream's width.
 * For a target in the middle of twelve layers this saves an eighth of all products.
 *
 * @param weights for each layer [kvHeads·headDim, heads·headDim], the value weight of the layer above times its own output weight,
 *                in the type of the model's matrix products; null where the detour costs more or a skip lies between
 */
record TwoLayers(List<Tensor> weights) {
    /**
     * Results belong to the innermost open scope.
     *
     * @param rows about how many gradient rows will take the detour at each layer
     */
    static TwoLayers of(FrozenModel model, long rows) {
        long rank = model.valueWidth();
        long width = model.width();
        boolean pays = rows * (width - rank) > rank * width;
        List<Tensor> weights = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            boolean wanted = pays && layer + 1 < model.layers() && model.layer(layer).skip() == null;
            weights.add(wanted ? product(model.layer(layer + 1).value(), model.layer(layer).output()) : null);
        }
        return new TwoLayers(weights);
    }

    private static Tensor product(Tensor value, Tensor output) {
        try (var scope = TensorScope.open()) {
            Tensor product = Torch.mm(Torch.to(value, DType.F32), Torch.to(output, DType.F32));
            return scope.keep(Torch.to(product, value.dtype()));
        }
    }

    /** Null where there is none. */
    Tensor weight(int layer) {
        return weights.get(layer);
    }
}
