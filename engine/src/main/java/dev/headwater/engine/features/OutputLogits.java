package dev.headwater.engine.features;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

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
    /** F32 [V]: 0 for tokens that may be named, minus infinity for others; null if all may. */
    private final @Nullable Tensor excluded;
    /**
     * F32 [blockSize, V], where products go on the CPU: memory of this size that is new each time costs more than what is done with it.
     * Null on other devices and for other types.
     */
    private final @Nullable Tensor room;

    /** @param tokens those that may be named */
    OutputLogits(ReplacementModel model, int k, BitSet tokens) {
        this.model = model;
        this.k = Math.min(k, Math.max(1, tokens.cardinality()));
        int vocabulary = Math.toIntExact(model.model().unembedding().size(0));
        excluded = tokens.cardinality() == vocabulary ? null : excluded(vocabulary, tokens);
        room = model.device().isCpu() && model.model().unembedding().dtype() == DType.F32
                ? Tensor.empty(DType.F32, model.device(), blockSize(), vocabulary)
                : null;
    }

    private Tensor excluded(int vocabulary, BitSet tokens) {
        float[] mask = new float[vocabulary];
        for (int token = 0; token < mask.length; token++) {
            mask[token] = tokens.get(token) ? 0 : Float.NEGATIVE_INFINITY;
        }
        return Torch.to(Tensor.ofFloats(mask, mask.length), model.device());
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
            Tensor logits = logits(Torch.mul(last.centred(directions), last.gain()));
            Tensor mean = TorchReduce.mean(logits, 1, true);
            var top = TorchReduce.topk(excluded == null ? logits : Torch.add(logits, excluded), k, 1, true);
            var bottom = TorchReduce.topk(excluded == null ? logits : Torch.sub(logits, excluded), k, 1, false);
            return new Block(
                    k,
                    top.indices().toInts(),
                    Torch.sub(top.values(), mean).toFloats(),
                    bottom.indices().toInts(),
                    Torch.sub(bottom.values(), mean).toFloats());
        }
    }

    /** F32 [n, V] of what the unembedding reads, F32 [n, d]; overwritten by the next. */
    private Tensor logits(Tensor read) {
        Tensor unembedding = model.model().unembedding();
        if (room == null) {
            return Torch.to(FloatProduct.linear(Torch.to(read, model.model().compute()), unembedding, null), DType.F32);
        }
        Tensor logits = TorchShape.narrow(room, 0, 0, read.size(0));
        FloatProduct.into(logits, read, TorchShape.t(unembedding), 0);
        return logits;
    }
}
