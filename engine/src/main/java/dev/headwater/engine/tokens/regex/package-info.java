/** Patterns of tokenizers, in Oniguruma's syntax, matched within a budget of steps. */
package dev.headwater.engine.tokens.regex;
