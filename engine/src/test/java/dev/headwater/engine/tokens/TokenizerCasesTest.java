package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repositories and texts that went wrong: silently with other tokens, or with the end of the process. */
class TokenizerCasesTest {
    @TempDir
    private Path directory;

    private static Path cases(String name) {
        try {
            return Path.of(TokenizerCasesTest.class
                    .getResource("/dev/headwater/engine/tokens/cases/" + name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void tokensThatOnlyTheConfigurationListsAreTokens() throws IOException {
        Path dir = cases("tokens-only-in-tokenizer-config");
        for (JsonNode expected :
                new ObjectMapper().readTree(dir.resolve("expected.json").toFile())) {
            assertLed(dir.resolve("model"), expected);
        }
    }

    @Test
    void theConfigurationsPrefixSpaceReplacesTheTokenizers() throws IOException {
        Path dir = cases("add-prefix-space");
        for (JsonNode expected :
                new ObjectMapper().readTree(dir.resolve("expected.json").toFile())) {
            assertLed(dir.resolve(expected.get("model").asText()), expected);
        }
    }

    private static void assertLed(Path model, JsonNode expected) {
        Tokenizer tokenizer = Tokenizer.open(model);
        int[] ids = tokenizer.withLeadingSpecial(
                tokenizer.encode(expected.get("prompt").asText(), false));
        assertArrayEquals(
                StreamSupport.stream(expected.get("token_ids").spliterator(), false)
                        .mapToInt(JsonNode::asInt)
                        .toArray(),
                ids,
                model.toString());
    }

    @Test
    void whatEndedTheProcessEndsInTokensOrASentence() throws IOException {
        try (Stream<Path> files = Files.list(cases("tokenizer-panics"))) {
            for (Path file : files.toList()) {
                assertEndsWell(Files.readString(file), "Hello ab, aé😀 b!");
            }
        }
        assertEndsWell(
                file("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["
                        + String.join(",", Collections.nCopies(8, replace("a", "a".repeat(1000)))) + "]}"),
                "aaaa");
        for (String pattern : List.of("(a+)+$", "(a|aa)+$", "(?:a*)*b", "(.*)*x", "(?=(a+)+$)b", "^(a?){40}a{40}$")) {
            assertEndsWell(
                    file("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" + pattern
                            + "\"},\"behavior\":\"Isolated\",\"invert\":false}"),
                    "a".repeat(40) + "b");
        }
        String deep = "(".repeat(5000) + "a" + ")".repeat(5000);
        assertEndsWell(
                file("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" + deep
                        + "\"},\"behavior\":\"Isolated\",\"invert\":false}"),
                "a");
    }

    private static String replace(String pattern, String content) {
        return "{\"type\":\"Replace\",\"pattern\":{\"String\":\"" + pattern + "\"},\"content\":\"" + content + "\"}";
    }

    private static String file(String part) {
        return "{\"version\":\"1.0\"," + part
                + ",\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{\"?\":0,\"a\":1,\"b\":2},\"merges\":[]}}";
    }

    private void assertEndsWell(String json, String text) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json);
        try {
            Tokenizer tokenizer = Tokenizer.open(directory);
            tokenizer.decode(tokenizer.encode(text, true));
        } catch (HeadwaterException e) {
            assertTrue(
                    e.getMessage().startsWith("The tokenizer ")
                            && e.getMessage().endsWith("."),
                    e.getMessage());
        }
    }

    @Test
    void longRunsCostWhatTheirLengthCosts() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        assertEquals(2_000_001, tokenizer.encode(" ".repeat(2_000_000) + "x", false).length);
        assertEquals(2_000_000, tokenizer.encode("a".repeat(2_000_000), false).length);
    }

    @Test
    void aTextThatIsTooLongIsRefused() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        String text = "a".repeat((1 << 24) + 1);
        HeadwaterException e = assertThrows(HeadwaterException.class, () -> tokenizer.encode(text, false));
        assertTrue(e.getMessage().contains("split it"), e.getMessage());
    }
}
