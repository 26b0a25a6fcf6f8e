package dev.headwater.engine.attribution;

import dev.headwater.bindings.Tensor;

/**
 * Something whose causes are asked for: a linear function of the residual stream at one place.
 *
 * @param layer    the layer whose MLP it would feed; the number of layers for an output, which reads the final residual
 *      stream
 * @param position token position
 * @param vectors  F32 [*, d]: gradients with respect to the residual stream there (encoder rows or unembedding
 *      directions
 *                 pulled back through the frozen norm)
 * @param row      which row of {@code vectors} is this target's
 */
record Target(int layer, int position, Tensor vectors, int row) {}
