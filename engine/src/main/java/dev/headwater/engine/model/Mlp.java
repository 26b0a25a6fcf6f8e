package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;

/** A layer's MLP, of float32 [positions, width] to the same. */
public sealed interface Mlp permits Mlp.Gated, Mlp.Plain, Experts {
    /** @return the MLP's output, (positions, width), owned by the current scope, of {@code x} of the same shape */
    Tensor apply(Tensor x);

    /** down(activation(gate x) · up x), as Llama, Qwen and Gemma have it. */
    record Gated(Linear gate, Linear up, Linear down, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            Tensor inner = activation.apply(gate.apply(x));
            Torch.mulInPlace(inner, up.apply(x));
            return down.apply(inner);
        }
    }

    /** out(activation(in x)), as GPT-2 and GPT-NeoX have it. */
    record Plain(Linear in, Linear out, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            return out.apply(activation.apply(in.apply(x)));
        }
    }
}
