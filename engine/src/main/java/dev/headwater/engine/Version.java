package dev.headwater.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * Which Headwater this is: that of the tag it was built from, or the poms' version, a plus sign and the commit
 * ({@code 0.2.0-SNAPSHOT+1a2b3c4d5}, with {@code .dirty} where the tree had changes). Graph files carry it in their provenance.
 */
public final class Version {
    private static final String NUMBER = read();

    private Version() {}

    /** The version, or "development" where classes run that no build has stamped. */
    public static String number() {
        return NUMBER;
    }

    private static String read() {
        try (var in = Version.class.getResourceAsStream("version")) {
            return in == null ? "development" : new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
