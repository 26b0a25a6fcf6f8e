package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerationConfigTest {
    @TempDir
    Path temp;

    private List<Integer> stop(String json) throws IOException {
        Files.writeString(temp.resolve("generation_config.json"), json);
        return List.copyOf(GenerationConfig.read(temp).stop());
    }

    @Test
    void theEndsAreOneOrMany() throws IOException {
        assertEquals(List.of(), List.copyOf(GenerationConfig.read(temp).stop()));
        assertEquals(List.of(2), stop("{\"eos_token_id\": 2, \"temperature\": 0.6, \"_from_model_config\": true}"));
        assertEquals(List.of(106, 1), stop("{\"eos_token_id\": [106, 1, 106]}"));
        assertEquals(List.of(), stop("{\"eos_token_id\": null}"));
        assertEquals(List.of(), stop("{}"));
    }

    @Test
    void whatIsNoTokensIdIsRefused() {
        for (String value : List.of("\"</s>\"", "-1", "2.5", "[1, \"x\"]", "true", "{\"a\": 1}", "99999999999")) {
            String message = assertThrows(HeadwaterException.class, () -> stop("{\"eos_token_id\": " + value + "}"))
                    .getMessage();
            assertTrue(message.contains("eos_token_id is "), message);
        }
        assertThrows(HeadwaterException.class, () -> stop("{"));
    }
}
