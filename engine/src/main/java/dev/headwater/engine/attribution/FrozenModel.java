package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.LayerWeights;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.model.NormSite;
import dev.headwater.engine.model.Products;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.Weight;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.List;

/**
 * The model linearised at one prompt: attention probabilities and norm denominators are constants, MLPs are replaced by
 * features, errors and the transcoders' affine skips (reference section 2.1). What is left is, per layer, one map between
 * positions (attention through values and outputs) and one within a position (the skip).
 *
 * <p>Norms are folded in once, so that no sweep meets them: gains into the weights, reciprocal denominators into the attention
 * pattern. For a layer with input norm (gain g, denominator s) and output norm (gain h, denominator u; Gemma only):
 * {@code output = diag(h)·W_O}, {@code value = W_V·diag(g)}, {@code pattern[q][p] = A[q][p] / (u[q]·s[p])}.
 *
 * <p>All tensors are float32 and belong to the scope in which the frozen model was made.
 *
 * @param inputNorms  for each layer what lies between the residual stream before the MLP and the transcoder's input site
 * @param outputNorms for each layer what lies between the transcoder's output site and the residual stream
 * @param finalNorm   the norm before the unembedding
 */
record FrozenModel(List<Layer> blocks, List<FrozenNorm> inputNorms, List<FrozenNorm> outputNorms, FrozenNorm finalNorm, int kvHeads,
                   int width, Device device) {
    /**
     * @param output  [d, heads·headDim]
     * @param value   [kvHeads·headDim, d]
     * @param pattern F32 [heads, P, P], query by key
     * @param skip    null if the transcoder has none
     */
    record Layer(Weight output, Weight value, Tensor pattern, Skip skip) {}

    /**
     * The transcoder's affine path as the gradient sees it: {@code g += scale · (g · weight)}.
     *
     * @param weight F32 [d, d]
     * @param scale  F32 [P], reciprocal norm denominators
     */
    record Skip(Tensor weight, Tensor scale) {}

    /**
     * A norm with its denominator fixed: y = gain · (x - mean(x) if it centres) · reciprocal.
     *
     * @param gain       F32 [d], null for ones
     * @param reciprocal F32 [P], null for ones (no norm)
     */
    record FrozenNorm(Tensor gain, boolean centres, Tensor reciprocal) {
        static final FrozenNorm NONE = new FrozenNorm(null, false, null);

        /** Gradients [n, d] with respect to y as gradients with respect to x, but for the reciprocal. */
        Tensor pullBack(Tensor gradients) {
            try (var scope = TensorScope.open()) {
                Tensor result = gain == null ? gradients : Torch.mul(gradients, gain);
                if (centres) {
                    result = Torch.sub(result, Torch.mean(result, -1, true));
                }
                return scope.keep(result);
            }
        }

        /** The reciprocals at the positions, ones if there is no norm. */
        float[] reciprocals(int[] positions) {
            float[] at = new float[positions.length];
            float[] all = reciprocal == null ? null : reciprocal.toFloats();
            for (int i = 0; i < at.length; i++) {
                at[i] = all == null ? 1 : all[positions[i]];
            }
            return at;
        }
    }

    /** Freezes the model at the point that the trace has recorded. */
    static FrozenModel of(LanguageModel model, Trace trace, TranscoderSet transcoders, Products products) {
        List<Layer> blocks = new ArrayList<>();
        List<FrozenNorm> inputNorms = new ArrayList<>();
        List<FrozenNorm> outputNorms = new ArrayList<>();
        for (int l = 0; l < model.config().layers(); l++) {
            LayerWeights weights = model.layer(l);
            FrozenNorm preMlp = norm(weights.preMlp(), trace, l, NormSite.PRE_MLP);
            FrozenNorm input = switch (transcoders.input()) {
                case RESID_MID -> FrozenNorm.NONE;
                case LN2_NORMALIZED -> new FrozenNorm(null, preMlp.centres(), preMlp.reciprocal());
                default -> preMlp;
            };
            FrozenNorm output = transcoders.output() == FeatureSite.MLP_OUT ? norm(weights.postMlp(), trace, l, NormSite.POST_MLP) : FrozenNorm.NONE;
            inputNorms.add(input);
            outputNorms.add(output);
            blocks.add(layer(weights, trace, l, products, transcoders.hasSkip(l) ? skip(transcoders.skip(l), input, output, trace) : null));
        }
        return new FrozenModel(List.copyOf(blocks), inputNorms, outputNorms, norm(model.finalNorm(), trace, 0, NormSite.FINAL),
            model.config().attention().kvHeads(), model.config().width(), model.device());
    }

    private static FrozenNorm norm(Norm norm, Trace trace, int layer, NormSite site) {
        return norm == null ? FrozenNorm.NONE
            : new FrozenNorm(norm.gain(), norm.centres(), trace.reciprocal(site, layer));
    }

    private static Layer layer(LayerWeights weights, Trace trace, int l, Products products, Skip skip) {
        FrozenNorm pre = norm(weights.preAttention(), trace, l, NormSite.PRE_ATTENTION);
        FrozenNorm post = norm(weights.postAttention(), trace, l, NormSite.POST_ATTENTION);
        try (var scope = TensorScope.open()) {
            Tensor output = Torch.to(weights.attention().output().weight(), DType.F32);
            if (post.gain() != null) {
                output = Torch.mul(output, Torch.unsqueeze(post.gain(), 1));
            }
            Tensor value = pre.pullBack(Torch.to(weights.attention().value().weight(), DType.F32));
            Tensor pattern = Torch.mul(trace.attention(l), pre.reciprocal());
            if (post.reciprocal() != null) {
                pattern = Torch.mul(pattern, Torch.unsqueeze(post.reciprocal(), 1));
            }
            return new Layer(Weight.of(output, products).keptBy(scope), Weight.of(value, products).keptBy(scope),
                scope.keep(Torch.contiguous(pattern)), skip);
        }
    }

    private static Skip skip(Tensor skip, FrozenNorm input, FrozenNorm output, Trace trace) {
        try (var scope = TensorScope.open()) {
            Tensor weight = Torch.t(skip);
            if (output.gain() != null) {
                weight = Torch.mul(weight, Torch.unsqueeze(output.gain(), 1));
            }
            Tensor scale = Tensor.full(1, DType.F32, skip.device(), trace.positions());
            for (FrozenNorm norm : List.of(input, output)) {
                if (norm.reciprocal() != null) {
                    scale = Torch.mul(scale, norm.reciprocal());
                }
            }
            return new Skip(scope.keep(Torch.contiguous(input.pullBack(weight))), scope.keep(scale));
        }
    }

    FrozenNorm inputNorm(int layer) {
        return inputNorms.get(layer);
    }

    /** The targets' vectors, which all belong to one tensor if the targets are of one layer, F32 [targets, d]. */
    Tensor vectors(List<Target> targets) {
        try (var scope = TensorScope.open()) {
            Tensor all = targets.getFirst().vectors();
            if (targets.stream().allMatch(target -> target.vectors() == all)) {
                int[] rows = targets.stream().mapToInt(Target::row).toArray();
                return scope.keep(Torch.indexSelect(all, 0, Torch.to(Tensor.ofInts(rows, rows.length), device)));
            }
            return scope.keep(Torch.stack(targets.stream().map(target -> Torch.select(target.vectors(), 0, target.row())).toList(), 0));
        }
    }

    int layers() {
        return blocks.size();
    }

    Layer layer(int layer) {
        return blocks.get(layer);
    }

    int headsWidth() {
        return blocks.getFirst().output().columns();
    }

    int valueWidth() {
        return blocks.getFirst().value().rows();
    }

    /** Float32 values that a sweep holds for each gradient row. */
    long scratchFloatsPerRow() {
        return width + headsWidth() + valueWidth();
    }
}
