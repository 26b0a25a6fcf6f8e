/**
 * Attribution: the model linearised at one prompt ({@link dev.headwater.engine.linear.FrozenModel}), what is
 * active there ({@link dev.headwater.engine.attribution.Sources}), and the sweep that carries targets down through it
 * and reads off their edges ({@link dev.headwater.engine.attribution.AdjointSweep}).
 */
@NullMarked
package dev.headwater.engine.attribution;

import org.jspecify.annotations.NullMarked;
