/** Patterns of tokenizers, in Oniguruma's syntax, matched within a budget of steps. */
@NullMarked
package dev.headwater.engine.tokens.regex;

import org.jspecify.annotations.NullMarked;
