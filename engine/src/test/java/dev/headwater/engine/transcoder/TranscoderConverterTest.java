package dev.headwater.engine.transcoder;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.transcoder.TinySet.Data;
import dev.headwater.engine.transcoder.TranscoderConfig.ActivationName;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TranscoderConverterTest {
    @TempDir
    Path directory;

    private Path convert(Path source, String name) {
        Path target = directory.resolve(name);
        try (var set = TranscoderSet.open(source, Device.CPU)) {
            TranscoderConverter.convert(set, target, Progress.NONE);
        }
        return target;
    }

    private static void assertSameBits(WeightMatrix expected, WeightMatrix actual, String message) {
        try (var scope = TensorScope.open()) {
            assertEquals(expected.dtype(), actual.dtype(), message);
            assertArrayEquals(
                    Torch.contiguous(expected.view(0, expected.rows())).data().toArray(JAVA_BYTE),
                    Torch.contiguous(actual.view(0, actual.rows())).data().toArray(JAVA_BYTE),
                    message);
        }
    }

    private static void assertSameSet(String message, Path expected, Path actual) {
        assertEquals(
                TranscoderConfig.read(expected).scan(),
                TranscoderConfig.read(actual).scan(),
                message);
        assertSameWeights(message, expected, actual);
    }

    /** The same numbers of the same types, for the same model and sites. */
    static void assertSameWeights(String message, Path expected, Path actual) {
        try (var a = TranscoderSet.open(expected, Device.CPU);
                var b = TranscoderSet.open(actual, Device.CPU)) {
            assertEquals(a.layers(), b.layers(), message);
            assertEquals(a.kind(), b.kind(), message);
            assertEquals(a.input(), b.input(), message);
            assertEquals(a.output(), b.output(), message);
            assertEquals(a.config().modelName(), b.config().modelName(), message);
            for (int layer = 0; layer < a.layers(); layer++) {
                String where = message + " layer " + layer;
                LayerTranscoder from = a.stored().get(layer).transcoder();
                LayerTranscoder to = b.stored().get(layer).transcoder();
                assertSameBits(from.encoder(), to.encoder(), where + " encoder");
                assertSameBits(from.decoder(), to.decoder(), where + " decoder");
                assertEquals(from.skip().isPresent(), to.skip().isPresent(), where + " skip");
                from.skip().ifPresent(skip -> assertSameBits(skip, to.skip().orElseThrow(), where + " skip"));
                assertArrayEquals(from.encoderBias(), to.encoderBias(), where + " b_enc");
                assertArrayEquals(from.decoderBias(), to.decoderBias(), where + " b_dec");
                switch (from.activation()) {
                    case Activation.JumpRelu(float[] threshold) ->
                        assertArrayEquals(
                                threshold, ((Activation.JumpRelu) to.activation()).threshold(), where + " threshold");
                    case Activation.Relu _, Activation.TopK _ ->
                        assertEquals(from.activation(), to.activation(), where);
                }
                assertEquals(1, to.encoder().columnStride(), where + ": rows of a feature lie together");
            }
        }
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(Path::getFileName).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void everyGoldenSetKeepsEveryBit(String name) throws IOException {
        Path once = convert(GoldenCase.transcoders(name), "once");
        assertSameSet(name, GoldenCase.transcoders(name), once);
        Path twice = convert(once, "twice");
        for (Path file : list(once)) {
            assertEquals(
                    -1,
                    Files.mismatch(once.resolve(file), twice.resolve(file)),
                    name + " " + file + ": converting again changes nothing");
        }
        assertEquals(list(once), list(twice), name);
    }

    @Test
    void aConvertedSetGivesTheGoldenReconstruction() {
        for (String name : List.of("gemma2-plt-npz", "gemma3-plt-gs2-affine", "gemma2-clt-jumprelu")) {
            Path converted = convert(GoldenCase.transcoders(name), name);
            try (var golden = new GoldenCase(name);
                    var set = TranscoderSet.open(converted, Device.CPU);
                    var scope = TensorScope.open()) {
                List<Tensor> inputs = golden.byLayer("feature_inputs");
                List<SparseActivations> active = new ArrayList<>();
                for (int layer = 0; layer < set.layers(); layer++) {
                    active.add(set.encode(layer, inputs.get(layer), 1));
                }
                golden.assertClose(
                        "reconstruction",
                        "error_vectors",
                        TorchShape.cat(set.reconstruct(active, inputs), 0).toFloats());
            }
        }
    }

    @Test
    void crossLayerGemmaScope2BecomesTheFilesThatItWasMadeFrom() throws IOException {
        Path original = GoldenCase.transcoders("gemma2-clt-jumprelu");
        Path converted = convert(GemmaScope2.crossLayer(original, directory.resolve("gs2"), null), "clt");
        try (var a = TranscoderSet.open(original, Device.CPU);
                var b = TranscoderSet.open(converted, Device.CPU)) {
            for (int layer = 0; layer < a.layers(); layer++) {
                assertSameBits(
                        a.stored().get(layer).transcoder().encoder(),
                        b.stored().get(layer).transcoder().encoder(),
                        "encoder " + layer);
                assertSameBits(
                        a.stored().get(layer).transcoder().decoder(),
                        b.stored().get(layer).transcoder().decoder(),
                        "decoder " + layer);
            }
        }
        assertEquals(7, list(converted).size());
        float[] skip = new float[48 * 48];
        Random random = new Random(5);
        for (int i = 0; i < skip.length; i++) {
            skip[i] = random.nextFloat();
        }
        Path skipped = GemmaScope2.crossLayer(original, directory.resolve("gs2-skip"), skip);
        assertSameSet("cross-layer skip", skipped, convert(skipped, "clt-skip"));
    }

    @Test
    void bitsOfEveryTypeAndTopKSurvive() {
        Random random = new Random(11);
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16, DType.F64)) {
            byte[] bits = new byte[6 * 4 * type.bytes()];
            random.nextBytes(bits); // NaNs with payloads among them
            Path source = directory.resolve("source-" + type);
            TinySet tiny = TinySet.perLayer(source, 2, 6, 4);
            for (String file : List.of("layer_0.safetensors", "layer_1.safetensors")) {
                tiny.put(file, "W_enc", new Data(type, new long[] {6, 4}, MemorySegment.ofArray(bits)))
                        .put(file, "k", Data.of(file.contains("0") ? 3 : 5));
            }
            tiny.write();
            Path converted = convert(source, "converted-" + type);
            assertSameSet(type.name(), source, converted);
            TranscoderConfig config = TranscoderConfig.read(converted);
            assertEquals(Optional.of(ActivationName.TOPK), config.activation());
            assertTrue(config.k().isEmpty(), "layers have their own k");
        }
    }

    @Test
    void nothingIsLeftOfAFailedConversion() throws IOException {
        Path source = TinySet.perLayer(directory.resolve("source"), 2, 6, 4).write();
        try (var set = TranscoderSet.open(source, Device.CPU)) {
            Progress cancelled = new Progress() {
                @Override
                public boolean cancelled() {
                    return true;
                }
            };
            assertThrows(
                    CancellationException.class,
                    () -> TranscoderConverter.convert(set, directory.resolve("target"), cancelled));
            assertThrows(UsageException.class, () -> TranscoderConverter.convert(set, source, Progress.NONE));
            var failure = assertThrows(
                    HeadwaterException.class,
                    () -> TranscoderConverter.convert(set, directory.resolve("absent/target"), Progress.NONE));
            assertEquals(
                    "Cannot write %s: %s is no directory"
                            .formatted(directory.resolve("absent/target"), directory.resolve("absent")),
                    failure.getMessage());
        }
        assertEquals(List.of(Path.of("source")), list(directory));
        assertFalse(Files.exists(directory.resolve("target")));
    }
}
