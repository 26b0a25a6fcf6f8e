/**
 * What everybody may throw or listen to, and {@link dev.headwater.engine.ReplacementModel}, which binds a language model,
 * its transcoders and its tokenizer.
 */
package dev.headwater.engine;
