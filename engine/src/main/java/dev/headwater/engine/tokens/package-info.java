/**
 * Text to token ids and back, and conversations to prompts.
 *
 * <p>Threads and lifetimes: Everything is immutable, for any thread, and holds no native memory.
 */
@NullMarked
package dev.headwater.engine.tokens;

import org.jspecify.annotations.NullMarked;
