package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.weights.Checkpoint;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code --chat} from the files of a model to its graph. The model is a golden Gemma 3 whose vocabulary has grown until
 * the tokens of a chat have the ids that they have in the published instruction-tuned models.
 */
class ChatPromptTest {
    private static final Path GOLDEN =
            Path.of("..", "engine", "src", "test", "resources", "golden", "gemma3-plt-gs2-affine");
    private static final int OLD_VOCABULARY = 400;
    private static final int VOCABULARY = 4400;
    private static final Map<String, Integer> SPECIAL =
            Map.of("<pad>", 0, "<eos>", 1, "<bos>", 2, "<unk>", 3, "<start_of_turn>", 105, "<end_of_turn>", 106);
    private static final Map<String, Integer> WORDS =
            Map.of("\n", 107, " ", 236, "user", 2364, "model", 4368, "Where", 500, "is", 501, "Dallas", 502, "?", 503);
    private static final String GEMMA_3 = """
        {{ bos_token }}
        {%- for message in messages -%}
            {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception("Roles must alternate") }}{%- endif -%}
            {{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
        """;
    private static final List<Integer> CHAT =
            List.of(2, 105, 2364, 107, 500, 236, 501, 236, 502, 503, 106, 107, 105, 4368, 107);

    @TempDir
    private Path directory;

    private Path model;

