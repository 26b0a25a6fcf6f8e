package dev.headwater.engine.linear;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Norm;
import org.jspecify.annotations.Nullable;

/**
 * A norm with its denominator fixed: y = gain · (x - mean(x) if it centres) · reciprocal.
 *
 * @param gain       F32 [d], null for ones
 * @param reciprocal F32 [P], null for ones (no norm)
 */
public record FrozenNorm(
        @Nullable Tensor gain, boolean centres, @Nullable Tensor reciprocal) {
    public static final FrozenNorm NONE = new FrozenNorm(null, false, null);

    /** {@return a norm with its denominators fixed; {@link #NONE} where the model has none} */
    public static FrozenNorm of(@Nullable Norm norm, @Nullable Tensor reciprocal) {
        return norm == null ? NONE : new FrozenNorm(norm.gain(), norm.centres(), reciprocal);
    }

    /**
     * Between an output and the stream: the norm after it, if there is one, and the model's factor on what is
     * added.
     */
    public static FrozenNorm toStream(@Nullable Norm norm, @Nullable Tensor reciprocal, LanguageModel model) {
        double scale = model.config().residualScale();
        if (scale == 1) {
            return of(norm, reciprocal);
        }
        return new FrozenNorm(
                norm == null
                        ? Tensor.full(
                                scale, DType.F32, model.device(), model.config().width())
                        : Torch.mul(norm.gain(), scale),
                norm != null && norm.centres(),
                reciprocal);
    }

    /** Gradients [n, d] with respect to y as gradients with respect to x, but for the reciprocal. */
    public Tensor pullBack(Tensor gradients) {
        try (var scope = TensorScope.open()) {
            Tensor result = gain == null ? gradients : Torch.mul(gradients, gain);
            if (centres) {
                result = Torch.sub(result, TorchReduce.mean(result, -1, true));
            }
            return scope.keep(result);
        }
    }

    /** The reciprocals at the positions, ones if there is no norm. */
    public float[] reciprocals(int[] positions) {
        float[] at = new float[positions.length];
        float[] all = reciprocal == null ? null : reciprocal.toFloats();
        for (int i = 0; i < at.length; i++) {
            at[i] = all == null ? 1 : all[positions[i]];
        }
        return at;
    }
}
