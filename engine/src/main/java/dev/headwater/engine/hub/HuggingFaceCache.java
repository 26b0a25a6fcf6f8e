package dev.headwater.engine.hub;

import dev.headwater.bindings.CacheDirectory;
import java.nio.file.Path;
import java.util.Map;

/** Where the Hugging Face libraries keep their token and their cache. Nothing is created by asking. */
final class HuggingFaceCache {
    private HuggingFaceCache() {}

    /** The home, which holds the token: {@code HF_HOME}, else {@code XDG_CACHE_HOME/huggingface}. */
    static Path home(Map<String, String> environment) {
        Path named = CacheDirectory.named(environment, "HF_HOME");
        return named != null ? named : CacheDirectory.home(environment).resolve("huggingface");
    }

    /** The cache of repositories: {@code HF_HUB_CACHE}, else its old name {@code HUGGINGFACE_HUB_CACHE}, else {@code hub} in the home. */
    static Path hub(Map<String, String> environment) {
        Path named = CacheDirectory.named(environment, "HF_HUB_CACHE");
        if (named == null) {
            named = CacheDirectory.named(environment, "HUGGINGFACE_HUB_CACHE");
        }
        return named != null ? named : home(environment).resolve("hub");
    }
}
