package dev.headwater.engine.training;

import dev.headwater.engine.Progress;

/**
 * Hears how a training goes, and can end it: by {@link Progress#cancelled}, after a checkpoint and without a set, or by {@link #enough}, with
 * the set as it is. Called on the training's thread.
 */
public interface TrainingListener extends Progress {
    /** Nobody listens. */
    TrainingListener NONE = new TrainingListener() {};

    /** Some steps are done. */
    default void report(TrainingReport report) {}

    /** True ends the training as if its budget were spent. */
    default boolean enough() {
        return false;
    }
}
