package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.BoundedYaml;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One row for each way in which a file can lie, with the part of the error that names it. */
class HostileFilesTest {
    @TempDir
    Path directory;

    record Case(String name, String file, byte[] content, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    @ParameterizedTest
    @MethodSource({
        "dev.headwater.engine.weights.HostileSafetensors#safetensors",
        "dev.headwater.engine.weights.HostileArrays#npz",
        "json",
        "yaml"
    })
    void givesOneClearError(Case hostile) throws IOException {
        Path file = Files.write(directory.resolve(hostile.file()), hostile.content());
        String message = assertThrows(HeadwaterException.class, () -> readAll(file), hostile.name())
                .getMessage();
        assertTrue(message.contains(hostile.message()), () -> hostile.name() + ": " + message);
        assertTrue(message.contains(file.toString()), () -> "the file is named: " + message);
        assertFalse(message.chars().anyMatch(Character::isISOControl), () -> "one line: " + message);
        assertTrue(message.length() < 600, () -> "short: " + message.length());
    }

    static void readAll(Path file) {
        String name = file.getFileName().toString();
        if (name.endsWith(".index.json")) {
            Checkpoint.open(file.getParent()).close();
        } else if (name.endsWith(".json")) {
            BoundedJson.read(file);
        } else if (name.endsWith(".yaml")) {
            BoundedYaml.read(file);
        } else {
            try (WeightFile weights = name.endsWith(".npz") ? NpzFile.open(file) : SafetensorsFile.open(file)) {
                weights.names().forEach(weights::finiteFloats);
            }
        }
    }

    private static Case json(String name, String text, String message) {
        return new Case("json: " + name, "config.json", text.getBytes(StandardCharsets.UTF_8), message);
    }

    private static Case index(String name, String text, String message) {
        return new Case(
                "index: " + name, "model.safetensors.index.json", text.getBytes(StandardCharsets.UTF_8), message);
    }

    static Stream<Case> json() {
        return Stream.of(
                json("empty", "", "holds no JSON object"),
                json("list", "[1]", "holds no JSON object"),
                json("cut", "{\"a\":", "is not valid JSON (line 1"),
                json("deep", "[".repeat(100_000), "nesting depth"),
                json("duplicate key", "{\"a\":1,\"a\":2}", "Duplicate field 'a'"),
                json("number of a million digits", "{\"a\":" + "1".repeat(1_000_000) + "}", "Number value length"),
                json("something after it", "{} x", "is not valid JSON"),
                json("too large", "{\"a\":\"" + "x".repeat(17 << 20) + "\"}", "is too large to be read as JSON"),
                index("no weight_map", "{}", "has no weight_map object"),
                index(
                        "traversal",
                        "{\"weight_map\":{\"a\":\"../a.safetensors\"}}",
                        "which is not the plain name of a safetensors file"),
                index(
                        "pickle",
                        "{\"weight_map\":{\"a\":\"pytorch_model-00001-of-00002.bin\"}}",
                        "which is not the plain name of a safetensors file"),
                index(
                        "missing shard",
                        "{\"weight_map\":{\"a\":\"a-1.safetensors\"}}",
                        "which is missing; the download may be incomplete"),
                index("deep", "{\"weight_map\":" + "{\"a\":".repeat(1000), "nesting depth"));
    }

    private static Case yaml(String name, String text, String message) {
        return new Case("yaml: " + name, "config.yaml", text.getBytes(StandardCharsets.UTF_8), message);
    }

    static Stream<Case> yaml() {
        StringBuilder laughs = new StringBuilder("a0: &a0 [lol, lol]\n");
        for (int i = 1; i < 30; i++) {
            laughs.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
        }
        return Stream.of(
                yaml("empty", "", "holds no YAML mapping"),
                yaml("list", "- a\n- b\n", "holds no YAML mapping"),
                yaml("text", "hello", "holds no YAML mapping"),
                yaml("two documents", "a: 1\n---\nb: 2\n", "is not valid YAML"),
                yaml("malformed", "a: [1, 2\nb: }", "is not valid YAML (line 2)"),
                yaml("tab", "a:\n\t- b", "is not valid YAML (line 2)"),
                yaml("billion laughs", laughs.toString(), "it uses more than 8 aliases"),
                yaml("endless alias", "a: &a [*a]\n", "its aliases nest more than 32 deep"),
                yaml("unknown anchor", "a: *b\n", "is not valid YAML"),
                yaml("constructor tag", "a: !!javax.script.ScriptEngineManager [x]\n", "is not plain data"),
                yaml(
                        "python tag",
                        "a: !!python/object/apply:os.system ['x']\n",
                        "the tag tag:yaml.org,2002:python/object/apply:os.system is not plain data"),
                yaml("local tag", "a: !env HOME\n", "is refused (line 1): the tag !env is not plain data"),
                yaml("deep flow", "a: " + "[".repeat(100_000), "nested more than 32 deep"),
                yaml(
                        "deep block",
                        "a:\n"
                                + Stream.iterate(1, i -> i + 1)
                                        .limit(200)
                                        .map(i -> " ".repeat(i) + "a:\n")
                                        .reduce("", String::concat),
                        "nested more than 32 deep"),
                yaml("duplicate key", "a: 1\na: 2\n", "is not valid YAML"),
                yaml("duplicate key in two spellings", "1: a\n'1': b\n", "has the key '1' twice"),
                yaml("null key", "~: a\n", "has a key that is not a text"),
                yaml("collection as key", "? [a]\n: b\n", "has a key that is not a text"),
                yaml(
                        "number of a million digits",
                        "k: " + "1".repeat(1_000_000),
                        "is refused (line 1): a number has 1000000 digits"),
                yaml("too long", "k: \"" + "x".repeat(2_000_000) + "\"", "is not valid YAML"),
                yaml("too large", "k: \"" + "x".repeat(5_000_000) + "\"", "is too large to be read as YAML"),
                new Case(
                        "yaml: no UTF-8",
                        "config.yaml",
                        new byte[] {'a', ':', ' ', (byte) 0xff, (byte) 0xfe},
                        "it is not UTF-8 text"),
                new Case(
                        "yaml: control characters",
                        "config.yaml",
                        new byte[] {'a', ':', ' ', 0, 1},
                        "is not valid YAML"));
    }
}