    @BeforeEach
    void growTheModel() throws IOException {
        model = Files.createDirectory(directory.resolve("model"));
        Files.writeString(
                model.resolve("config.json"),
                ((ObjectNode) BoundedJson.read(GOLDEN.resolve("model/config.json")))
                        .put("vocab_size", VOCABULARY)
                        .toString());
        try (Checkpoint old = Checkpoint.open(GOLDEN.resolve("model"))) {
            List<TensorInfo> infos = old.names().stream()
                    .map(old::info)
                    .map(info -> info.size(0) == OLD_VOCABULARY
                            ? TensorInfo.of(info.name(), info.dtype(), VOCABULARY, info.size(1))
                            : info)
                    .toList();
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(model.resolve("model.safetensors"), infos, Map.of())) {
                for (TensorInfo info : infos) {
                    writer.write(info.name(), repeated(old.data(info.name()), info.bytes()));
                }
                writer.commit();
            }
        }
        tokenizer(GEMMA_3);
    }

    private static MemorySegment repeated(MemorySegment data, long bytes) {
        MemorySegment all = MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
        for (long at = 0; at < bytes; at += data.byteSize()) {
            MemorySegment.copy(data, 0, all, at, data.byteSize());
        }
        return all;
    }

    /** One token a word, space or line end; special tokens wherever they are written out. */
    private void tokenizer(String template) throws IOException {
        ObjectNode tokenizer = BoundedJson.mapper().createObjectNode().put("version", "1.0");
        ArrayNode added = tokenizer.putArray("added_tokens");
        ObjectNode config = BoundedJson.mapper()
                .createObjectNode()
                .put("bos_token", "<bos>")
                .put("eos_token", "<eos>")
                .put("pad_token", "<pad>")
                .put("unk_token", "<unk>")
                .put("chat_template", template);
        ArrayNode more = config.putArray("additional_special_tokens");
        SPECIAL.forEach((text, id) -> {
            added.addObject()
                    .put("id", id)
                    .put("content", text)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
            if (text.contains("_of_turn")) {
                more.add(text);
            }
        });
        tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false)
                .putObject("pattern")
                .put("Regex", "[ \\n?]");
        tokenizer
                .putNull("normalizer")
                .putNull("post_processor")
                .putNull("decoder")
                .putNull("truncation")
                .putNull("padding");
        ObjectNode words = tokenizer
                .putObject("model")
                .put("type", "WordLevel")
                .put("unk_token", "<unk>")
                .putObject("vocab");
        SPECIAL.forEach(words::put);
        WORDS.forEach(words::put);
        Files.writeString(model.resolve("tokenizer.json"), tokenizer.toString());
        Files.writeString(model.resolve("tokenizer_config.json"), config.toString());
    }

    /** The golden transcoders, as if trained on this model. */
    private String trainedOn(String name) throws IOException {
        Path set = directory.resolve(name.replaceAll(".*/", ""));
        try (Stream<Path> files = Files.walk(GOLDEN.resolve("transcoders"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = set.resolve(
                        GOLDEN.resolve("transcoders").relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
        Path config = set.resolve("config.yaml");
        Files.writeString(config, Files.readString(config).replaceFirst("model_name: .*", "model_name: " + name));
        return set.toString();
    }

    private Run attribute(String transcoders, String... prompt) throws IOException {
        // The graph of another prompt would be in the way.
        Files.deleteIfExists(directory.resolve("chat.json"));
        List<String> arguments = new ArrayList<>(List.of(
                "attribute",
                "--json",
                "-m",
                model.toString(),
                "-t",
                transcoders,
                "--out",
                directory.toString(),
                "--slug",
                "chat",
                "--max-features",
                "0",
                "--node-threshold",
                "1",
                "--edge-threshold",
                "1"));
        arguments.addAll(List.of(prompt));
        return Run.headwater(arguments.toArray(String[]::new));
    }

    private static List<Integer> tokens(Run run) throws IOException {
        assertEquals(0, run.code(), run.err());
        return BoundedJson.mapper().readTree(run.out()).get("tokens").findValues("id").stream()
                .map(JsonNode::intValue)
                .toList();
    }

    /** Positions of the graph's features and errors. */
    private TreeSet<Integer> positions() {
        TreeSet<Integer> positions = new TreeSet<>();
        for (JsonNode node : BoundedJson.read(directory.resolve("chat.json")).get("nodes")) {
            if (!List.of("embedding", "logit").contains(node.get("feature_type").textValue())) {
                positions.add(node.get("ctx_idx").intValue());
            }
        }
        return positions;
    }

    @Test
    void anInstructionTunedGemma3GetsItsTokensAndFourZeroPositions() throws IOException {
        String tuned = trainedOn("google/gemma-3-270m-it");
        assertEquals(CHAT, tokens(attribute(tuned, "--chat", "Where is Dallas?")));
        assertEquals(IntStream.range(4, CHAT.size()).boxed().toList(), List.copyOf(positions()));
        Run plain = attribute(tuned, "Where is Dallas?");
        assertEquals(2, plain.code(), plain.toString());
        assertTrue(
                plain.err().contains("beginning with the token ids 2, 105, 2364, 107")
                        && plain.err().contains("begins with [2, 500, 236, 501]"),
                plain.err());
        assertEquals(
                CHAT,
                tokens(attribute(
                        tuned, "<bos><start_of_turn>user\nWhere is Dallas?<end_of_turn>\n<start_of_turn>model\n")),
                "a turn that is written out");
    }

    @Test
    void theBaseModelHasOneZeroPosition() throws IOException {
        assertEquals(CHAT, tokens(attribute(trainedOn("google/gemma-3-270m-pt"), "--chat", "Where is Dallas?")));
        assertEquals(IntStream.range(1, CHAT.size()).boxed().toList(), List.copyOf(positions()));
    }

    /** The tokens are those of the template's text, as the Python library's; on demand a special token leads in any case. */
    @Test
    void aChatBeginsAsItsTemplateDoes() throws IOException {
        String set = trainedOn("google/gemma-3-270m-pt");
        for (var expected : Map.of(
                        "{{ messages[0].content }}", List.of(500, 236, 501),
                        "{{ bos_token }}{{ messages[0].content }}", List.of(2, 500, 236, 501),
                        "<start_of_turn>{{ messages[0].content }}", List.of(105, 500, 236, 501),
                        "{{ bos_token }}{{ bos_token }}{{ messages[0].content }}", List.of(2, 2, 500, 236, 501))
                .entrySet()) {
            tokenizer(expected.getKey());
            assertEquals(expected.getValue(), tokens(attribute(set, "--chat", "Where is")), expected.getKey());
        }
        tokenizer("{{ messages[0].content }}");
        assertEquals(List.of(2, 500, 236, 501), tokens(attribute(set, "--chat", "--chat-bos", "Where is")));
    }

    @Test
    void aConversationHasASystemAHistoryAndABegunAnswer() throws IOException {
        String set = trainedOn("google/gemma-3-270m-pt");
        Path history = Files.writeString(directory.resolve("history.json"), """
                {"messages": [{"role": "user", "content": "Where is Dallas?"}, {"role": "assistant", "content": "Dallas"}]}
                """);
        List<Integer> begun = List.of(2, 105, 2364, 107, 500, 236, 501, 236, 502, 503, 106, 107, 105, 4368, 107, 502);
        assertEquals(begun, tokens(attribute(set, "Where is Dallas?", "--assistant", "Dallas")));
        assertEquals(begun, tokens(attribute(set, "--chat-file", history.toString())));
        Files.writeString(history, """
                [{"role": "user", "content": "Where"}, {"role": "assistant", "content": "Dallas"}, {"role": "user", "content": "is"}]
                """);
        List<Integer> said =
                List.of(2, 105, 2364, 107, 500, 106, 107, 105, 4368, 107, 502, 106, 107, 105, 2364, 107, 501, 106, 107);
        assertEquals(
                Stream.concat(said.stream(), Stream.of(105, 4368, 107)).toList(),
                tokens(attribute(set, "--chat-file", history.toString())));
        tokenizer(
                "{% for m in messages %}{{ m.role }} {{ m.content }}\n{% endfor %}{% if enable_thinking %}?{% endif %}");
        assertEquals(List.of(3, 236, 500, 107, 2364, 236, 501, 107), tokens(attribute(set, "--system", "Where", "is")));
        assertEquals(List.of(2364, 236, 501, 107, 503), tokens(attribute(set, "--chat", "is", "--thinking", "on")));
        assertEquals(
                List.of(2364, 236, 501, 107, 503),
                tokens(attribute(set, "--chat", "is", "--template-option", "enable_thinking=true")));
    }

    @Test
    void aConversationThatMakesNoSenseIsOneSentence() throws IOException {
        String set = trainedOn("google/gemma-3-270m-pt");
        Path history = Files.writeString(directory.resolve("history.json"), "[{\"role\": \"user\"}]");
        for (List<String> options : List.of(
                List.of("--chat-file", history.toString()),
                List.of("--thinking", "on", "x"),
                List.of("--chat", "--thinking", "maybe", "x"),
                List.of("--chat", "--thinking", "on", "x"),
                List.of("--chat", "--template-option", "nothing=1", "x"),
                List.of("--assistant", "x"),
                List.of("--chat", "--token-ids", "1,2"))) {
            Run run = attribute(set, options.toArray(String[]::new));
            assertEquals(2, run.code(), options + run.toString());
            assertEquals(1, run.err().lines().count(), run.err());
        }
    }

    @Test
    void aBatchTakesConversationsAndRefusesHalfCharacters() throws IOException {
        String set = trainedOn("google/gemma-3-270m-pt");
        Path lines = Files.writeString(directory.resolve("lines.jsonl"), """
                {"slug": "begun", "messages": [{"role": "user", "content": "Where"}, {"role": "assistant", "content": "is"}]}
                {"slug": "half", "prompt": "is \\ud83d"}
                {"slug": "plain", "prompt": "is"}
                """);
        String[] batch = {
            "batch",
            lines.toString(),
            "--out",
            directory.resolve("out").toString(),
            "-m",
            model.toString(),
            "-t",
            set,
            "--max-features",
            "5"
        };
        Run run = Run.headwater(batch);
        assertEquals(1, run.code(), run.toString());
        assertTrue(run.err().contains("line 2") && run.err().contains("not valid Unicode"), run.err());
        assertTrue(run.toString().contains("2 graphs made"), run.toString());
        JsonNode tokens = BoundedJson.read(directory.resolve("out/begun.json")).at("/metadata/prompt_tokens");
        assertEquals(11, tokens.size(), tokens.toString());
        assertEquals("is", tokens.get(10).textValue());
        Run again = Run.headwater(batch);
        assertEquals(1, again.code(), again.toString());
        assertTrue(again.toString().contains("2 there already"), again.toString());
    }

    @Test
    void aTemplateThatRefusesOrIsMissingIsOneSentence() throws IOException {
        String set = trainedOn("google/gemma-3-270m-it");
        tokenizer("{{ raise_exception('no users here') }}");
        Run refused = attribute(set, "--chat", "Where is Dallas?");
        assertEquals(1, refused.code(), refused.toString());
        assertTrue(
                refused.err().contains("it refuses these messages: no users here")
                        && refused.err().lines().count() == 1,
                refused.err());
        Run missing = Run.headwater("attribute", "--chat", "Where is Dallas?", "--out", directory.toString());
        assertEquals(1, missing.code(), missing.toString());
        assertTrue(
                missing.err().contains("has no chat template")
                        && missing.err().lines().count() == 1,
                missing.err());
        assertFalse(Files.exists(directory.resolve("chat.json")));
    }
}
