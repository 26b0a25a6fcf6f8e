package dev.headwater.engine.graph;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.NativeArena;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import java.lang.foreign.MemorySegment;

/** The values of a matrix in the making. Closing it frees them, unless they have become the matrix. */
public final class EdgeBuffer implements AutoCloseable {
    private final EdgeLayout layout;
    private final NativeArena arena = NativeArena.open();
    private final MemorySegment memory;
    private final Tensor values;
    private boolean done;

    EdgeBuffer(EdgeLayout layout) {
        this.layout = layout;
        long size = Math.max(1, layout.size);
        try {
            memory = arena.allocate(size * Float.BYTES, 64);
            values = TensorScope.release(Tensor.borrow(memory, DType.F32, size));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** F32 on the CPU, [at least {@link EdgeLayout#size}]; closed with this, and when the matrix is made. */
    public Tensor values() {
        return values;
    }

    /**
     * The matrix with the values that are there now.
     *
     * @param closed run when the matrix is closed
     */
    public EdgeRows finish(Runnable closed) {
        done = true;
        values.close();
        return new EdgeRows(layout, memory, () -> {
            arena.close();
            closed.run();
        });
    }

    @Override
    public void close() {
        if (!done) {
            values.close();
            arena.close();
        }
    }
}
