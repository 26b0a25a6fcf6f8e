package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TranscoderConfigTest {
    @TempDir
    Path temp;

    private TranscoderConfig read(String more) throws IOException {
        Files.writeString(temp.resolve(TranscoderConfig.FILE), """
                model_name: google/gemma-2-2b
                model_kind: transcoder_set
                feature_input_hook: ln2.hook_normalized
                feature_output_hook: hook_mlp_out
                """ + more);
        return TranscoderConfig.read(temp);
    }

    @Test
    void whatIsNotKnownIsRefusedUnlessItAsksForNothing() throws IOException {
        for (String value : List.of("3", "true", "x", "[1]", "{a: 0}", "0.5")) {
            String message = assertThrows(HeadwaterException.class, () -> read("decoder_scale: " + value))
                    .getMessage();
            assertTrue(message.contains("config.yaml: Headwater does not know what 'decoder_scale' means"), message);
        }
        for (String value : List.of("null", "false", "''", "[]", "{}", "")) {
            assertEquals(
                    "google/gemma-2-2b",
                    read("decoder_scale: " + value).modelName().orElseThrow());
        }
        assertEquals(
                "a/b",
                read("repo_id: x/y\n_note: 1\nd_transcoder: 16384\nscan: a/b")
                        .scan()
                        .orElseThrow());
    }

    @Test
    void thePageListsAllKeys() throws IOException {
        String page = Files.readString(Path.of("docs/configuration.md"));
        for (Set<String> keys : List.of(TranscoderConfig.USED, TranscoderConfig.IRRELEVANT)) {
            keys.forEach(key -> assertTrue(page.contains("`" + key + "`"), key));
        }
    }
}
