/**
 * Language models: their configuration, weights and forward pass.
 *
 * <p>A {@link dev.headwater.engine.model.Family} turns a Hugging Face {@code config.json} into a {@link
 * dev.headwater.engine.model.ModelConfig}, and names the tensors of a checkpoint. One forward pass serves all families:
 * it follows the configuration. What it leaves behind is a {@link dev.headwater.engine.model.Trace}.
 */
@NullMarked
package dev.headwater.engine.model;

import org.jspecify.annotations.NullMarked;
