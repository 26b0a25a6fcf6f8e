package dev.headwater.bindings;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tensors made on a thread while a {@link TensorScope} is its innermost one. */
final class TensorOwner {
    private static final ThreadLocal<@Nullable TensorOwner> INNERMOST = new ThreadLocal<>();

    private final @Nullable TensorOwner outer = INNERMOST.get();
    private final Thread thread = Thread.currentThread();
    private final List<Tensor> tensors = new ArrayList<>();

    static TensorOwner open() {
        TensorOwner opened = new TensorOwner();
        INNERMOST.set(opened);
        return opened;
    }

    static void own(Tensor tensor) {
        TensorOwner innermost = INNERMOST.get();
        if (innermost != null) {
            innermost.take(tensor);
        }
    }

    private void take(Tensor tensor) {
        tensor.owner = this;
        tensors.add(tensor);
    }

    void handOn(Tensor tensor) {
        if (tensor.owner == this) {
            tensor.owner = null;
            if (outer != null) {
                outer.take(tensor);
            }
        }
    }

    static void free(Tensor tensor) {
        tensor.owner = null;
    }

    AutoCloseable detach() {
        leave();
        List<Tensor> detached =
                tensors.stream().filter(tensor -> tensor.owner == this).toList();
        detached.forEach(TensorOwner::free);
        return () -> detached.forEach(Tensor::close);
    }

    private void leave() {
        if (Thread.currentThread() != thread || INNERMOST.get() != this) {
            throw new IllegalStateException("tensor scopes close on their own thread, innermost first");
        }
        INNERMOST.set(outer);
    }

    void close() {
        leave();
        for (Tensor tensor : tensors) {
            if (tensor.owner == this) {
                tensor.close();
            }
        }
    }
}
