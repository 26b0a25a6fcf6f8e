/**
 * Attribution: the model linearised at one prompt ({@link dev.headwater.engine.linear.FrozenModel}), what is
 * active there ({@link dev.headwater.engine.attribution.Sources}), and the sweep that carries targets down through it
 * and reads off their edges ({@link dev.headwater.engine.attribution.AdjointSweep}).
 *
 * <p>Threads and lifetimes: Static methods may be called from several threads, on one model too. A {@link
 * dev.headwater.engine.attribution.LinearPrompt} is for one thread at a time; whoever made it closes it, before the model. Graphs
 * are closed by whoever got them; options and targets are immutable values.
 */
@NullMarked
package dev.headwater.engine.attribution;

import org.jspecify.annotations.NullMarked;
