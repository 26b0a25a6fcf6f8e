package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;

/** Keys and values of the positions read so far, so that a pass over new tokens sees the old ones. */
public final class KvCache implements AutoCloseable {
    private final Tensor[] keys;
    private final Tensor[] values;
    private final int capacity;
    private int length;

    /** Room for {@code capacity} positions. */
    KvCache(ModelConfig config, Device device, int capacity) {
        ModelConfig.Attention attention = config.attention();
        this.capacity = capacity;
        keys = new Tensor[config.layers()];
        values = new Tensor[config.layers()];
        for (int l = 0; l < keys.length; l++) {
            keys[l] = TensorScope.release(
                    Tensor.empty(DType.F32, device, attention.kvHeads(), capacity, attention.headDim()));
            values[l] = TensorScope.release(
                    Tensor.empty(DType.F32, device, attention.kvHeads(), capacity, attention.headDim()));
        }
    }

    /** Positions read so far. */
    public int length() {
        return length;
    }

    /** {@return the most positions it holds} */
    public int capacity() {
        return capacity;
    }

    /** Adds new keys [kvHeads, new, headDim]; returns those of all positions. */
    Tensor keys(int layer, Tensor added) {
        return append(keys[layer], added);
    }

    Tensor values(int layer, Tensor added) {
        return append(values[layer], added);
    }

    private Tensor append(Tensor all, Tensor added) {
        Torch.copy(TorchShape.narrow(all, 1, length, added.size(1)), added);
        return TorchShape.narrow(all, 1, 0, length + added.size(1));
    }

    /** The pass that appended to every layer is over. */
    void advance(int positions) {
        length += positions;
    }

    @Override
    public void close() {
        for (int l = 0; l < keys.length; l++) {
            keys[l].close();
            values[l].close();
        }
    }
}
