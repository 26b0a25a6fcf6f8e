/**
 * What everybody may throw or listen to, and {@link dev.headwater.engine.ReplacementModel}, which binds a language model,
 * its transcoders and its tokenizer.
 *
 * <p>Threads and lifetimes: {@link dev.headwater.engine.ReplacementModel} may be used by several threads at once. Its {@code close}
 * waits for work that has begun, and refuses what comes later with a {@link dev.headwater.engine.HeadwaterException}. What is made
 * with a model (graphs, runs, traces) is closed by whoever got it, before the model unless its own page says otherwise. A {@link
 * dev.headwater.engine.Progress} is called on the thread that does the work.
 */
@NullMarked
package dev.headwater.engine;

import org.jspecify.annotations.NullMarked;
