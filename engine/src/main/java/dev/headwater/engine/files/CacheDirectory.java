package dev.headwater.engine.files;

import java.nio.file.Path;
import java.util.Map;

/** Where Headwater keeps what it unpacks, and where the Hugging Face cache is. Nothing is created by asking. */
public final class CacheDirectory {
    private CacheDirectory() {}

    /** Our own: {@code HEADWATER_CACHE}, else {@code XDG_CACHE_HOME/headwater}, else {@code ~/.cache/headwater}. */
    public static Path headwater() {
        return headwater(System.getenv());
    }

    public static Path headwater(Map<String, String> environment) {
        Path named = path(environment, "HEADWATER_CACHE");
        return named != null ? named : cacheHome(environment).resolve("headwater");
    }

    /** The Hugging Face home, which holds the token: {@code HF_HOME}, else {@code XDG_CACHE_HOME/huggingface}. */
    public static Path huggingFaceHome(Map<String, String> environment) {
        Path named = path(environment, "HF_HOME");
        return named != null ? named : cacheHome(environment).resolve("huggingface");
    }

    /**
     * The cache of repositories: {@code HF_HUB_CACHE}, else its old name {@code HUGGINGFACE_HUB_CACHE}, else {@code
     * hub} in the home.
     */
    public static Path huggingFaceHub(Map<String, String> environment) {
        Path named = path(environment, "HF_HUB_CACHE");
        if (named == null) {
            named = path(environment, "HUGGINGFACE_HUB_CACHE");
        }
        return named != null ? named : huggingFaceHome(environment).resolve("hub");
    }

    private static Path cacheHome(Map<String, String> environment) {
        Path xdg = path(environment, "XDG_CACHE_HOME");
        return xdg != null ? xdg : Path.of(System.getProperty("user.home"), ".cache");
    }

    private static Path path(Map<String, String> environment, String name) {
        String value = environment.get(name);
        if (value == null || value.isBlank()) {
            return null;
        }
        String home = System.getProperty("user.home");
        return Path.of(value.equals("~") || value.startsWith("~/") ? home + value.substring(1) : value)
                .toAbsolutePath();
    }
}
