package dev.headwater.engine;

import dev.headwater.bindings.Traffic;

/**
 * Hears how far a long computation has come, and can stop it. Called on the computing thread; implementations return
 * fast.
 */
public interface Progress {
    /** Nobody listens. */
    Progress NONE = new Progress() {};

    /**
     * A new phase begins.
     *
     * @param name  what is done, in a few words
     * @param total units of work in this phase, or -1 if unknown
     */
    default void phase(String name, long total) {}

    /** {@code done} units of the current phase are finished (not an increment). */
    default void advance(long done) {}

    /**
     * What a step of the current phase has moved between the host's memory and a GPU's; a phase of rounds has a step for each.
     * Not called on the CPU.
     */
    default void traffic(Traffic traffic) {}

    /** True asks the computation to end at its next step with a {@link java.util.concurrent.CancellationException}. */
    default boolean cancelled() {
        return false;
    }
}
