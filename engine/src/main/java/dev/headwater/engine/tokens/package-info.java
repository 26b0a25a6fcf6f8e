/** Text to token ids and back, and conversations to prompts. */
@NullMarked
package dev.headwater.engine.tokens;

import org.jspecify.annotations.NullMarked;
