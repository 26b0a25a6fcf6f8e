package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;

/** A model's tensors as a file or several hold them. Closing it unmaps them. */
interface TensorSource extends AutoCloseable {
    boolean has(String name);

    /**
     * Sizes, outermost first.
     *
     * @throws dev.headwater.engine.HeadwaterException if there is no such tensor
     */
    long[] shape(String name);

    /**
     * All of a tensor on the CPU, in the innermost scope: in its own floating-point type where it is mapped, or as
     * float32 in memory of its own.
     */
    Tensor tensor(String name);

    /** @throws dev.headwater.engine.HeadwaterException if there are tensors that nobody has asked for, and that matter */
    default void requireAllRead() {}

    @Override
    void close();
}
