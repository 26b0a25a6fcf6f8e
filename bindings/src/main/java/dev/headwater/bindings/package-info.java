/**
 * Native code seen from Java: libtorch's tensors and operators, Headwater's kernels, the CUDA runtime.
 *
 * <p>Threads and lifetimes: libraries are loaded once and stay until the process ends. A {@link dev.headwater.bindings.Tensor} may
 * be read by several threads; it is freed by the {@link dev.headwater.bindings.TensorScope} of the thread that made it, or, once
 * released from there, by its own {@code close}, on any thread. Use after that is an {@link java.lang.IllegalStateException}, not a
 * crash.
 */
@NullMarked
package dev.headwater.bindings;

import org.jspecify.annotations.NullMarked;
