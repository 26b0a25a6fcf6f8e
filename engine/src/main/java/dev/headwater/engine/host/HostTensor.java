package dev.headwater.engine.host;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.UsageException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.Supplier;

/** A float32 matrix in native memory: rows of a model or of a graph, or a host's own memory. */
final class HostTensor extends Shared {
    private final Array values;
    private final Supplier<float[]> floats;
    private final Runnable free;

    private HostTensor(Array values, Supplier<float[]> floats, Runnable free) {
        this.values = values;
        this.floats = floats;
        this.free = free;
    }

    /** Of the engine's; takes it over. */
    static HostTensor of(Tensor tensor) {
        if (tensor.dtype() != DType.F32) {
            throw new IllegalArgumentException("the tensor is " + tensor);
        }
        return new HostTensor(Array.of(tensor.data(), Array.F32, tensor.shape()), tensor::toFloats, tensor::close);
    }

    /**
     * Of a host's memory, which stays where it is.
     *
     * @param free tells the host that it is no longer read
     */
    static HostTensor borrowed(ByteBuffer memory, long address, long[] shape, Runnable free) {
        return new HostTensor(
                new Array(address, Array.F32, shape),
                () -> {
                    float[] copy = new float[memory.capacity() / Float.BYTES];
                    memory.duplicate()
                            .order(ByteOrder.nativeOrder())
                            .asFloatBuffer()
                            .get(copy);
                    return copy;
                },
                free);
    }

    /**
     * Its rows, copied; a vector is one row.
     *
     * @param width what each must have
     */
    float[][] rows(int width) {
        long[] shape = values.shape();
        if (shape.length < 1 || shape.length > 2 || shape[shape.length - 1] != width) {
            throw new UsageException("directions need shape [" + width + "] or [count, " + width
                    + "], the model's width, not " + Arrays.toString(shape));
        }
        float[] all = floats.get();
        float[][] rows = new float[all.length / width][width];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(all, i * width, rows[i], 0, width);
        }
        return rows;
    }

    @Override
    Array make(int what, int index) {
        return what == What.VALUES ? values : super.make(what, index);
    }

    @Override
    void free() {
        free.run();
    }
}
