package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.product.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * Two neighbouring attention layers as one weight. Below a target's first attention layer its gradient is {@code mixed
 * · value}
 * but for the row of its own position, so what the next layer needs, {@code gradient · output}, is
 * {@code mixed · (value · output)}: with grouped key/value heads a product of much lower rank than the residual
 * stream's width.
 * For a target in the middle of twelve layers this saves an eighth of all products.
 *
 * @param weights for each layer [kvHeads·headDim, heads·headDim], the value weight of the layer above times its own
 *      output weight; null
 *                where the detour costs more or a skip lies between
 */
record TwoLayers(List<Weight> weights) {
    /**
     * Results belong to the innermost open scope.
     *
     * @param rows about how many gradient rows will take the detour at each layer
     */
    static TwoLayers of(FrozenWeights model, long rows) {
        long rank = model.valueWidth();
        long width = model.width();
        int layers = model.layers().size();
        boolean pays = rows * (width - rank) > rank * width;
        List<Weight> products = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean wanted = pays && layer + 1 < layers && model.layer(layer).skip() == null;
            products.add(
                    wanted
                            ? product(
                                    model.layer(layer + 1).value(),
                                    model.layer(layer).output())
                            : null);
        }
        return new TwoLayers(products);
    }

    private static Weight product(Weight value, Weight output) {
        try (var scope = TensorScope.open()) {
            return Weight.of(Torch.mm(value.toFloat32(), output.toFloat32()), value.products())
                    .keptBy(scope);
        }
    }

    /** Null where there is none. */
    Weight weight(int layer) {
        return weights.get(layer);
    }
}
