package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.tokens.TokenizerDescription.Kind;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

class TokenizerDescriptionTest {
    @Test
    void bytePairsAreThoseOfTheSameTokenizersFile() throws IOException, URISyntaxException {
        Path golden =
                Path.of(TokenizerDescriptionTest.class.getResource("/golden").toURI());
        for (var cut : Map.of(
                        "llama-plt-relu-skip", "llama-bpe", "gpt2-plt-relu", "gpt-2", "qwen3-plt-jumprelu", "qwen2")
                .entrySet()) {
            Path directory = golden.resolve(cut.getKey());
            JsonNode file = new ObjectMapper()
                    .readTree(directory.resolve("model/tokenizer.json").toFile());
            Tokenizer tokenizer = Tokenizer.of(described(file, cut.getValue()));
            for (JsonNode text : new ObjectMapper()
                    .readTree(directory.resolve("tokenizer_golden.json").toFile())
                    .get("cases")) {
                int[] ids = StreamSupport.stream(text.get("ids").spliterator(), false)
                        .mapToInt(JsonNode::asInt)
                        .toArray();
                assertArrayEquals(ids, tokenizer.encode(text.get("text").asText(), false), text.toString());
                assertEquals(text.get("decoded").asText(), tokenizer.decode(ids));
            }
        }
    }

    private static TokenizerDescription described(JsonNode file, String cut) {
        JsonNode vocabulary = file.get("model").get("vocab");
        int size = vocabulary.size();
        for (JsonNode added : file.get("added_tokens")) {
            size = Math.max(size, added.get("id").asInt() + 1);
        }
        List<String> tokens = new ArrayList<>(Collections.nCopies(size, ""));
        List<Integer> types = new ArrayList<>(Collections.nCopies(size, 1));
        vocabulary.forEachEntry((token, id) -> tokens.set(id.asInt(), token));
        for (JsonNode added : file.get("added_tokens")) {
            tokens.set(added.get("id").asInt(), added.get("content").asText());
            types.set(added.get("id").asInt(), added.get("special").asBoolean() ? 3 : 4);
        }
        List<String> merges = StreamSupport.stream(
                        file.get("model").get("merges").spliterator(), false)
                .map(merge -> merge.isArray()
                        ? merge.get(0).asText() + " " + merge.get(1).asText()
                        : merge.asText())
                .toList();
        return new TokenizerDescription(
                "x.gguf", Kind.BYTE_PAIRS, cut, tokens, types, List.of(), merges, Map.of(), false, false, false, null);
    }

    /** {@code <unk> <s> </s>}, the bytes, then pieces with their scores. */
    private static TokenizerDescription pieces(boolean addsSpace, Map<String, Double> pieces) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Integer> types = new ArrayList<>(List.of(2, 3, 3));
        List<Double> scores = new ArrayList<>(List.of(0.0, 0.0, 0.0));
        for (int b = 0; b < 256; b++) {
            tokens.add(String.format(Locale.ROOT, "<0x%02X>", b));
            types.add(6);
            scores.add(0.0);
        }
        pieces.keySet().stream().sorted().forEach(piece -> {
            tokens.add(piece);
            types.add(1);
            scores.add(pieces.get(piece));
        });
        return new TokenizerDescription(
                "y.gguf",
                Kind.SENTENCE_PIECE,
                "",
                tokens,
                types,
                scores,
                List.of(),
                Map.of("bos_token", 1, "eos_token", 2, "unk_token", 0),
                true,
                false,
                addsSpace,
                null);
    }

    @Test
    void piecesAreJoinedToTheHighestScore() {
        Map<String, Double> pieces = Map.of(
                "\u2581", -9.0, "a", -8.0, "b", -8.5, "c", -8.7, "ab", -2.0, "bc", -1.0, "\u2581a", -1.5, "abc", -3.0);
        TokenizerDescription description = pieces(true, pieces);
        Tokenizer tokenizer = Tokenizer.of(description);
        assertTokens(tokenizer, description, "abc", "\u2581a", "bc");
        assertTokens(tokenizer, description, "babc", "\u2581", "b", "abc");
        assertTokens(tokenizer, description, "<s>a é", "<s>", "\u2581a", "\u2581", "<0xC3>", "<0xA9>");
        assertEquals("abc é", tokenizer.decode(tokenizer.encode("abc é", false)));
        assertEquals(1, tokenizer.encode("a", true)[0]);
        assertArrayEquals(new byte[] {(byte) 0xC3}, tokenizer.bytes(3 + 0xC3));
        assertArrayEquals(
                " a".getBytes(StandardCharsets.UTF_8),
                tokenizer.bytes(description.tokens().indexOf("\u2581a")));
        assertTokens(Tokenizer.of(pieces(false, pieces)), description, "abca", "abc", "a");
    }

    private static void assertTokens(
            Tokenizer tokenizer, TokenizerDescription description, String text, String... tokens) {
        assertEquals(
                List.of(tokens),
                Arrays.stream(tokenizer.encode(text, false))
                        .mapToObj(description.tokens()::get)
                        .toList());
    }

    @Test
    void whatIsNotKnownOrNotSoundIsRefused() {
        assertRefused(
                "cuts texts as \"unheard\" does",
                new TokenizerDescription(
                        "z.gguf",
                        Kind.BYTE_PAIRS,
                        "unheard",
                        List.of("a"),
                        List.of(),
                        List.of(),
                        List.of(),
                        Map.of(),
                        false,
                        false,
                        false,
                        null));
        assertRefused(
                "not equally many",
                new TokenizerDescription(
                        "z.gguf",
                        Kind.UNIGRAM,
                        "",
                        List.of("a"),
                        List.of(),
                        List.of(),
                        List.of(),
                        Map.of(),
                        false,
                        false,
                        false,
                        null));
        assertRefused(
                "two tokens with a space",
                new TokenizerDescription(
                        "z.gguf",
                        Kind.BYTE_PAIRS,
                        "gpt-2",
                        List.of("a"),
                        List.of(),
                        List.of(),
                        List.of("aa"),
                        Map.of(),
                        false,
                        false,
                        false,
                        null));
    }

    private static void assertRefused(String message, TokenizerDescription description) {
        HeadwaterException e = assertThrows(HeadwaterException.class, () -> Tokenizer.of(description));
        assertTrue(e.getMessage().contains(message) && e.getMessage().contains("z.gguf"), e.getMessage());
    }
}
