/**
 * Training transcoders: activations of a model on a text stream through a buffer, and features learn to say what its MLPs write from what
 * they read.
 *
 * <p>Threads and lifetimes: A training belongs to one thread and uses the model, which others may use meanwhile. It closes what it opens;
 * results are values.
 */
@NullMarked
package dev.headwater.engine.training;

import org.jspecify.annotations.NullMarked;
