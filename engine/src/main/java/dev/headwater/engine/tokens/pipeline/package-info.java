/** What a tokenizer.json says, step by step. */
@NullMarked
package dev.headwater.engine.tokens.pipeline;

import org.jspecify.annotations.NullMarked;
