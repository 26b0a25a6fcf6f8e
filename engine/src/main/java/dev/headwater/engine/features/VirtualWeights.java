package dev.headwater.engine.features;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenNorm;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Virtual weights: what a feature reads of what another one writes, straight along the residual stream. V(s, t) is the sum, over the
 * layers below t's that s writes to, of s's decoder vector there, times t's encoder vector. What the linearised model has between the two
 * is folded in as there: gains and centring of the norm before the encoder and of a norm after the MLP, and the model's factor on what is
 * added to the stream. The norms' denominators, which depend on the prompt, are 1, or whatever is given for them.
 */
final class VirtualWeights {
    private final ReplacementModel model;
    private final TranscoderSet set;

    /** @throws dev.headwater.engine.UsageException if features are neurons, which read through what depends on the prompt */
    VirtualWeights(ReplacementModel model) {
        this.model = model;
        set = model.transcoders();
    }

    /**
     * What features read through, as directions in the residual stream, F32 [n, d].
     *
     * @param feature of the layer
     */
    Tensor read(int layer, int... feature) {
        return FrozenModel.inputNorm(model.model().layer(layer), set, null)
                .pullBack(Torch.to(set.encoderRows(layer, feature), model.device()));
    }

    /**
     * What features write to the residual stream below a layer, F32 [n, d].
     *
     * @param below       a layer after {@code sourceLayer}
     * @param reciprocals for each layer 1 / the denominator of the norm after the MLP; null for ones
     */
    Tensor written(int sourceLayer, int below, double @Nullable [] reciprocals, int... feature) {
        try (var scope = TensorScope.open()) {
            int width = model.model().config().width();
            Tensor sum = Tensor.zeros(DType.F32, model.device(), feature.length, width);
            Tensor rows = Tensor.empty(DType.F32, model.device(), feature.length, width);
            for (int layer = sourceLayer; layer <= Math.min(set.lastTarget(sourceLayer), below - 1); layer++) {
                FrozenNorm norm = FrozenModel.outputNorm(model.model(), layer, set, null);
                set.decoderRows(sourceLayer, layer, feature, null, norm.centres() ? null : norm.gain(), rows);
                Tensor added = norm.centres() ? Torch.sub(rows, TorchReduce.mean(rows, 1, true)) : rows;
                if (norm.centres() && norm.gain() != null) {
                    added = Torch.mul(added, norm.gain());
                }
                sum = Torch.add(sum, reciprocals == null ? added : Torch.mul(added, reciprocals[layer]));
            }
            return scope.keep(sum);
        }
    }

    /** V of all pairs: F32 [targets, sources] of what targets {@link #read} and sources have {@link #written}. */
    static Tensor between(Tensor read, Tensor written) {
        return FloatProduct.linear(read, written, null);
    }

    /** V of all features of a layer below to one feature, [F]. */
    float[] from(int sourceLayer, int layer, int feature) {
        try (var scope = TensorScope.open()) {
            return between(read(layer, feature), written(sourceLayer, layer, null, all()))
                    .toFloats();
        }
    }

    /** V of one feature to all features of a layer above, [F]. */
    float[] to(int targetLayer, int layer, int feature) {
        try (var scope = TensorScope.open()) {
            // Sides change places for a row in the place of a column.
            return FloatProduct.linear(written(layer, targetLayer, null, feature), read(targetLayer, all()), null)
                    .toFloats();
        }
    }

    /** Numbers of all features of a layer. */
    int[] all() {
        return IntStream.range(0, set.features()).toArray();
    }
}
