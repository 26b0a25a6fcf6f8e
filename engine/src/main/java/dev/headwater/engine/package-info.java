/**
 * What everybody may throw or listen to, and {@link dev.headwater.engine.ReplacementModel}, which binds a language model,
 * its transcoders and its tokenizer.
 */
@NullMarked
package dev.headwater.engine;

import org.jspecify.annotations.NullMarked;
