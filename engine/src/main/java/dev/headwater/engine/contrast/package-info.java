/**
 * Other prompts that a prompt is held against: what their mean takes away is what they have in common.
 *
 * <p>Threads and lifetimes: Contrasts and alignments are immutable values for any thread. Means hold memory of the model's device
 * until they are closed, before the model; their tensors may be read by several threads, and {@link
 * dev.headwater.engine.contrast.SharedMeans} is for one thread at a time.
 */
@NullMarked
package dev.headwater.engine.contrast;

import org.jspecify.annotations.NullMarked;
