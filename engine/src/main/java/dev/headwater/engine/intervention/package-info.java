/**
 * Changes to features while the model runs, and what they do: single runs, generated text, groups of features, and
 * checks of an attribution graph against the model (reference section 5).
 *
 * <p>Threads and lifetimes: Edits, interventions and results are immutable values for any thread. A {@link
 * dev.headwater.engine.intervention.Baseline} and what it makes are for one thread at a time, and several of one model for several
 * threads; baselines and runs hold native memory until they are closed, before the model.
 */
@NullMarked
package dev.headwater.engine.intervention;

import org.jspecify.annotations.NullMarked;
