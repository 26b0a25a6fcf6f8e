package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
    @Test
    void theBundledModelsPromptIsOneTokenAWord() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        int[] ids = tokenizer.withLeadingSpecial(
                tokenizer.encode("Fact: the capital of the state containing Dallas is", false));
        assertEquals(
                List.of(
                        "<bos>",
                        "Fact",
                        ":",
                        " the",
                        " capital",
                        " of",
                        " the",
                        " state",
                        " containing",
                        " Dallas",
                        " is"),
                IntStream.of(ids).mapToObj(tokenizer::token).toList());
        assertEquals("<bos>Fact: the capital of the state containing Dallas is", tokenizer.decode(ids));
        assertArrayEquals(ids, tokenizer.withLeadingSpecial(ids), "led already");
    }

    @Test
    void longTextsAreNeitherTruncatedNorPadded() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        assertEquals(5000, tokenizer.encode(" Dallas".repeat(5000), false).length);
        assertEquals(0, tokenizer.encode("", false).length);
    }

    @Test
    void oddTextIsEncodedOrRefusedButNeverCrashes() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        for (String text : List.of("\0", "a\0b", "\uD83D\uDE42", "\uFFFF\uFFFE", "é".repeat(1000))) {
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false)));
        }
        UsageException half = assertThrows(UsageException.class, () -> tokenizer.encode("ab\uD83D", false));
        assertTrue(half.getMessage().contains("character 3 is half of a surrogate pair"), half.getMessage());
        assertThrows(UsageException.class, () -> tokenizer.encode("\uDE00a", false));
        assertEquals("", tokenizer.decode(Integer.MAX_VALUE));
        assertThrows(HeadwaterException.class, () -> tokenizer.decode(-1));
    }

    @Test
    void theFirstRoleWithAnIdAboveZeroLeads(@TempDir Path directory) throws IOException {
        assertLeads(OptionalInt.of(2), directory, "{\"pad_token\":\"a\",\"eos_token\":\"c\"}");
        assertLeads(OptionalInt.of(1), directory, "{\"bos_token\":\"b\",\"eos_token\":\"c\"}");
        assertLeads(OptionalInt.of(1), directory, "{\"bos_token\":{\"content\":\"b\"}}");
        assertLeads(OptionalInt.of(2), directory, "{\"pad_token\":\"a\",\"additional_special_tokens\":[\"c\"]}");
        assertLeads(OptionalInt.of(2), directory, "{\"extra_special_tokens\":{\"image_token\":\"c\"}}");
        assertLeads(OptionalInt.empty(), directory, "{\"pad_token\":\"a\"}");
        // A token that no file numbers gets the next number, as in the Python library.
        assertLeads(OptionalInt.of(4), directory, "{\"bos_token\":null,\"pad_token\":\"unknown\"}");
    }

    private static void assertLeads(OptionalInt expected, Path directory, String config) throws IOException {
        String added = IntStream.range(0, 3)
                .mapToObj(id -> """
                {"id":%d,"content":"%c","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}""".formatted(id, "abc".charAt(id)))
                .collect(Collectors.joining(","));
        Files.writeString(directory.resolve("tokenizer.json"), """
                {"version":"1.0","truncation":null,"padding":null,"added_tokens":[%s],"normalizer":null,"pre_tokenizer":null,"post_processor":null,
                 "decoder":null,"model":{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2,"d":3},"unk_token":"d"}}""".formatted(added));
        Files.writeString(directory.resolve("tokenizer_config.json"), config);
        Tokenizer tokenizer = Tokenizer.open(directory);
        assertEquals(expected, tokenizer.leadingSpecial(), config);
        int[] led = tokenizer.withLeadingSpecial(new int[] {3});
        assertArrayEquals(expected.isPresent() ? new int[] {expected.getAsInt(), 3} : new int[] {3}, led, config);
    }

    @Test
    void aDirectoryWithoutATokenizerIsNamed(@TempDir Path directory) {
        assertFails(directory, "There is no tokenizer.json in " + directory);
    }

    @Test
    void brokenTokenizersAreRefused(@TempDir Path directory) throws IOException {
        for (String text : List.of(
                "",
                "[]",
                "{",
                "{}",
                "{\"model\":{}}",
                "{\"added_tokens\":[1,2]}",
                "\0\0\0",
                "[".repeat(100_000),
                "{\"added_tokens\":" + "[".repeat(100_000),
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}")) {
            Files.writeString(directory.resolve("tokenizer.json"), text);
            assertFails(directory, "tokenizer");
        }
    }

    @Test
    void whatIsNotKnownIsRefusedByName(@TempDir Path directory) throws IOException {
        Map<String, String> parts = Map.ofEntries(
                Map.entry("\"decoder\":{\"type\":\"Fuse\",1:2}", "not valid JSON"),
                Map.entry("\"decoder\":{\"type\":\"Sequence\",\"decoders\":7}", "no valid \"decoders\""),
                Map.entry("\"decoder\":{\"type\":\"Unheard\"}", "decoder Unheard is not known"),
                Map.entry("\"decoder\":{\"type\":\"Fuse\",\"fast\":true}", "decoder Fuse has the key \"fast\""),
                Map.entry("\"decoder\":[]", "decoder has a part without a type"),
                Map.entry("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"}", "character map"),
                Map.entry(
                        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a)\\\\1\"},\"content\":\"\"}",
                        "a back reference"),
                Map.entry(
                        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}],"
                                + "\"pair\":[],\"special_tokens\":{}}",
                        "a template with \"x\""),
                Map.entry(
                        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[],\"special_tokens\":{}}",
                        "a template without the text"),
                Map.entry("\"added_tokens\":{}", "not a list of tokens"),
                Map.entry("\"fast\":true", "the key \"fast\""),
                Map.entry("\"version\":\"2.0\"", "the version \"2.0\""),
                Map.entry("\"truncation\":null,\"truncation\":null", "twice"));
        for (var part : parts.entrySet()) {
            Files.writeString(
                    directory.resolve("tokenizer.json"),
                    "{" + part.getKey() + ",\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}");
            assertFails(directory, part.getValue());
        }
        for (var model : Map.of(
                        "{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}", "at random",
                        "{\"type\":\"BPE\",\"vocab\":{\"\\ud83d\":0},\"merges\":[]}", "half of a surrogate pair",
                        "{\"type\":\"BPE\",\"vocab\":{\"a\":4294967295},\"merges\":[]}", "the token id 4294967295",
                        "{\"type\":null,\"vocab\":{},\"merges\":[]}", "no valid \"type\"",
                        "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[],\"x\":1}", "the key \"x\"")
                .entrySet()) {
            Files.writeString(directory.resolve("tokenizer.json"), "{\"model\":" + model.getKey() + "}");
            assertFails(directory, model.getValue());
        }
    }

    @Test
    void mutatedTokenizersNeverEndTheProcess(@TempDir Path directory) throws Exception {
        Path golden = Path.of(TokenizerTest.class.getResource("/golden").toURI());
        Random random = new Random(11);
        for (String name : List.of("gemma2-plt-npz", "qwen3-plt-jumprelu", "llama-plt-relu-skip")) {
            String seed = Files.readString(golden.resolve(name).resolve("model/tokenizer.json"));
            for (int i = 0; i < 200; i++) {
                StringBuilder text = new StringBuilder(seed);
                for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                    int at = random.nextInt(random.nextBoolean() ? text.length() : 3000);
                    text.replace(
                            at, at + random.nextInt(3), String.valueOf(text.charAt(random.nextInt(text.length()))));
                }
                Files.writeString(directory.resolve("tokenizer.json"), text);
                try {
                    Tokenizer tokenizer = Tokenizer.open(directory);
                    tokenizer.decode(tokenizer.encode("Hello wörld 12 🙂 <bos> the", true));
                } catch (HeadwaterException e) {
                    // expected for most
                }
            }
        }
    }

    private static void assertFails(Path directory, String message) {
        HeadwaterException e = assertThrows(HeadwaterException.class, () -> Tokenizer.open(directory));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }
}
