package dev.headwater.engine.linear;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.LayerWeights;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.model.NormSite;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The model linearised at one prompt: attention probabilities and norm denominators are constants, MLPs are replaced by
 * features, errors and the transcoders' affine skips (reference section 2.1). What is left is, per layer, one map
 * between positions (attention through values and outputs) and one within a position (the skip).
 *
 * <p>Norms are folded in once, so that no sweep meets them: gains into the weights, reciprocal denominators into the
 * attention pattern. For a layer with input norm denominator s and output norm denominator u (Gemma only): {@code
 * pattern[q][p] = A[q][p] / (u[q]·s[p])}.
 *
 * <p>All tensors are float32 and belong to the scope in which the frozen model was made.
 *
 * @param weights     what all prompts share
 * @param inputNorms  for each layer what lies between the residual stream before the MLP and the transcoder's input
 *      site
 * @param outputNorms for each layer what lies between the transcoder's output site and the residual stream
 * @param finalNorm   the norm before the unembedding
 */
public record FrozenModel(
        FrozenWeights weights,
        List<Layer> blocks,
        List<FrozenNorm> inputNorms,
        List<FrozenNorm> outputNorms,
        FrozenNorm finalNorm) {
    /**
     * @param pattern   F32 [heads, P, P], query by key
     * @param skipScale F32 [P], reciprocal norm denominators around the transcoder; null if it has no skip
     */
    public record Layer(Tensor pattern, @Nullable Tensor skipScale) {}

    /** Freezes the model at the point that the trace has recorded. */
    public static FrozenModel of(FrozenWeights weights, LanguageModel model, Trace trace, FeatureBasis basis) {
        List<Layer> blocks = new ArrayList<>();
        List<FrozenNorm> inputNorms = new ArrayList<>();
        List<FrozenNorm> outputNorms = new ArrayList<>();
        for (int l = 0; l < model.config().layers(); l++) {
            LayerWeights layer = model.layer(l);
            FrozenNorm input = inputNorm(layer, basis, reciprocal(layer.preMlp(), trace, l, NormSite.PRE_MLP));
            FrozenNorm output = outputNorm(model, l, basis, reciprocal(layer.postMlp(), trace, l, NormSite.POST_MLP));
            inputNorms.add(input);
            outputNorms.add(output);
            blocks.add(new Layer(
                    pattern(layer, trace, l),
                    basis.hasSkip(l) ? skipScale(input, output, trace, weights.device()) : null));
        }
        return new FrozenModel(
                weights,
                List.copyOf(blocks),
                inputNorms,
                outputNorms,
                FrozenNorm.of(model.finalNorm(), reciprocal(model.finalNorm(), trace, 0, NormSite.FINAL)));
    }

    /** The norm before the transcoders' input, as far as it lies between that and the residual stream. */
    public static FrozenNorm inputNorm(LayerWeights layer, FeatureBasis basis, @Nullable Tensor reciprocal) {
        return switch (basis.input()) {
            case RESID_MID -> FrozenNorm.NONE;
            case LN2_NORMALIZED ->
                layer.preMlp() == null
                        ? FrozenNorm.NONE
                        : new FrozenNorm(null, layer.preMlp().centres(), reciprocal);
            default -> FrozenNorm.of(layer.preMlp(), reciprocal);
        };
    }

    /** What lies between the transcoders' output and the residual stream. */
    public static FrozenNorm outputNorm(
            LanguageModel model, int layer, FeatureBasis basis, @Nullable Tensor reciprocal) {
        return basis.output() == FeatureSite.MLP_OUT
                ? FrozenNorm.toStream(model.layer(layer).postMlp(), reciprocal, model)
                : FrozenNorm.NONE;
    }

    private static @Nullable Tensor reciprocal(@Nullable Norm norm, Trace trace, int layer, NormSite site) {
        return norm == null ? null : trace.reciprocal(site, layer);
    }

    private static Tensor pattern(LayerWeights layer, Trace trace, int l) {
        try (var scope = TensorScope.open()) {
            Tensor pattern = trace.attention(l);
            if (layer.preAttention() != null) {
                pattern = Torch.mul(pattern, trace.reciprocal(NormSite.PRE_ATTENTION, l));
            }
            if (layer.postAttention() != null) {
                pattern = Torch.mul(pattern, TorchShape.unsqueeze(trace.reciprocal(NormSite.POST_ATTENTION, l), 1));
            }
            return scope.keep(Torch.contiguous(pattern));
        }
    }

    private static Tensor skipScale(FrozenNorm input, FrozenNorm output, Trace trace, Device device) {
        try (var scope = TensorScope.open()) {
            Tensor scale = Tensor.full(1, DType.F32, device, trace.positions());
            for (FrozenNorm norm : List.of(input, output)) {
                if (norm.reciprocal() != null) {
                    scale = Torch.mul(scale, norm.reciprocal());
                }
            }
            return scope.keep(scale);
        }
    }

    /** {@return the norm that a layer's features read through, frozen at the prompt} */
    public FrozenNorm inputNorm(int layer) {
        return inputNorms.get(layer);
    }

    /** {@return layers that are left} */
    public int layers() {
        return blocks.size();
    }

    /** {@return a layer from 0, frozen at the prompt, borrowed} */
    public Layer layer(int layer) {
        return blocks.get(layer);
    }

    /** The layers below one, which must not be the first: outputs of what is left read the stream that enters it. */
    public FrozenModel below(int layer) {
        return new FrozenModel(weights.below(layer), blocks.subList(0, layer), inputNorms, outputNorms, finalNorm);
    }

    /** {@return width of the residual stream} */
    public int width() {
        return weights.width();
    }

    /** {@return where the weights lie} */
    public Device device() {
        return weights.device();
    }
}
