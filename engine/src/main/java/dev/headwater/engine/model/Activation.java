package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.files.ErrorText;

/** The non-linearity of an MLP. */
public enum Activation {
    SILU,
    GELU,
    GELU_TANH,
    RELU,
    /** x · sigmoid(1.702 x). */
    QUICK_GELU;

    /** {@return the function of each element, same shape and dtype, owned by the current scope} */
    public Tensor apply(Tensor x) {
        return switch (this) {
            case SILU -> Torch.silu(x);
            case GELU -> Torch.gelu(x, false);
            case GELU_TANH -> Torch.gelu(x, true);
            case RELU -> Torch.relu(x);
            case QUICK_GELU -> Torch.mul(x, Torch.sigmoid(Torch.mul(x, 1.702)));
        };
    }

    /** Reads the name under {@code key} as Hugging Face spells it. */
    static Activation read(ConfigFile file, String key) {
        String name = file.text(key);
        return switch (name) {
            case "silu", "swish" -> SILU;
            case "gelu" -> GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> GELU_TANH;
            case "relu" -> RELU;
            default ->
                throw file.error(
                        key,
                        "is '" + ErrorText.of(name)
                                + "', but only silu, gelu, gelu_new, gelu_pytorch_tanh and relu are known");
        };
    }
}
