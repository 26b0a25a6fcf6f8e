package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sets that other libraries wrote, against those libraries; their README says how they were made. */
class FolderSetTest {
    private static final Path SETS = Path.of("src/test/resources/sets");
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "sparsify-skip",
                "sparsify-plain",
                "sparsify-2024",
                "saelens",
                "saelens-skip",
                "saelens-jumprelu",
                "saelens-jumprelu-skip"
            })
    void activationsAndOutputsAreTheLibrarys(String name) {
        check(SETS.resolve(name), SETS.resolve(name).resolve("expected.safetensors"));
    }

    private static void check(Path place, Path expected) {
        try (var _ = TensorScope.open();
                TranscoderSet set = TranscoderSet.open(place, Device.CPU);
                SafetensorsFile file = SafetensorsFile.open(expected)) {
            assertEquals(2, set.layers());
            assertEquals(40, set.features());
            assertEquals(Optional.of("tiny/model"), set.config().modelName());
            int rows = (int) file.info("x").size(1);
            float[] inputs = file.floats("x");
            float[] activations = file.floats("activations");
            float[] outputs = file.floats("output");
            List<Tensor> x = new ArrayList<>();
            List<SparseActivations> active = new ArrayList<>();
            for (int layer = 0; layer < 2; layer++) {
                x.add(Tensor.ofFloats(part(inputs, layer), rows, 12));
                active.add(set.encode(layer, x.get(layer), 0));
                float[] dense = new float[rows * 40];
                for (int i = 0; i < active.get(layer).count(); i++) {
                    dense[
                            active.get(layer).position()[i] * 40
                                    + active.get(layer).feature()[i]] = active.get(layer)
                            .value()[i];
                }
                assertArrayEquals(part(activations, layer), dense, (float) TOLERANCE, "layer " + layer);
                int[] all = IntStream.range(0, 40).toArray();
                assertArrayEquals(dense, set.activations(layer, x.get(layer), all), (float) TOLERANCE);
                float[] pre = set.preActivations(layer, x.get(layer)).toFloats();
                int[] position = active.get(layer).position();
                int[] feature = active.get(layer).feature();
                float[] few = set.preActivations(layer, x.get(layer), position, feature);
                for (int i = 0; i < few.length; i++) {
                    assertEquals(active.get(layer).value()[i], few[i], TOLERANCE);
                    assertEquals(few[i], pre[position[i] * 40 + feature[i]], TOLERANCE);
                }
            }
            List<Tensor> written = set.reconstruct(active, x);
            for (int layer = 0; layer < 2; layer++) {
                assertArrayEquals(part(outputs, layer), written.get(layer).toFloats(), (float) TOLERANCE);
            }
        }
    }

    private static float[] part(float[] values, int half) {
        return Arrays.copyOfRange(values, half * values.length / 2, (half + 1) * values.length / 2);
    }

    /** At some positions of these sets fewer than k features are positive, so that the ReLU shows. */
    @Test
    void aReluInFrontOfTopKShows() {
        try (var _ = TensorScope.open();
                TranscoderSet set = TranscoderSet.open(SETS.resolve("sparsify-skip"), Device.CPU);
                SafetensorsFile file = SafetensorsFile.open(SETS.resolve("sparsify-skip/expected.safetensors"))) {
            assertEquals(new Activation.TopK(5, true), set.activation(0));
            Tensor x = Tensor.ofFloats(part(file.floats("x"), 0), 7, 12);
            assertTrue(set.encode(0, x, 0).count() < 35);
            assertEquals(FeatureSite.MLP_IN, set.input());
            assertEquals(FeatureSite.MLP_OUT, set.output());
        }
    }

    @Test
    void aSetOfSaeLensConvertsAndOneOfSparsifySaysWhyNot() {
        Path target = directory.resolve("by-rows");
        try (TranscoderSet set = TranscoderSet.open(SETS.resolve("saelens-skip"), Device.CPU)) {
            TranscoderConverter.convert(set, target, Progress.NONE);
        }
        check(target, SETS.resolve("saelens-skip/expected.safetensors"));
        try (TranscoderSet set = TranscoderSet.open(SETS.resolve("sparsify-2024"), Device.CPU)) {
            assertThrows(
                    UsageException.class,
                    () -> TranscoderConverter.convert(set, directory.resolve("other"), Progress.NONE));
        }
    }

    /** Whole paths are for sets that somebody put together here; what a hub sent stays in its directory. */
    @Test
    void wholePathsAreReadInSetsOfOnesOwn() throws IOException {
        Path golden = Path.of("src/test/resources/golden/llama-plt-relu-skip/transcoders")
                .toAbsolutePath();
        String config = Files.readString(golden.resolve("config.yaml")) + "\ntranscoders:\n"
                + IntStream.range(0, 4)
                        .mapToObj(layer -> "- " + golden.resolve("layer_" + layer + ".safetensors") + "\n")
                        .reduce("", String::concat);
        for (String place : List.of("own", "models--org--set/snapshots/abc")) {
            Path set = Files.createDirectories(directory.resolve(place));
            Files.writeString(set.resolve("config.yaml"), config);
            if (place.equals("own")) {
                try (TranscoderSet open = TranscoderSet.open(set, Device.CPU)) {
                    assertEquals(4, open.layers());
                }
            } else {
                assertThrows(HeadwaterException.class, () -> TranscoderSet.open(set, Device.CPU));
            }
        }
    }

    @Test
    void anOutlineKnowsItsFeatures() throws IOException {
        for (String file : List.of("sparsify-skip/layers.0.mlp/sae", "saelens/some.0/sae_weights")) {
            Path path = SETS.resolve(file + ".safetensors");
            byte[] head = Files.readAllBytes(path);
            Path set = path.getParent().getParent();
            assertEquals(
                    40,
                    SetOutline.of(set, path.toString(), head, head.length, 12).features());
        }
    }

    private void refuses(String fragment, String set, Consumer<ObjectNode> change) {
        Path copy = directory.resolve("copy");
        try (Stream<Path> files = Files.walk(SETS.resolve(set))) {
            Trees.delete(copy);
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(SETS.resolve(set).relativize(file)));
            }
            try (Stream<Path> folders = Files.list(copy)) {
                for (Path cfg : folders.map(folder -> folder.resolve("cfg.json"))
                        .filter(Files::exists)
                        .sorted()
                        .toList()) {
                    var json = (ObjectNode) BoundedJson.read(cfg);
                    change.accept(json);
                    Files.writeString(cfg, json.toString());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> TranscoderSet.open(copy, Device.CPU).close())
                .getMessage();
        assertTrue(message.contains(fragment), message);
    }

    @Test
    void whatChangesTheMathematicsIsRefusedByName() {
        refuses("autoencoder", "sparsify-skip", cfg -> cfg.put("transcode", false));
        refuses("autoencoder", "sparsify-2024", cfg -> cfg.put("skip_connection", false));
        refuses("'groupmax'", "sparsify-skip", cfg -> cfg.put("activation", "groupmax"));
        refuses("'cross_layer'", "sparsify-skip", cfg -> cfg.put("cross_layer", 4));
        refuses("'signed'", "sparsify-2024", cfg -> cfg.put("signed", true));
        refuses("no positive integer k", "sparsify-skip", cfg -> cfg.put("k", 0));
        refuses("no tensor 'W_skip'", "sparsify-plain", cfg -> cfg.put("skip_connection", true));
        refuses("there is a tensor 'W_skip'", "sparsify-skip", cfg -> cfg.put("skip_connection", false));
        refuses("not between 1 and", "sparsify-skip", cfg -> cfg.put("k", 41));
        refuses("architecture 'gated'", "saelens", cfg -> cfg.put("architecture", "gated"));
        refuses("apply_b_dec_to_input", "saelens", cfg -> cfg.put("apply_b_dec_to_input", true));
        refuses("normalize_activations: layer_norm", "saelens", cfg -> cfg.put("normalize_activations", "layer_norm"));
        refuses(
                "normalize_activations: constant_norm_rescale",
                "saelens",
                cfg -> cfg.put("normalize_activations", "constant_norm_rescale"));
        refuses("reshape_activations: hook_z", "saelens", cfg -> cfg.put("reshape_activations", "hook_z"));
        refuses("'rescale_acts_by_decoder_norm'", "saelens", cfg -> cfg.put("rescale_acts_by_decoder_norm", true));
        refuses("both need to be the model's width", "saelens", cfg -> cfg.put("d_out", 13));
        refuses("hook_name_out", "saelens", cfg -> ((ObjectNode) cfg.get("metadata")).remove("hook_name_out"));
        refuses(
                "reads at hook_resid_pre",
                "saelens",
                cfg -> ((ObjectNode) cfg.get("metadata")).put("hook_name", "blocks.0.hook_resid_pre"));
        refuses(
                "two folders for layer 0",
                "saelens",
                cfg -> ((ObjectNode) cfg.get("metadata"))
                        .put("hook_name", "blocks.0.mlp.hook_in")
                        .put("hook_name_out", "blocks.0.mlp.hook_out"));
        refuses("'threshold'", "saelens", cfg -> cfg.put("architecture", "jumprelu_transcoder"));
    }

    @Test
    void aLayerThatIsMissingOrOfAnotherModuleIsTold() throws IOException {
        Path copy = Files.createDirectories(directory.resolve("set/layers.1.mlp"));
        Files.copy(SETS.resolve("sparsify-skip/layers.1.mlp/cfg.json"), copy.resolve("cfg.json"));
        assertTrue(refusal(copy).contains("none for layer 0"), refusal(copy));
        Path attention = Files.createDirectories(directory.resolve("set/layers.0.self_attn"));
        Files.copy(SETS.resolve("sparsify-skip/layers.1.mlp/cfg.json"), attention.resolve("cfg.json"));
        assertTrue(refusal(copy).contains("'layers.0.self_attn'"), refusal(copy));
    }

    private static String refusal(Path folder) {
        return assertThrows(HeadwaterException.class, () -> TranscoderConfig.read(folder.getParent()))
                .getMessage();
    }
}
