package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.transcoder.TinySet.Data;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Sets that are wrong, and the one sentence each is answered with; DIR stands for the set's directory. */
class HostileSetsTest {
    @TempDir
    Path directory;

    private final List<DynamicTest> tests = new ArrayList<>();

    private void expect(String name, TinySet set, String message) {
        tests.add(DynamicTest.dynamicTest(name, () -> {
            Path written = set.write();
            var failure = assertThrows(
                    HeadwaterException.class,
                    () -> TranscoderSet.open(written, Device.CPU).close());
            assertEquals(message.replace("DIR", written.toString()), failure.getMessage());
        }));
    }

    private Path next() {
        return directory.resolve("set-" + tests.size());
    }

    /** A set of two layers with six features of width four, changed. */
    private TinySet perLayer(UnaryOperator<TinySet> change) {
        return change.apply(TinySet.perLayer(next(), 2, 6, 4));
    }

    private TinySet crossLayer(UnaryOperator<TinySet> change) {
        return change.apply(TinySet.crossLayer(next(), 2, 6, 4));
    }

    private TinySet config(String text) {
        return perLayer(set -> set.config(text));
    }

    private static Data zeros(DType type, long... shape) {
        long bytes = type.bytes();
        for (long size : shape) {
            bytes *= size;
        }
        return new Data(type, shape, MemorySegment.ofArray(new byte[(int) bytes]));
    }

    private static Data floats(long... shape) {
        return zeros(DType.F32, shape);
    }

    @TestFactory
    List<DynamicTest> configurations() {
        String sound = TinySet.PER_LAYER;
        expect("empty", config(""), "DIR/config.yaml holds no YAML mapping");
        expect(
                "no kind",
                config(sound.replaceAll("model_kind.*\n", "")),
                "DIR/config.yaml has no model_kind; it should be one of transcoder_set, cross_layer_transcoder");
        expect(
                "unknown kind",
                config(sound.replace("transcoder_set", "crosscoder")),
                "DIR/config.yaml: model_kind 'crosscoder' is not one of transcoder_set, cross_layer_transcoder");
        expect(
                "no input hook",
                config(sound.replaceAll("feature_input.*\n", "")),
                "DIR/config.yaml has no feature_input_hook; it should be one of hook_resid_mid, ln2.hook_normalized, mlp.hook_in");
        expect(
                "unknown input hook",
                config(sound.replace("mlp.hook_in", "hook_z")),
                "DIR/config.yaml: feature_input_hook 'hook_z' is not one of hook_resid_mid, ln2.hook_normalized, mlp.hook_in");
        expect(
                "an output as input",
                config(sound.replace("mlp.hook_in", "hook_mlp_out")),
                "DIR/config.yaml: feature_input_hook 'hook_mlp_out' is not one of hook_resid_mid, ln2.hook_normalized, mlp.hook_in");
        expect(
                "unknown output hook",
                config(sound.replace("mlp.hook_out", "resid_post")),
                "DIR/config.yaml: feature_output_hook 'resid_post' is not one of mlp.hook_out, hook_mlp_out");
        expect(
                "a hook that is a list",
                config(sound.replace("mlp.hook_out", "[a]")),
                "DIR/config.yaml: feature_output_hook is not a text");
        expect(
                "unknown activation",
                config(sound + "activation: gelu\n"),
                "DIR/config.yaml: activation 'gelu' is not one of relu, jump_relu, topk");
        expect(
                "unknown loader",
                config(sound + "special_load_fn: os.system\n"),
                "DIR/config.yaml: special_load_fn 'os.system' is not one of gemma-scope, gemma-scope-2");
        expect(
                "negative k",
                config(sound + "activation: topk\nk: -3\n"),
                "DIR/config.yaml: k is not a positive integer");
        expect(
                "huge k",
                config(sound + "activation: topk\nk: 99999999999\n"),
                "DIR/config.yaml: k is not a positive integer");
        expect(
                "k that is a text",
                config(sound + "activation: topk\nk: many\n"),
                "DIR/config.yaml: k is not a positive integer");
        expect(
                "no k",
                config(sound + "activation: topk\n"),
                "DIR/config.yaml says activation topk, but gives no k, and DIR/layer_0.safetensors has no tensor 'k'; "
                        + "write the number into the file, as in \"k: 128\"");
        expect(
                "k beyond the features",
                config(sound + "activation: topk\nk: 7\n"),
                "k = 7 is not between 1 and the 6 features of DIR/layer_0.safetensors");
        expect(
                "jump_relu without thresholds",
                config(sound + "activation: jump_relu\n"),
                "DIR/config.yaml says activation jump_relu, but DIR/layer_0.safetensors holds no 'activation_function.threshold'");
        expect(
                "a map of transcoders",
                config(sound + "transcoders: {0: layer_0.safetensors}\n"),
                "DIR/config.yaml: transcoders is not a list of paths, one a layer (at most 1024)");
        expect(
                "an empty list of transcoders",
                config(sound + "transcoders: []\n"),
                "DIR/config.yaml: transcoders is not a list of paths, one a layer (at most 1024)");
        expect(
                "too many transcoders",
                config(sound + "transcoders:\n" + "- layer_0.safetensors\n".repeat(1025)),
                "DIR/config.yaml: transcoders is not a list of paths, one a layer (at most 1024)");
        expect(
                "traversal",
                config(sound + "transcoders: [../set-0/layer_0.safetensors]\n"),
                "DIR/config.yaml lists '../set-0/layer_0.safetensors', which is not a path inside the set's directory");
        expect(
                "hidden traversal",
                config(sound + "transcoders: [a/../../x.npz]\n"),
                "DIR/config.yaml lists 'a/../../x.npz', which is not a path inside the set's directory");
        expect(
                "absolute path",
                config(sound + "transcoders: [/nowhere/layer_0.safetensors]\n"),
                "DIR/config.yaml lists /nowhere/layer_0.safetensors for layer 0, but there is no such file");
        expect(
                "the directory itself",
                config(sound + "transcoders: [.]\n"),
                "DIR/config.yaml lists '.', which is not a path inside the set's directory");
        expect(
                "a path with a NUL",
                config(sound + "transcoders: [\"a\\0b\"]\n"),
                "DIR/config.yaml lists 'a?b', which is not a path inside the set's directory");
        expect(
                "a listed file that is missing",
                config(sound + "transcoders: [layer_0.safetensors, gone.npz]\n"),
                "DIR/config.yaml lists gone.npz for layer 1, but there is no such file");
        expect(
                "a reference that is not fetched",
                config(sound + "transcoders: [hf://org/repo/x.npz]\n"),
                "DIR refers to hf://org/repo/x.npz, which has to be fetched first");
        expect(
                "a cross-layer list of other files",
                crossLayer(set ->
                        set.config(TinySet.CROSS_LAYER + "transcoders: [W_enc_0.safetensors, W_enc_1.safetensors]\n")),
                "DIR/W_enc_0.safetensors has no tensor 'w_enc', which each file listed under transcoders of a cross-layer set needs; sets of W_enc_i and W_dec_i files list none");
        expect(
                "the other kind",
                perLayer(set -> set.config(TinySet.CROSS_LAYER)),
                "DIR holds no weights: for model_kind cross_layer_transcoder without a list of transcoders, W_enc_0.safetensors is expected there");
        return tests;
    }

