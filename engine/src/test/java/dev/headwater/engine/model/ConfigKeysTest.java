package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every key that the Python library's configurations of the families have is used, known to be irrelevant or refused. */
class ConfigKeysTest {
    /** They would make another model of it; false, null and empty they ask for nothing. */
    private static final Set<String> REFUSED = Set.of(
            "pruned_heads",
            "add_cross_attention",
            "is_encoder_decoder",
            "tie_encoder_decoder",
            "cross_attention_hidden_size");

    @TempDir
    Path temp;

    /** {@code config-keys.txt}: keys of the configurations of all families in transformers 4.57.6. */
    @Test
    void everyKeyOfTheLibraryIsAccountedFor() throws IOException {
        Set<String> left = new TreeSet<>(Files.readAllLines(Path.of("src/test/resources/config-keys.txt")));
        left.removeAll(ConfigKeys.USED);
        left.removeAll(ConfigKeys.IRRELEVANT);
        left.removeIf(key -> key.startsWith("_"));
        assertEquals(new TreeSet<>(REFUSED), left);
        Set<String> both = new TreeSet<>(ConfigKeys.USED);
        both.retainAll(ConfigKeys.IRRELEVANT);
        assertEquals(Set.of(), both);
    }

    @Test
    void thePageListsThemAll() throws IOException {
        String page = Files.readString(Path.of("docs/configuration.md"));
        for (Set<String> keys : List.of(ConfigKeys.USED, ConfigKeys.IRRELEVANT, REFUSED)) {
            keys.forEach(key -> assertTrue(page.contains("`" + key + "`"), key));
        }
    }

    private ModelConfig read(String key, String value) throws IOException {
        ObjectNode config = (ObjectNode) BoundedJson.read(
                GoldenCase.of("llama-plt-relu-skip").modelDirectory().resolve("config.json"));
        config.set(key, BoundedJson.mapper().readTree(value));
        Files.writeString(temp.resolve("config.json"), config.toString());
        return ModelConfig.read(temp);
    }

    /** {@code published-configs.json}: configurations as published, of repositories whose keys are out of the ordinary or common. */
    @Test
    void publishedConfigurationsAreRead() throws IOException {
        var all = BoundedJson.read(Path.of("src/test/resources/published-configs.json"));
        assertTrue(all.size() >= 12);
        for (var config : all.properties()) {
            Files.writeString(temp.resolve("config.json"), config.getValue().toString());
            assertTrue(ModelConfig.read(temp).layers() > 0, config.getKey());
        }
    }

    @Test
    void whatIsNotKnownIsRefusedUnlessItAsksForNothing() throws IOException {
        for (String value : new String[] {"3", "true", "\"x\"", "[1]", "{\"a\": 0}", "0.5"}) {
            String message = assertThrows(HeadwaterException.class, () -> read("surprise", value))
                    .getMessage();
            assertTrue(message.contains("config.json: Headwater does not know what 'surprise' means"), message);
        }
        for (String value : new String[] {"null", "false", "\"\"", "[]", "{}"}) {
            assertEquals(4, read("surprise", value).layers());
        }
        for (String key : REFUSED) {
            assertThrows(HeadwaterException.class, () -> read(key, "{\"0\": [1]}"), key);
        }
        assertEquals(4, read("_note", "1").layers());
    }
}
