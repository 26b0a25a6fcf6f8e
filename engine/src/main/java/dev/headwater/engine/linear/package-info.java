/**
 * The linearised model: attention probabilities and norm denominators are constants, so that what is left of a language
 * model with replaced MLPs is linear (reference section 2.1). {@link dev.headwater.engine.linear.LinearModel} is what is
 * the same for every prompt, {@link dev.headwater.engine.linear.FrozenModel} the model at one prompt.
 */
@NullMarked
package dev.headwater.engine.linear;

import org.jspecify.annotations.NullMarked;
