package dev.headwater.fuzz;

/** Something that reads bytes from outside. */
public interface Reader extends AutoCloseable {
    /**
     * Reads them as far as they make sense.
     *
     * @throws Exception what the reader throws; {@link Rule} says what that may be
     */
    void read(byte[] input) throws Exception;

    @Override
    default void close() throws Exception {}
}
