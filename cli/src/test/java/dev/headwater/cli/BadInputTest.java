package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every bad input: one clear sentence on standard error, exit code 2 or 1, no stack trace, nothing written. */
class BadInputTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";
    private static final int USAGE = 2;
    private static final int FAILURE = 1;

    @TempDir
    private Path directory;

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--node-threshold 1.5    | --node-threshold is 1.5",
                "--node-threshold -0.1   | --node-threshold is -0.1",
                "--node-threshold NaN    | --node-threshold is NaN",
                "--node-threshold some   | 'some' is not a double",
                "--edge-threshold 2      | --edge-threshold is 2.0",
                "--edge_threshold=-1     | --edge-threshold is -1.0",
                "--logit-prob 0          | --logit-prob is 0.0",
                "--logit-prob 1.01       | --logit-prob is 1.01",
                "--max-logits 0          | --max-logits is 0",
                "--max_n_logits 0        | --max-logits is 0",
                "--max-features -1       | --max-features is -1",
                "--max-features 99999999999 | '99999999999' is not an int",
                "--batch-size 0          | --batch-size is 0",
                "--update-interval 0     | --update-interval is 0",
                "--memory -1             | --memory is -1.0",
                "--threads 0             | --threads is 0",
                "--top -1                | --top is -1",
                "--dtype int8            | --dtype is 'int8'",
                "--products bf16         | --products is 'bf16'",
                "--dtype bfloat16 --products bf16x6 | products in bf16x6 need dtype float32",
                "--device gpu            | --device is 'gpu'",
                "--slug ../escape        | '../escape' cannot name a graph",
                "--slug graph-metadata   | 'graph-metadata' cannot name a graph",
                "--model somewhere       | --model is given without --transcoders",
                "--no-such-option        | Unknown option: '--no-such-option'",
                "--out                   | Missing required parameter for option '--out'",
                "--token-ids 1,2         | The prompt is given more than once",
                "--prompt twice          | The prompt is given more than once",
            })
    void optionsOutOfTheirRange(String options, String reason) throws IOException {
        refused(
                USAGE,
                reason,
                Stream.concat(Stream.of("attribute", PROMPT), Stream.of(options.split(" ")))
                        .toArray(String[]::new));
    }

    @Test
    void commandsThatAreNone() throws IOException {
        assertAll(
                () -> refused(USAGE, "atribute", "atribute", PROMPT),
                () -> refused(USAGE, "No prompt is given", "attribute"),
                () -> refused(USAGE, "The prompt is empty", "attribute", ""),
                () -> refused(
                        USAGE,
                        "The prompt came as 3 arguments; put it in quotes",
                        "attribute",
                        "three",
                        "separate",
                        "words"),
                () -> refused(USAGE, "Missing required parameter: 'FILE'", "graph"));
        Run bare = Run.headwater();
        assertEquals(USAGE, bare.code());
        assertTrue(bare.out().contains("attribute"), bare.out());
    }

    @Test
    void promptsThatCannotBeRead() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.txt"), "\n");
        Path latin = Files.write(directory.resolve("latin.txt"), "été".getBytes(StandardCharsets.ISO_8859_1));
        assertAll(
                () -> refused(USAGE, "The prompt is empty", "attribute", "--prompt-file", empty.toString()),
                () -> refused(FAILURE, "is not text in UTF-8", "attribute", "--prompt-file", latin.toString()),
                () -> refused(
                        FAILURE,
                        "There is no file",
                        "attribute",
                        "--prompt-file",
                        directory.resolve("none").toString()),
                () -> refused(FAILURE, "There is no file", "attribute", "--token-ids", "@" + directory.resolve("none")),
                // Which would be read for ever.
                () -> refused(FAILURE, "/dev/zero is no regular file", "attribute", "--prompt-file", "/dev/zero"),
                () -> refused(FAILURE, "/dev/zero is no regular file", "attribute", "--token-ids", "@/dev/zero"),
                () -> refused(
                        FAILURE,
                        "/dev/zero is no regular file",
                        "batch",
                        "/dev/zero",
                        "--out",
                        directory.resolve("out").toString()),
                () -> refused(USAGE, "'x' in --token-ids is not a token id", "attribute", "--token-ids", "1,x"),
                () -> refused(USAGE, "'-5' in --token-ids is not a token id", "attribute", "--token-ids=-5"),
                () -> refused(
                        USAGE,
                        "token 999999 at position 1 is not one of the model's",
                        "attribute",
                        "--token-ids",
                        "1,999999"),
                () -> refused(USAGE, "128", "attribute", "-p", "word ".repeat(200)));
    }

    @Test
    void outputThatCannotBeWritten() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");
        Files.createDirectory(directory.resolve("taken.json"));
        assertAll(
                () -> refused(FAILURE, "is not a directory", "attribute", PROMPT, "--out", file.toString()),
                () -> refused(
                        FAILURE,
                        "is not a directory",
                        "attribute",
                        PROMPT,
                        "--out",
                        file.resolve("below").toString()),
                () -> refused(
                        FAILURE,
                        "it is a directory",
                        "attribute",
                        PROMPT,
                        "--out",
                        directory.toString(),
                        "--slug",
                        "taken"),
                () -> refused(
                        FAILURE,
                        "its directory does not exist",
                        "attribute",
                        PROMPT,
                        "--raw",
                        directory.resolve("no/raw.safetensors").toString()),
                () -> refused(FAILURE, "it is a directory", "attribute", PROMPT, "--raw", directory.toString()));
    }

    @Test
    void modelsThatAreNotThere() throws IOException {
        Path empty = Files.createDirectory(directory.resolve("empty"));
        assertAll(
                () -> refused(FAILURE, "/no/such/place", attribute("/no/such/place", "atlas-plt")),
                () -> refused(FAILURE, "/no/such/place", attribute("atlas", "/no/such/place")),
                () -> refused(FAILURE, empty.toString(), attribute(empty.toString(), "atlas-plt")),
                () -> refused(FAILURE, "config.yaml", attribute("atlas", empty.toString())));
    }

    @Test
    void modelsThatAreBroken() throws IOException {
        String unknown = changed(
                "atlas",
                "config.json",
                text -> text.replace("LlamaForCausalLM", "FlubberForCausalLM").replace("\"llama\"", "\"flubber\""));
        String shape =
                changed("atlas", "config.json", text -> text.replace("\"hidden_size\": 192", "\"hidden_size\": 96"));
        String cut = truncated("atlas", "model.safetensors");
        String lying = lying("atlas", "model.safetensors");
        assertAll(
                () -> refused(FAILURE, "FlubberForCausalLM", attribute(unknown, "atlas-plt")),
                () -> refused(FAILURE, "", attribute(shape, "atlas-plt")),
                () -> refused(FAILURE, "model.safetensors", attribute(cut, "atlas-plt")),
                () -> refused(FAILURE, "model.safetensors", attribute(lying, "atlas-plt")));
    }

    @Test
    void transcodersThatAreBrokenOrBelongToAnotherModel() throws IOException {
        String cut = truncated("atlas-plt", "layer_3.safetensors");
        String lying = lying("atlas-plt", "layer_0.safetensors");
        String fewer = changed("atlas-plt", "config.yaml", UnaryOperator.identity());
        Files.delete(Path.of(fewer, "layer_5.safetensors"));
        String site = changed("atlas-plt", "config.yaml", text -> text.replace("mlp.hook_in", "mlp.hook_nowhere"));
        assertAll(
                () -> refused(FAILURE, "layer_3.safetensors", attribute("atlas", cut)),
                () -> refused(FAILURE, "layer_0.safetensors", attribute("atlas", lying)),
                () -> refused(FAILURE, "5", attribute("atlas", fewer)),
                () -> refused(FAILURE, "mlp.hook_nowhere", attribute("atlas", site)));
    }

    @Test
    void graphsThatAreNone() throws IOException {
        Path text = Files.writeString(directory.resolve("text.safetensors"), "this is not a graph at all");
        Path weights = BundledModel.directory("atlas-plt").resolve("layer_0.safetensors");
        assertAll(
                () -> refused(
                        FAILURE,
                        "none.safetensors",
                        "graph",
                        directory.resolve("none.safetensors").toString()),
                () -> refused(FAILURE, "text.safetensors", "graph", text.toString()),
                () -> refused(FAILURE, "layer_0.safetensors", "graph", weights.toString()),
                () -> refused(USAGE, "--node-threshold", "graph", weights.toString(), "--node-threshold", "7"),
                () -> refused(USAGE, "nothing to do", "graph", weights.toString(), "--info", "--quiet"));
    }

    @Test
    void verboseAddsTheStackTrace() {
        Run run = Run.headwater("attribute", PROMPT, "-m", "/no/such/place", "-t", "atlas-plt", "--verbose");
        assertEquals(FAILURE, run.code());
        assertTrue(run.err().contains("\tat dev.headwater."), run.err());
    }

    private String[] attribute(String model, String transcoders) {
        return new String[] {"attribute", PROMPT, "-m", model, "-t", transcoders};
    }

    /** Runs with its own output directory, unless one is given, and looks at everything that a refusal should be. */
    private void refused(int code, String reason, String... args) throws IOException {
        Path out = Files.createTempDirectory(directory, "out");
        boolean named = List.of(args).contains("--out");
        Run run = Run.headwater(
                named || args.length == 0 || !List.of("attribute", "graph").contains(args[0])
                        ? args
                        : Stream.concat(
                                        Stream.of(args[0], "--out=" + out),
                                        Stream.of(args).skip(1))
                                .toArray(String[]::new));
        String all = String.join(" ", args) + ": " + run;
        assertEquals(code, run.code(), all);
        assertEquals("", run.out(), all);
        List<String> lines = run.err().lines().toList();
        assertTrue(
                lines.getFirst().startsWith("headwater: ") && lines.getFirst().matches(".*[.!?]"), all);
        assertTrue(lines.getFirst().contains(reason), "expected '" + reason + "' in " + all);
        assertTrue(lines.size() <= (code == USAGE ? 3 : 1), all);
        assertFalse(run.err().contains("Exception") || run.err().contains("\tat "), all);
        try (Stream<Path> files = Files.walk(out)) {
            assertEquals(List.of(out), files.toList(), all);
        }
    }

    private String changed(String bundled, String file, UnaryOperator<String> change) throws IOException {
        Path copy = copy(bundled);
        String before = Files.readString(copy.resolve(file));
        Files.writeString(copy.resolve(file), change.apply(before));
        return copy.toString();
    }

    private String truncated(String bundled, String file) throws IOException {
        Path copy = copy(bundled);
        byte[] content = Files.readAllBytes(copy.resolve(file));
        Files.write(copy.resolve(file), java.util.Arrays.copyOf(content, content.length / 2));
        return copy.toString();
    }

    /** A safetensors file whose first eight bytes promise a header of 2^62 bytes. */
    private String lying(String bundled, String file) throws IOException {
        Path copy = copy(bundled);
        byte[] content = Files.readAllBytes(copy.resolve(file));
        ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 1L << 62);
        Files.write(copy.resolve(file), content);
        return copy.toString();
    }

    private Path copy(String bundled) throws IOException {
        Path copy = Files.createTempDirectory(directory, bundled);
        try (Stream<Path> files = Files.list(BundledModel.directory(bundled))) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName().toString()));
            }
        }
        return copy;
    }
}
