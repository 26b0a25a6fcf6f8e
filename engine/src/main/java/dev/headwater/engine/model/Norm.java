package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm, gain · x / s with s² = mean(x²) + epsilon; or LayerNorm, the same of x less its mean, plus a bias.
 *
 * @param gain [n] float32, the family's offset added (1 + w in Gemma)
 * @param bias [n] float32, or null
 */
public record Norm(
        boolean centres,
        double epsilon,
        Tensor gain,
        @Nullable Tensor bias) {
    /** x less its mean over the last dimension if this is a LayerNorm, else x. */
    public Tensor centred(Tensor x) {
        return centres ? Torch.sub(x, TorchReduce.mean(x, -1, true)) : x;
    }

    /** 1 / s of a centred x, [.., 1]. */
    public Tensor reciprocal(Tensor centred) {
        return Torch.rsqrt(Torch.add(TorchReduce.mean(Torch.mul(centred, centred), -1, true), epsilon));
    }

    /** Gain and bias, on a normalised x. */
    public Tensor gained(Tensor normalised) {
        Tensor y = Torch.mul(normalised, gain);
        return bias == null ? y : Torch.add(y, bias);
    }

    /** {@return the rows of {@code x}, (positions, width), normalised and with the gain; owned by the current scope} */
    public Tensor apply(Tensor x) {
        Tensor centred = centred(x);
        return gained(Torch.mul(centred, reciprocal(centred)));
    }
}
