package dev.headwater.engine.tokens.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/**
 * More than a hundred tokenizers made at random, and what the library makes of texts with them; see the README beside the file. Another
 * file of the kind is compared with -Dshapes=FILE.
 */
class PipelineShapesTest {
    private static final String FILE = "/dev/headwater/engine/tokens/shapes/shapes.jsonl.gz";

    /** What the library does in ways that depend on its bugs. */
    private static final List<String> REFUSED =
            List.of("that normalization leaves nothing of", "replaces a pattern that can match nothing");

    @Test
    void tokensAndTextsAreTheLibrarys() throws IOException {
        int shapes = 0;
        int texts = 0;
        String other = System.getProperty("shapes");
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                other == null
                        ? new GZIPInputStream(PipelineShapesTest.class.getResourceAsStream(FILE))
                        : Files.newInputStream(Path.of(other)),
                StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode shape = new ObjectMapper().readTree(line);
                Pipeline pipeline = open(shape);
                if (pipeline == null) {
                    continue;
                }
                shapes++;
                for (JsonNode text : shape.get("texts")) {
                    compare(pipeline, text, "shape " + shape.get("name").asText() + ": " + text);
                    texts++;
                }
            }
        }
        assertTrue(other != null || shapes > 100 && texts > 1000, shapes + " shapes, " + texts + " texts");
    }

    /** Null if one of the two refuses it. */
    private static Pipeline open(JsonNode shape) throws IOException {
        byte[] json = shape.get("json").asText().getBytes(StandardCharsets.UTF_8);
        try {
            TokenizerFile file = TokenizerFile.read(new ByteArrayInputStream(json));
            Pipeline pipeline = file.pipeline(file.added(), false);
            return shape.get("texts").isNull() ? null : pipeline;
        } catch (RefusedException e) {
            assertTrue(
                    shape.get("texts").isNull() || REFUSED.stream().anyMatch(e.getMessage()::contains),
                    shape.get("name").asText() + ": " + e.getMessage());
            return null;
        }
    }

    private static void compare(Pipeline pipeline, JsonNode text, String message) {
        if (text.get(1).isNull()) {
            // The library fails: by a panic, or because a character has no token. Here it is tokens or a reason.
            try {
                pipeline.encode(text.get(0).asText(), true);
            } catch (RefusedException e) {
                assertTrue(!e.getMessage().isEmpty());
            }
            return;
        }
        int[] ids = pipeline.encode(text.get(0).asText(), false);
        assertArrayEquals(ids(text.get(1)), ids, message);
        assertArrayEquals(ids(text.get(2)), pipeline.encode(text.get(0).asText(), true), message);
        if (text.size() > 3) {
            assertEquals(text.get(3).asText(), pipeline.decode(ids), message);
        }
    }

    private static int[] ids(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
