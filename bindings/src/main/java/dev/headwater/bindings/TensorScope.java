package dev.headwater.bindings;

/**
 * Frees, when closed, every tensor made on this thread since it was opened, so that a computation's intermediate results live
 * exactly as long as the block that made them. Scopes nest; a result that leaves is handed on by {@link #keep}.
 *
 * <pre>{@code
 * try (var scope = TensorScope.open()) {
 *     Tensor scores = Torch.mm(q, k);
 *     return scope.keep(TorchReduce.softmax(scores, -1));
 * }
 * }</pre>
 *
 * Without an open scope a new tensor belongs to the caller, who closes it.
 */
public final class TensorScope implements AutoCloseable {
    private final TensorOwner tensors = TensorOwner.open();

    private TensorScope() {}

    /** Opens a scope inside this thread's innermost one. */
    public static TensorScope open() {
        return new TensorScope();
    }

    /** Hands the tensor to the enclosing scope or, if there is none, to the caller. */
    public Tensor keep(Tensor tensor) {
        tensors.handOn(tensor);
        return tensor;
    }

    /** Takes the tensor out of whatever scope it belongs to: it lives until the caller closes it. */
    public static Tensor release(Tensor tensor) {
        TensorOwner.free(tensor);
        return tensor;
    }

    /**
     * Ends the scope and leaves its tensors alive, for an object that has them for as long as it lives.
     *
     * @return frees them when closed, on any thread
     */
    public AutoCloseable detach() {
        return tensors.detach();
    }

    /** @throws IllegalStateException on another thread than its own, or while a scope inside it is open */
    @Override
    public void close() {
        tensors.close();
    }
}
