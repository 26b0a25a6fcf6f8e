package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One layer's encoder that lies on a GPU.
 *
 * @param matrix    [F, d] in the type of its file
 * @param bias      F32 [F]
 * @param threshold F32 [F], null if its activation has none
 */
record ResidentEncoder(Tensor matrix, Tensor bias, @Nullable Tensor threshold) {}
