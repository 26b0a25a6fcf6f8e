/** What a tokenizer.json says, step by step. */
package dev.headwater.engine.tokens.pipeline;