    @TestFactory
    List<DynamicTest> tensors() {
        String first = "layer_0.safetensors";
        String second = "layer_1.safetensors";
        expect(
                "no encoder",
                perLayer(set -> set.remove(second, "W_enc")),
                "There is no tensor 'W_enc' in DIR/layer_1.safetensors; it holds b_enc, W_dec, b_dec");
        expect(
                "no decoder bias",
                perLayer(set -> set.remove(first, "b_dec")),
                "There is no tensor 'b_dec' in DIR/layer_0.safetensors; it holds W_dec, b_enc, W_enc");
        expect(
                "an encoder that is turned",
                perLayer(set -> set.put(first, "W_enc", floats(4, 6))),
                "DIR/layer_0.safetensors: tensor 'W_enc' has shape [4, 6], not [6, 4], as the biases have it");
        expect(
                "a decoder for more features",
                perLayer(set -> set.put(first, "W_dec", floats(7, 4))),
                "DIR/layer_0.safetensors: tensor 'W_dec' has shape [7, 4], not [6, 4], as the biases have it");
        expect(
                "a decoder of higher rank",
                perLayer(set -> set.put(first, "W_dec", floats(6, 2, 2))),
                "DIR/layer_0.safetensors: tensor 'W_dec' has shape [6, 2, 2], not [6, 4], as the biases have it");
        expect(
                "a bias that is a matrix",
                perLayer(set -> set.put(first, "b_enc", floats(1, 6))),
                "DIR/layer_0.safetensors: tensor 'b_enc' has shape [1, 6], not a vector");
        expect(
                "no features",
                perLayer(set -> set.put(first, "b_enc", floats(0))),
                "DIR/layer_0.safetensors: 'b_enc' and 'b_dec' say that the transcoder has 0 features of width 4, which cannot be");
        expect(
                "an encoder of integers",
                perLayer(set -> set.put(first, "W_enc", zeros(DType.I8, 6, 4))),
                "DIR/layer_0.safetensors: tensor 'W_enc' holds I8, but F32, BF16, F16, F64 is needed here");
        expect(
                "a bias of integers",
                perLayer(set -> set.put(first, "b_enc", zeros(DType.I64, 6))),
                "Tensor 'b_enc' in DIR/layer_0.safetensors holds I64, but floating-point numbers are needed here");
        expect(
                "NaN in a bias",
                perLayer(set -> set.put(first, "b_dec", Data.of(new float[] {0, Float.NaN, 0, 0}, 4))),
                "Tensor 'b_dec' in DIR/layer_0.safetensors holds 1 values of 4 that are NaN or infinite (the first at element 1); the file is damaged or was saved from a failed training run");
        expect(
                "infinite threshold",
                perLayer(set -> set.put(
                        first,
                        "activation_function.threshold",
                        Data.of(new float[] {0, 0, 0, 0, 0, Float.POSITIVE_INFINITY}, 6))),
                "Tensor 'activation_function.threshold' in DIR/layer_0.safetensors holds 1 values of 6 that are NaN or infinite (the first at element 5); the file is damaged or was saved from a failed training run");
        expect(
                "too few thresholds",
                perLayer(set -> set.put(first, "activation_function.threshold", floats(1))),
                "DIR/layer_0.safetensors: tensor 'activation_function.threshold' has shape [1], not [6]");
        expect(
                "thresholds under another name",
                perLayer(set -> set.put(first, "log_thresholds", floats(6))),
                "DIR/layer_0.safetensors holds 'log_thresholds', but thresholds of this layout are called 'activation_function.threshold'");
        expect(
                "thresholds against config",
                perLayer(set -> set.put(first, "activation_function.threshold", floats(6))
                        .config(TinySet.PER_LAYER + "activation: relu\n")),
                "DIR/config.yaml says activation relu, but DIR/layer_0.safetensors holds thresholds, which make it jump_relu");
        expect(
                "a skip of another width",
                perLayer(set -> set.put(second, "W_skip", floats(4, 6))),
                "DIR/layer_1.safetensors: tensor 'W_skip' has shape [4, 6], not [4, 4], as the biases have it");
        expect(
                "a k of several numbers",
                perLayer(set -> set.put(first, "k", Data.of(1, 2))),
                "DIR/layer_0.safetensors: tensor 'k I64[2]' is not one number");
        expect(
                "a k of zero",
                perLayer(set -> set.put(first, "k", Data.of(0))),
                "k = 0 is not between 1 and the 6 features of DIR/layer_0.safetensors");
        expect(
                "a k beyond integers",
                perLayer(set -> set.put(first, "k", Data.of(Long.MAX_VALUE))),
                "k = 9223372036854775807 is not between 1 and the 6 features of DIR/layer_0.safetensors");
        expect(
                "layers of different size",
                perLayer(set -> {
                    set.files.put(
                            second, TinySet.perLayer(next(), 1, 5, 4).files.get(first));
                    return set;
                }),
                "All layers of a set need the same size, but DIR/layer_0.safetensors has 6 features of width 4 and DIR/layer_1.safetensors has 5 of width 4");
        expect(
                "a layer that is missing",
                perLayer(set -> {
                    set.files.put("layer_3.safetensors", set.files.get(second));
                    return set;
                }),
                "DIR has layer_3.safetensors but not layer_2.safetensors; the download may be incomplete");
        expect(
                "no layer at all",
                new TinySet(next(), TinySet.PER_LAYER),
                "DIR holds no weights: for model_kind transcoder_set without a list of transcoders, layer_0.safetensors is expected there");
        expect(
                "a layer far out",
                perLayer(set -> {
                    set.files.put("layer_9999.safetensors", set.files.get(second));
                    return set;
                }),
                "DIR has layer_9999.safetensors but not layer_2.safetensors; the download may be incomplete");
        expect(
                "a cross-layer decoder for too few layers",
                crossLayer(set -> set.put("W_dec_0.safetensors", "W_dec_0", floats(6, 1, 4))),
                "DIR/W_dec_0.safetensors: tensor 'W_dec_0' has shape [6, 1, 4], not [6, 2, 4], as the biases have it");
        expect(
                "a cross-layer decoder that is missing",
                crossLayer(set -> {
                    set.files.remove("W_dec_1.safetensors");
                    return set;
                }),
                "There is no file DIR/W_dec_1.safetensors");
        expect(
                "a file of another layer",
                crossLayer(set -> {
                    set.files.put("W_enc_1.safetensors", set.files.get("W_enc_0.safetensors"));
                    return set;
                }),
                "There is no tensor 'b_enc_1' in DIR/W_enc_1.safetensors; it holds b_enc_0, W_enc_0, b_dec_0");
        return tests;
    }

