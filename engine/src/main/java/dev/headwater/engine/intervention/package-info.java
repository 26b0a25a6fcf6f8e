/**
 * Changes to features while the model runs, and what they do: single runs, generated text, groups of features, and
 * checks of an attribution graph against the model (reference section 5).
 */
@NullMarked
package dev.headwater.engine.intervention;

import org.jspecify.annotations.NullMarked;
