package dev.headwater.bindings;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where Headwater keeps what it unpacks and downloads: the one rule for it. Nothing is created by asking. */
public final class CacheDirectory {
    private CacheDirectory() {}

    /** {@code HEADWATER_CACHE}, else {@code XDG_CACHE_HOME/headwater}, else {@code ~/.cache/headwater}. */
    public static Path headwater() {
        return headwater(System.getenv());
    }

    /** The same by another environment than this process's. */
    public static Path headwater(Map<String, String> environment) {
        Path named = named(environment, "HEADWATER_CACHE");
        return named != null ? named : home(environment).resolve("headwater");
    }

    /** Where the user's caches are: {@code XDG_CACHE_HOME}, else {@code ~/.cache}. */
    public static Path home(Map<String, String> environment) {
        Path named = named(environment, "XDG_CACHE_HOME");
        return named != null ? named : Path.of(System.getProperty("user.home"), ".cache");
    }

    /** The directory that a variable names, with {@code ~} for the user's home; null if it is not set or blank. */
    public static @Nullable Path named(Map<String, String> environment, String variable) {
        String value = environment.get(variable);
        if (value == null || value.isBlank()) {
            return null;
        }
        boolean ofHome = value.equals("~") || value.startsWith("~/");
        return Path.of(ofHome ? System.getProperty("user.home") + value.substring(1) : value)
                .toAbsolutePath();
    }
}
