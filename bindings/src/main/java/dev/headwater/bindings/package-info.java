/** Native code seen from Java: libtorch's tensors and operators, Headwater's kernels, the CUDA runtime. */
@NullMarked
package dev.headwater.bindings;

import org.jspecify.annotations.NullMarked;
