/** Weight files (safetensors, npz, sharded checkpoints) as named tensors, mapped. */
@NullMarked
package dev.headwater.engine.weights;

import org.jspecify.annotations.NullMarked;
