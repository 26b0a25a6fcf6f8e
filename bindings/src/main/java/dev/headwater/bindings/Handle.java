package dev.headwater.bindings;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A reference to one of libtorch's tensors that is ours to free, and the number of native calls that are using it. It is
 * freed when it is closed or, if another thread's call is using it then, by the last such call, so that no call ever
 * sees freed memory.
 */
final class Handle {
    private static final int CLOSED = 1 << 30;
    private static final VarHandle USES;

    static {
        try {
            USES = MethodHandles.lookup().findVarHandle(Handle.class, "uses", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final MemorySegment tensor;
    /** Keeps borrowed memory that the tensor reads, where libtorch does not say when it is done with it; else null. */
    private final NativeArena.@Nullable Lease memory;
    /** Whether it counts as a tensor of {@link Device#PRETENDED}: libtorch itself takes it for one of the CPU's. */
    private final boolean pretended;
    /** Calls that are using the tensor, and {@link #CLOSED}. */
    private volatile int uses;

    Handle(MemorySegment tensor) {
        this(tensor, false);
    }

    Handle(MemorySegment tensor, boolean pretended) {
        this.tensor = tensor;
        this.pretended = pretended;
        memory = Borrowed.lease(tensor);
    }

    boolean pretended() {
        return pretended;
    }

    boolean isClosed() {
        return (uses & CLOSED) != 0;
    }

    /**
     * The tensor, until {@link #release}.
     *
     * @throws IllegalStateException if it is closed
     */
    MemorySegment acquire() {
        int before;
        do {
            before = uses;
            if ((before & CLOSED) != 0) {
                throw new IllegalStateException("the tensor was closed");
            }
        } while (!USES.compareAndSet(this, before, before + 1));
        return tensor;
    }

    void release() {
        if ((int) USES.getAndAdd(this, -1) == CLOSED + 1) {
            free();
        }
    }

    /** Closing twice is harmless. */
    void close() {
        int before;
        do {
            before = uses;
            if ((before & CLOSED) != 0) {
                return;
            }
        } while (!USES.compareAndSet(this, before, before | CLOSED));
        if (before == 0) {
            free();
        }
    }

    private void free() {
        int status = TorchShim.aoti_torch_delete_tensor_object(tensor);
        if (memory != null) {
            memory.close();
        }
        Shim.check(status, "delete_tensor_object");
    }
}
