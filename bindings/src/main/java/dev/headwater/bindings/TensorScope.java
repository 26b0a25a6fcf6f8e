package dev.headwater.bindings;

import java.util.ArrayList;
import java.util.List;

/**
 * Frees, when closed, every tensor made on this thread since it was opened, so that a computation's intermediate
 * results live
 * exactly as long as the block that made them. Scopes nest; a result that leaves is handed on by {@link #keep}.
 *
 * <pre>{@code
 * try (var scope = TensorScope.open()) {
 *     Tensor scores = Torch.mm(q, k);
 *     return scope.keep(Torch.softmax(scores, -1));
 * }
 * }</pre>
 *
 * Without an open scope a new tensor belongs to the caller, who closes it.
 */
public final class TensorScope implements AutoCloseable {
    private static final ThreadLocal<TensorScope> INNERMOST = new ThreadLocal<>();

    private final TensorScope outer;
    private final Thread owner = Thread.currentThread();
    private final List<Tensor> tensors = new ArrayList<>();

    private TensorScope(TensorScope outer) {
        this.outer = outer;
    }

    public static TensorScope open() {
        TensorScope scope = new TensorScope(INNERMOST.get());
        INNERMOST.set(scope);
        return scope;
    }

    /** Hands the tensor to the enclosing scope or, if there is none, to the caller. */
    public Tensor keep(Tensor tensor) {
        if (tensor.scope == this) {
            tensor.scope = outer;
            if (outer != null) {
                outer.tensors.add(tensor);
            }
        }
        return tensor;
    }

    /** Takes the tensor out of whatever scope it belongs to: it lives until the caller closes it. */
    public static Tensor release(Tensor tensor) {
        tensor.scope = null;
        return tensor;
    }

    /**
     * Ends the scope and leaves its tensors alive, for an object that has them for as long as it lives.
     *
     * @return frees them when closed, on any thread
     */
    public AutoCloseable detach() {
        leave();
        List<Tensor> owned = tensors.stream()
                .filter(tensor -> tensor.scope == this)
                .map(TensorScope::release)
                .toList();
        return () -> owned.forEach(Tensor::close);
    }

    private void leave() {
        if (Thread.currentThread() != owner || INNERMOST.get() != this) {
            throw new IllegalStateException("tensor scopes close on their own thread, innermost first");
        }
        INNERMOST.set(outer);
    }

    static void register(Tensor tensor) {
        TensorScope scope = INNERMOST.get();
        if (scope != null) {
            tensor.scope = scope;
            scope.tensors.add(tensor);
        }
    }

    @Override
    public void close() {
        leave();
        for (Tensor tensor : tensors) {
            if (tensor.scope == this) {
                tensor.close();
            }
        }
    }
}
