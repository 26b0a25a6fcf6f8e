package dev.headwater.engine.linear;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.LayerWeights;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.product.Weight;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The weights that gradients meet on their way down, with the norms' gains folded in; the same for every prompt. For a
 * layer with input norm gain g and output norm gain h (Gemma): {@code output = diag(h)·W_O}, {@code value =
 * W_V·diag(g)}; a factor on what is added to the stream (Granite) goes with h.
 *
 * <p>All tensors belong to the scope in which this was made.
 *
 * @param parallel whether targets of a layer read what its attention reads, and not what it has added to
 */
public record FrozenWeights(List<Layer> layers, int kvHeads, int width, boolean parallel, Device device) {
    /**
     * @param output [d, heads·headDim]
     * @param value  [kvHeads·headDim, d]
     * @param skip   [d, d], the transcoder's affine path as a gradient sees it: {@code g += scale · (g · skip)}; null
     *               if it has none
     */
    public record Layer(
            Weight output, Weight value, @Nullable Weight skip) {}

    static FrozenWeights of(LanguageModel model, FeatureBasis basis, Products products) {
        List<Layer> layers = new ArrayList<>();
        for (int l = 0; l < model.config().layers(); l++) {
            layers.add(layer(model, basis, l, products));
        }
        return new FrozenWeights(
                List.copyOf(layers),
                model.config().attention().kvHeads(),
                model.config().width(),
                model.config().parallel(),
                model.device());
    }

    /** Bytes that {@link #of} takes. */
    static long bytes(ModelConfig model, FeatureBasis basis, Products products) {
        ModelConfig.Attention attention = model.attention();
        long width = model.width();
        long numbers = model.layers() * width * (attention.heads() + attention.kvHeads()) * attention.headDim();
        for (int l = 0; l < model.layers(); l++) {
            numbers += basis.hasSkip(l) ? width * width : 0;
        }
        return numbers * products.bytes();
    }

    private static Layer layer(LanguageModel model, FeatureBasis basis, int l, Products products) {
        LayerWeights weights = model.layer(l);
        try (var scope = TensorScope.open()) {
            FrozenNorm after = FrozenNorm.toStream(weights.postAttention(), null, model);
            Tensor output = scaleRows(Torch.to(weights.attention().output().weight(), DType.F32), after);
            Tensor value = FrozenNorm.of(weights.preAttention(), null)
                    .pullBack(Torch.to(weights.attention().value().weight(), DType.F32));
            Tensor skip = basis.skip(l);
            return new Layer(
                    Weight.of(output, products).keptBy(scope),
                    Weight.of(value, products).keptBy(scope),
                    skip == null
                            ? null
                            : Weight.of(folded(skip, model, basis, l), products).keptBy(scope));
        }
    }

    private static Tensor folded(Tensor skip, LanguageModel model, FeatureBasis basis, int l) {
        try (var scope = TensorScope.open()) {
            Tensor weight = scaleRows(TorchShape.t(skip), FrozenModel.outputNorm(model, l, basis, null));
            return scope.keep(Torch.contiguous(
                    FrozenModel.inputNorm(model.layer(l), basis, null).pullBack(weight)));
        }
    }

    private static Tensor scaleRows(Tensor weight, FrozenNorm norm) {
        return norm.gain() == null ? weight : Torch.mul(weight, TorchShape.unsqueeze(norm.gain(), 1));
    }

    /** {@return the folded weights of a layer from 0, borrowed} */
    public Layer layer(int layer) {
        return layers.get(layer);
    }

    /** The layers below one, which must not be the first. */
    public FrozenWeights below(int layer) {
        return new FrozenWeights(layers.subList(0, layer), kvHeads, width, parallel, device);
    }

    /** {@return what all query heads of a layer write, concatenated: heads times head size} */
    public int headsWidth() {
        return layers.getFirst().output().columns();
    }

    /** {@return what all value heads of a layer write, concatenated: key-value heads times head size} */
    public int valueWidth() {
        return layers.getFirst().value().rows();
    }

    /** Float32 values that a sweep holds for each gradient row. */
    public long scratchFloatsPerRow() {
        return (long) width + headsWidth() + valueWidth();
    }
}
