/** The neurons of a model's own MLPs as features, without transcoders. */
@NullMarked
package dev.headwater.engine.neuron;

import org.jspecify.annotations.NullMarked;
