/** Text to token ids and back, and conversations to prompts. */
package dev.headwater.engine.tokens;
