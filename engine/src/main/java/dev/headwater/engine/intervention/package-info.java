/**
 * Changes to features while the model runs, and what they do: single runs, generated text, groups of features, and
 * checks of an attribution graph against the model (reference section 5).
 */
package dev.headwater.engine.intervention;
