/**
 * Language models: their configuration, weights and forward pass.
 *
 * <p>A {@link dev.headwater.engine.model.Family} turns a Hugging Face {@code config.json} into a {@link
 * dev.headwater.engine.model.ModelConfig}, and names the tensors of a checkpoint. One forward pass serves all families:
 * it follows the configuration. What it leaves behind is a {@link dev.headwater.engine.model.Trace}.
 *
 * <p>Threads and lifetimes: A {@link dev.headwater.engine.model.LanguageModel} may run in several threads at once; its weights stay
 * mapped until it is closed, which its {@link dev.headwater.engine.ReplacementModel} does. A {@link
 * dev.headwater.engine.model.Trace} is read by several threads and owns its tensors until it is closed. Configurations are values.
 */
@NullMarked
package dev.headwater.engine.model;

import org.jspecify.annotations.NullMarked;
