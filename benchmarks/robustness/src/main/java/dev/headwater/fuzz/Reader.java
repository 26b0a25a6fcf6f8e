package dev.headwater.fuzz;

import java.time.Duration;

/** Something that reads bytes from outside. */
public interface Reader extends AutoCloseable {
    /**
     * Reads them as far as they make sense.
     *
     * @throws Exception what the reader throws; {@link Rule} says what that may be
     */
    void read(byte[] input) throws Exception;

    /** {@return the processor time that one input may take} */
    default Duration longest() {
        return Duration.ofSeconds(2);
    }

    @Override
    default void close() throws Exception {}
}
