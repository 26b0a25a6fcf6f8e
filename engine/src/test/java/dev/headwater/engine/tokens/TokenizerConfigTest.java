package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files beside tokenizer.json. */
class TokenizerConfigTest {
    private static final String FILE = "/dev/headwater/engine/tokens/configurations/configurations.jsonl.gz";

    /** Keys of tokenizer_config.json in published repositories of the supported families. */
    private static final Set<String> MET = Set.of(
            "add_bos_token",
            "add_eos_token",
            "add_prefix_space",
            "added_tokens_decoder",
            "additional_special_tokens",
            "audio_token",
            "auto_map",
            "boi_token",
            "bos_token",
            "chat_template",
            "clean_up_tokenization_spaces",
            "cls_token",
            "eoi_token",
            "eos_token",
            "errors",
            "extra_special_tokens",
            "image_token",
            "is_local",
            "legacy",
            "mask_token",
            "max_length",
            "model_input_names",
            "model_max_length",
            "model_specific_special_tokens",
            "name_or_path",
            "pad_to_multiple_of",
            "pad_token",
            "pad_token_type_id",
            "padding_side",
            "processor_class",
            "return_token_type_ids",
            "sep_token",
            "sp_model_kwargs",
            "spaces_between_special_tokens",
            "special_tokens_map_file",
            "split_special_tokens",
            "stride",
            "tokenizer_class",
            "tokenizer_file",
            "trim_offsets",
            "truncation_side",
            "truncation_strategy",
            "unk_token",
            "use_default_system_prompt",
            "use_fast",
            "vocab_file",
            "merges_file",
            "from_slow",
            "backend",
            "local_files_only",
            "default_chat_template",
            "verbose");

    @TempDir
    private Path directory;

    @Test
    void configurationsAreReadAsThePythonLibraryDoes() throws IOException {
        int count = 0;
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(TokenizerConfigTest.class.getResourceAsStream(FILE)), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode expected = new ObjectMapper().readTree(line);
                compare(Files.createDirectory(directory.resolve(String.valueOf(count++))), expected);
            }
        }
        assertTrue(count > 50, count + " configurations");
    }

    private static void compare(Path directory, JsonNode expected) throws IOException {
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
            if (expected.get("files").has(name)) {
                Files.writeString(
                        directory.resolve(name), expected.get("files").get(name).asText());
            }
        }
        String message = expected.get("files").get("tokenizer_config.json").asText();
        Tokenizer tokenizer = Tokenizer.open(directory);
        assertArrayEquals(
                ids(expected.get("special")),
                tokenizer.special().ids().stream().mapToInt(Integer::intValue).toArray(),
                message);
        assertEquals(id(expected.get("bos")), tokenizer.special().bos(), message);
        assertEquals(id(expected.get("eos")), tokenizer.special().eos(), message);
        assertEquals(id(expected.get("pad")), tokenizer.special().pad(), message);
        for (JsonNode text : expected.get("texts")) {
            assertArrayEquals(ids(text.get(1)), tokenizer.encode(text.get(0).asText(), false), message + text);
            assertArrayEquals(ids(text.get(2)), tokenizer.encode(text.get(0).asText(), true), message + text);
        }
    }

    private static int[] ids(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    private static OptionalInt id(JsonNode id) {
        return id.isNull() ? OptionalInt.empty() : OptionalInt.of(id.asInt());
    }

    @Test
    void everyKeyThatIsMetIsUsedOrKnownToBeIrrelevant() throws IOException {
        writeTokenizer();
        for (String key : MET) {
            boolean listed = TokenizerConfig.USED.contains(key)
                    || TokenizerConfig.IRRELEVANT.contains(key)
                    || key.endsWith("_token");
            assertTrue(listed, key);
        }
        for (String key : TokenizerConfig.IRRELEVANT) {
            assertTrue(!TokenizerConfig.USED.contains(key), key);
        }
    }

    @Test
    void whatIsNotKnownIsRefusedByName() throws IOException {
        writeTokenizer();
        assertRefused("the key \"do_lower_case\"", "{\"do_lower_case\":true}");
        assertRefused("the tokenizer class QWenTokenizer", "{\"tokenizer_class\":\"QWenTokenizer\"}");
        assertRefused("id is no integer", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}");
        assertRefused("without its content", "{\"added_tokens_decoder\":{\"5\":{}}}");
        assertRefused("half of a surrogate pair", "{\"bos_token\":\"\\ud83d\"}");
        assertRefused(
                "add_prefix_space true",
                "{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":false,\"add_prefix_space\":true}");
    }

    private void writeTokenizer() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer.json"),
                "{\"version\":\"1.0\",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}");
    }

    private void assertRefused(String message, String config) throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), config);
        HeadwaterException e = assertThrows(HeadwaterException.class, () -> Tokenizer.open(directory), config);
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    /** A device or a pipe would be read for ever. */
    @Test
    void aTemplateThatIsNoFileIsRefused() throws IOException {
        Files.createSymbolicLink(directory.resolve("chat_template.jinja"), Path.of("/dev/zero"));
        var none = OptionalInt.empty();
        var special = new SpecialTokens(none, none, none, new LinkedHashSet<>(), Map.of());
        HeadwaterException e = assertThrows(HeadwaterException.class, () -> ChatTemplate.read(directory, special));
        assertTrue(e.getMessage().endsWith("is no regular file"), e.getMessage());
    }

    @Test
    void thePageListsAllKeys() throws IOException {
        String page = Files.readString(Path.of("docs/configuration.md"));
        for (Set<String> keys : List.of(TokenizerConfig.USED, TokenizerConfig.IRRELEVANT)) {
            keys.forEach(key -> assertTrue(page.contains("`" + key + "`"), key));
        }
    }
}
