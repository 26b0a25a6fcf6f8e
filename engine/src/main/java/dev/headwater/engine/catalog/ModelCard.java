package dev.headwater.engine.catalog;

import dev.headwater.engine.Progress;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.tokens.ChatTemplate;
import java.nio.file.Path;
import java.util.List;

/**
 * A model that is not loaded, by what its small files say.
 *
 * @param reference as {@link Reference} reads it
 */
public record ModelCard(String reference) {
    /** The longest prompt in tokens. */
    public int maxPositions() {
        return ModelConfig.read(directory(reference, List.of("config.json"))).maxPositions();
    }

    /** Layers and attention heads of each. */
    public int[] layersAndHeads() {
        ModelConfig config = ModelConfig.read(directory(reference, List.of("config.json")));
        return new int[] {config.layers(), config.heads()};
    }

    /** Whether the model has a chat template. */
    public boolean hasChatTemplate() {
        return ChatTemplate.exists(directory(reference, List.of("tokenizer_config.json", "chat_template.j*")));
    }

    /** The name under which front ends look up the model's own neurons. */
    public static String neuronScan(String reference) {
        Path name = Path.of(Reference.unpinned(reference)).getFileName();
        return (name == null ? "model" : name.toString().replaceAll("[^a-zA-Z0-9_.-]", "-")) + "-neurons";
    }

    /** A directory with the files of these names, where there are any. */
    static Path directory(String reference, List<String> files) {
        try (Hub hub = Hub.open()) {
            return hub.resolve(Reference.parse(reference), files, Progress.NONE).directory();
        }
    }
}
