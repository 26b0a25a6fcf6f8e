package dev.headwater.engine.linear;

import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.product.Weight;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Two neighbouring attention layers as one weight. Below a target's first attention layer its gradient is {@code mixed
 * · value} but for the row of its own position, so what the next layer needs, {@code gradient · output}, is {@code
 * mixed · (value · output)}: with grouped key/value heads a product of much lower rank than the residual stream's
 * width. For a target in the middle of twelve layers this saves an eighth of all products.
 *
 * @param weights for each layer [kvHeads·headDim, heads·headDim], the value weight of the layer above times its own
 *      output weight; null
 *                where the detour costs more or a skip lies between
 */
public record TwoLayers(List<@Nullable Weight> weights) {
    /** Of no layer. */
    public static TwoLayers none(FrozenWeights model) {
        return new TwoLayers(Collections.nCopies(model.layers().size(), null));
    }

    /** Results belong to the innermost open scope. */
    static TwoLayers of(FrozenWeights model) {
        List<@Nullable Weight> products = new ArrayList<>();
        for (int layer = 0; layer < model.layers().size(); layer++) {
            products.add(
                    wanted(model, layer)
                            ? product(
                                    model.layer(layer + 1).value(),
                                    model.layer(layer).output())
                            : null);
        }
        return new TwoLayers(products);
    }

    /**
     * Whether the detour costs less than making its weights.
     *
     * @param rows about how many gradient rows will take it at each layer
     */
    static boolean pays(FrozenWeights model, long rows) {
        long rank = model.valueWidth();
        long width = model.width();
        return rows * (width - rank) > rank * width;
    }

    /** Bytes that {@link #of} takes. */
    static long bytes(FrozenWeights model) {
        long layers = IntStream.range(0, model.layers().size())
                .filter(layer -> wanted(model, layer))
                .count();
        Products products = model.layer(0).value().products();
        return layers * model.valueWidth() * model.headsWidth() * products.bytes();
    }

    private static boolean wanted(FrozenWeights model, int layer) {
        return layer + 1 < model.layers().size() && model.layer(layer).skip() == null;
    }

    private static Weight product(Weight value, Weight output) {
        try (var scope = TensorScope.open()) {
            return Weight.of(Torch.mm(value.toFloat32(), output.toFloat32()), value.products())
                    .keptBy(scope);
        }
    }

    /** Null where there is none. */
    public @Nullable Weight weight(int layer) {
        return weights.get(layer);
    }
}
