package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Small random checkpoints of many families, against logits of the unmodified Python library in float64. */
class FamilyTest {
    private static final Path RESOURCES = Path.of("src/test/resources");

    @TempDir
    Path temp;

    private static float[] logits(Path model, int[] tokens) {
        try (LanguageModel loaded = LanguageModel.load(model, DType.F32, Device.CPU);
                Trace trace = loaded.forward(tokens, new TraceRequest(Set.of(), false, Logits.ALL))) {
            return trace.logits().toFloats();
        }
    }

    private static int[] tokens(Path directory) {
        JsonNode ids = BoundedJson.read(directory.resolve("case.json")).get("token_ids");
        return StreamSupport.stream(ids.spliterator(), false)
                .mapToInt(JsonNode::intValue)
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gpt_neox", "granite", "mistral", "olmo2", "phi3", "qwen2", "smollm3"})
    void logitsAreTheLibrarys(String family) {
        Path directory = RESOURCES.resolve("golden-families").resolve(family);
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("golden.safetensors"))) {
            assertArrayEquals(
                    expected.floats("logits"), logits(directory.resolve("model"), tokens(directory)), 1e-4f, family);
        }
    }

    static Stream<String> tiny() throws IOException {
        try (Stream<Path> directories = Files.list(RESOURCES.resolve("families"))) {
            return directories
                    .filter(Files::isDirectory)
                    .map(path -> path.getFileName().toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    /** The checkpoint, and what llama.cpp's converter makes of it. */
    @ParameterizedTest
    @MethodSource("tiny")
    void logitsOfOtherShapesAndSettingsAreTheLibrarys(String name) {
        Path directory = RESOURCES.resolve("families").resolve(name);
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
            int[] ids = expected.data("ids").toArray(ValueLayout.JAVA_INT);
            assertArrayEquals(expected.floats("logits"), logits(directory, ids), 1e-4f, name);
            if (Files.exists(directory.resolve("model.gguf"))) {
                assertArrayEquals(
                        expected.floats("logits"),
                        logits(directory.resolve("model.gguf"), ids),
                        1e-4f,
                        name + " from GGUF");
            }
        }
    }

    /** Each position from a cache, and prompts side by side, give what one pass over a prompt gives. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt_neox", "olmo2", "phi3", "smollm3", "granite"})
    void tokensMayComeOneByOne(String family) {
        Path directory = RESOURCES.resolve("golden-families").resolve(family);
        int[] tokens = tokens(directory);
        try (LanguageModel model = LanguageModel.load(directory.resolve("model"), DType.F32, Device.CPU);
                KvCache cache = model.cache(tokens.length);
                Trace whole =
                        model.forward(tokens, new TraceRequest(EnumSet.allOf(FeatureSite.class), true, Logits.LAST))) {
            for (int p = 0; p < tokens.length; p++) {
                Trace last = model.forward(new int[] {tokens[p]}, TraceRequest.LAST_LOGITS, Hooks.NONE, cache);
                if (p == tokens.length - 1) {
                    assertArrayEquals(whole.logits().toFloats(), last.logits().toFloats(), 1e-4f, family);
                }
                last.close();
            }
            try (SafetensorsFile stored = SafetensorsFile.open(directory.resolve("model/model.safetensors"))) {
                long numbers = stored.names().stream()
                        .mapToLong(name -> stored.info(name).elements())
                        .sum();
                assertEquals(numbers, model.config().parameters(), family);
            }
        }
    }

    @Test
    void yarnTakesItsMagnitudeFromBothScales() throws IOException {
        Path directory = RESOURCES.resolve("cases/yarn-mscale");
        int[] tokens = {315, 47, 272, 265, 283, 281, 272, 100, 101, 7, 12, 90, 31, 200, 44, 3};
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
            assertArrayEquals(expected.floats("logits"), logits(directory.resolve("model"), tokens), 5e-5f);
            ObjectNode config = (ObjectNode) BoundedJson.read(directory.resolve("model/config.json"));
            ((ObjectNode) config.get("rope_scaling")).put("mscale", 0.707);
            Files.writeString(temp.resolve("config.json"), config.toString());
            Files.copy(directory.resolve("model/model.safetensors"), temp.resolve("model.safetensors"));
            assertArrayEquals(expected.floats("logits_mscale_0.707"), logits(temp, tokens), 5e-5f);
        }
    }

    @Test
    void aModelSavedWithoutItsHeadGoesByItsType() {
        Path directory = RESOURCES.resolve("cases/architectures-of-the-base-model");
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
            assertArrayEquals(
                    expected.floats("logits"),
                    logits(directory.resolve("gpt2-model"), new int[] {399, 325, 265, 283, 356, 12, 13, 90}),
                    5e-5f);
        }
    }

    /** Written by llama.cpp's own converter. */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "qwen3-plt-jumprelu", "gpt2-plt-relu"})
    void ggufFilesGiveTheSameLogits(String name) {
        GoldenCase golden = GoldenCase.of(name);
        assertArrayEquals(
                golden.floats("logits"),
                logits(RESOURCES.resolve("golden-gguf/" + name + ".gguf"), golden.tokens()),
                1e-4f,
                name);
    }
}
