package dev.headwater.engine.features;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.BitSet;

/**
 * Which tokens features raise and lower by their direct path to the output: the decoder vector (of a cross-layer
 * feature, the sum of those to its target layers) times the gains of the norms on the way, times the unembedding, mean
 * over the vocabulary removed. The norms' denominators, which depend on the prompt, are left out; so is a soft cap.
 */
final class OutputLogits {
    /** Logits of a block of features, in numbers. */
    private static final long BLOCK = 1 << 25;

    /**
     * The strongest tokens of some features, {@code k} in a row for each.
     *
     * @param top     token ids, most raised first
     * @param bottom  token ids, most lowered first
     */
    record Block(int k, int[] top, float[] topValues, int[] bottom, float[] bottomValues) {}

    private final ReplacementModel model;
    private final int k;
    /** F32 [V]: 0 for tokens that may be named, minus infinity for others. */
    private final Tensor excluded;

    /** @param tokens those that may be named */
    OutputLogits(ReplacementModel model, int k, BitSet tokens) {
        this.model = model;
        this.k = Math.min(k, Math.max(1, tokens.cardinality()));
        float[] mask = new float[Math.toIntExact(model.model().unembedding().size(0))];
        for (int token = 0; token < mask.length; token++) {
            mask[token] = tokens.get(token) ? 0 : Float.NEGATIVE_INFINITY;
        }
        excluded = Torch.to(Tensor.ofFloats(mask, mask.length), model.device());
    }

    /** Features that are worth computing together. */
    int blockSize() {
        return Math.clamp(BLOCK / model.vocabularySize(), 1, 1024);
    }

    /** Of some features of a layer. */
    Block of(int layer, int... features) {
        FeatureBasis transcoders = model.basis();
        int width = model.model().config().width();
        try (var scope = TensorScope.open()) {
            Tensor directions = Tensor.zeros(DType.F32, model.device(), features.length, width);
            Tensor rows = Tensor.empty(DType.F32, model.device(), features.length, width);
            for (int target = layer; target <= transcoders.lastTarget(layer); target++) {
                Norm after = transcoders.output() == FeatureSite.MLP_OUT
                        ? model.model().layer(target).postMlp()
                        : null;
                transcoders.decoderRows(layer, target, features, null, after == null ? null : after.gain(), rows);
                directions = Torch.add(directions, after == null ? rows : after.centred(rows));
            }
            if (transcoders.output() == FeatureSite.MLP_OUT
                    && model.model().config().residualScale() != 1) {
                directions = Torch.mul(directions, model.model().config().residualScale());
            }
            Norm last = model.model().finalNorm();
            Tensor read = Torch.mul(last.centred(directions), last.gain());
            Tensor logits = Torch.to(
                    FloatProduct.linear(
                            Torch.to(read, model.model().compute()),
                            model.model().unembedding(),
                            null),
                    DType.F32);
            logits = Torch.sub(logits, TorchReduce.mean(logits, 1, true));
            var top = TorchReduce.topk(Torch.add(logits, excluded), k, 1);
            var bottom = TorchReduce.topk(Torch.add(Torch.neg(logits), excluded), k, 1);
            return new Block(
                    k,
                    top.indices().toInts(),
                    top.values().toFloats(),
                    bottom.indices().toInts(),
                    Torch.neg(bottom.values()).toFloats());
        }
    }
}