    @TestFactory
    List<DynamicTest> directories() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "x");
        Path bare = Files.createDirectory(directory.resolve("bare"));
        Path damaged = TinySet.perLayer(directory.resolve("damaged"), 1, 6, 4).write();
        Files.write(damaged.resolve("layer_0.safetensors"), new byte[] {-1, -1, -1, -1, -1, -1, -1, 127, '{'});
        Path text = new TinySet(directory.resolve("text"), TinySet.PER_LAYER + "transcoders: [weights.npz]\n").write();
        Files.writeString(text.resolve("weights.npz"), "not an archive");
        return List.of(
                refused("no directory", directory.resolve("none"), "There is no transcoder set DIR"),
                refused("a file", file, "DIR is a file, but the directory of a transcoder set is needed here"),
                refused(
                        "no config.yaml",
                        bare,
                        "DIR is no transcoder set: it has neither a config.yaml nor folders with a cfg.json for each layer"),
                refused("a damaged safetensors file", damaged, "DIR/layer_0.safetensors is not a safetensors file: "),
                refused("an npz file that is none", text, "DIR/weights.npz is not a sound npz file: "));
    }

    /** Bytes of a small sound set changed at random: it opens and works, or is answered with a sentence. */
    @Test
    void mutatedSetsNeverCrash() throws IOException {
        Random random = new Random(20);
        int rounds = 600;
        int used = 0;
        List<Path> sound = List.of(
                TinySet.perLayer(directory.resolve("plt"), 1, 6, 4)
                        .put("layer_0.safetensors", "k", Data.of(2))
                        .write(),
                TinySet.crossLayer(directory.resolve("clt"), 2, 6, 4).write());
        for (int round = 0; round < rounds; round++) {
            Path set = sound.get(round % 2);
            Path path;
            try (var files = Files.list(set)) {
                List<Path> paths = files.sorted().toList();
                path = paths.get(random.nextInt(paths.size()));
            }
            byte[] original = Files.readAllBytes(path);
            byte[] bytes = original.clone();
            for (int change = random.nextInt(3); change >= 0; change--) {
                // Half of them in the header, where it hurts.
                bytes[random.nextInt(random.nextBoolean() ? Math.min(bytes.length, 300) : bytes.length)] =
                        (byte) random.nextInt(256);
            }
            Files.write(path, random.nextInt(8) > 0 ? bytes : Arrays.copyOf(bytes, random.nextInt(bytes.length + 9)));
            try (var scope = TensorScope.open();
                    var opened = TranscoderSet.open(set, Device.CPU)) {
                List<Tensor> x = Stream.generate(() -> Tensor.full(0.5, DType.F32, Device.CPU, 3, opened.width()))
                        .limit(opened.layers())
                        .toList();
                List<SparseActivations> active = new ArrayList<>();
                for (int layer = 0; layer < opened.layers(); layer++) {
                    active.add(opened.encode(layer, x.get(layer), 1));
                    opened.encoderRows(layer, active.getLast().feature());
                }
                opened.reconstruct(active, x);
                used++;
            } catch (HeadwaterException sentence) {
                assertEquals(1, sentence.getMessage().lines().count(), "round " + round + ": " + sentence.getMessage());
            } catch (RuntimeException failure) {
                throw new AssertionError("round " + round, failure);
            } finally {
                Files.write(path, original);
            }
        }
        System.out.printf("%d mutated transcoder sets: %d worked, %d were refused%n", rounds, used, rounds - used);
    }

    private static DynamicTest refused(String name, Path set, String start) {
        return DynamicTest.dynamicTest(name, () -> {
            String message = assertThrows(HeadwaterException.class, () -> TranscoderSet.open(set, Device.CPU))
                    .getMessage();
            String expected = start.replace("DIR", set.toString());
            assertEquals(
                    expected,
                    expected.endsWith(": ")
                            ? message.substring(0, Math.min(message.length(), expected.length()))
                            : message);
        });
    }
}
