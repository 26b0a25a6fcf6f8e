package dev.headwater.engine.catalog;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.transcoder.TranscoderConfig;
import java.nio.file.Path;

/**
 * A set of transcoders that may not be loaded, by what its configuration says.
 *
 * @param reference as {@link Reference} reads it
 */
public record TranscoderCard(String reference, TranscoderConfig config) {
    /** Fetches the configuration, unless it is on this machine. */
    public static TranscoderCard of(String reference) {
        return new TranscoderCard(
                reference, TranscoderConfig.read(ModelCard.directory(reference, TranscoderConfig.FILES)));
    }

    /** The name under which front ends look up the set's features: what it calls itself, else its folder's name. */
    public String scan() {
        return config.scan().orElseGet(() -> {
            Path name = Path.of(Reference.unpinned(reference)).getFileName();
            return name == null ? "transcoders" : name.toString().replaceAll("[^a-zA-Z0-9_.-]", "-");
        });
    }

    /**
     * The model that the set was trained on.
     *
     * @throws UsageException if its configuration names none
     */
    public String model() {
        return config.modelName()
                .orElseThrow(() -> new UsageException(
                        "the transcoders " + reference + " do not say which model they belong to; name it"));
    }
}
