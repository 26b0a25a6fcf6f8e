package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;

/** A layer's MLP, of float32 [positions, width] to the same. */
public sealed interface Mlp permits Mlp.Gated, Mlp.Plain, Experts {
    Tensor apply(Tensor x);

    record Gated(Linear gate, Linear up, Linear down, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            Tensor inner = activation.apply(gate.apply(x));
            Torch.mulInPlace(inner, up.apply(x));
            return down.apply(inner);
        }
    }

    record Plain(Linear in, Linear out, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            return out.apply(activation.apply(in.apply(x)));
        }
    }
}
