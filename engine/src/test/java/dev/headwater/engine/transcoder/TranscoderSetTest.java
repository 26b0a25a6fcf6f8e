package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.transcoder.TinySet.Data;
import dev.headwater.engine.weights.SafetensorsFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TranscoderSetTest {
    @TempDir
    Path directory;

    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor x(int positions, int width) {
        return Tensor.ofFloats(floats(positions * width), positions, width);
    }

    private static float[] floats(int count) {
        Random random = new Random(3);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static void assertSame(SparseActivations expected, SparseActivations actual, String message) {
        assertArrayEquals(expected.position(), actual.position(), message);
        assertArrayEquals(expected.feature(), actual.feature(), message);
        assertArrayEquals(expected.value(), actual.value(), 2e-6f, message);
    }

    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void tilesOfAnySizeGiveTheSameActiveFeatures(String name) {
        try (var golden = new GoldenCase(name);
                var set = TranscoderSet.open(GoldenCase.transcoders(name), Device.CPU)) {
            for (int layer = 0; layer < set.layers(); layer++) {
                Tensor x = golden.byLayer("feature_inputs").get(layer);
                SparseActivations whole = set.encode(layer, x, 1);
                // 10 elements are single features for blocks of positions, the others some features for all positions.
                for (int tile : layer == 0 ? new int[] {10, 1777} : new int[] {300}) {
                    assertSame(
                            whole,
                            SparseEncoder.encode(set.stored().get(layer).transcoder(), null, x, 1, tile),
                            "%s layer %d, tiles of %d elements".formatted(name, layer, tile));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void rowsAndPreActivationsAgreeWithWhatEncodingFinds(String name) {
        try (var golden = new GoldenCase(name);
                var set = TranscoderSet.open(GoldenCase.transcoders(name), Device.CPU)) {
            for (int layer = 0; layer < set.layers(); layer++) {
                Tensor x = golden.byLayer("feature_inputs").get(layer);
                SparseActivations active = set.encode(layer, x, 0);
                String where = name + " layer " + layer;
                assertArrayEquals(
                        active.value(),
                        set.preActivations(layer, x, active.position(), active.feature()),
                        1e-5f,
                        where);
                float[] all = set.preActivations(layer, x).toFloats();
                Tensor rows = set.encoderRows(layer, active.feature());
                float[] bias = set.encoderBias(layer).toFloats();
                for (int i = 0; i < active.count(); i++) {
                    int feature = active.feature()[i];
                    assertEquals(active.value()[i], all[active.position()[i] * set.features() + feature], 1e-5f, where);
                    Tensor product =
                            Torch.mul(TorchShape.select(rows, 0, i), TorchShape.select(x, 0, active.position()[i]));
                    assertEquals(
                            active.value()[i],
                            TorchReduce.sum(product, 0, false).item() + bias[feature],
                            1e-5f,
                            where);
                }
            }
        }
    }

    @Test
    void decoderRowsOfEachTargetLayerAreScaledAndGained() {
        TinySet tiny = TinySet.crossLayer(directory, 3, 5, 4);
        try (var set = TranscoderSet.open(tiny.write(), Device.CPU);
                var file = SafetensorsFile.open(directory.resolve("W_dec_1.safetensors"))) {
            float[] decoder = file.floats("W_dec_1"); // [5, 2, 4]
            Tensor gain = Tensor.ofFloats(new float[] {1, 2, 3, 4}, 4);
            for (int target = 1; target <= set.lastTarget(1); target++) {
                Tensor out = Tensor.empty(DType.F32, Device.CPU, 2, 4);
                set.decoderRows(1, target, new int[] {4, 0}, new float[] {2, -1}, gain, out);
                float[] rows = out.toFloats();
                for (int j = 0; j < 4; j++) {
                    assertEquals(
                            2 * (j + 1) * decoder[(4 * 2 + target - 1) * 4 + j],
                            rows[j],
                            1e-6f,
                            "target layer " + target);
                    assertEquals(
                            -(j + 1) * decoder[(target - 1) * 4 + j], rows[4 + j], 1e-6f, "target layer " + target);
                }
            }
            assertThrows(
                    IllegalArgumentException.class, () -> set.decoderRows(1, 0, new int[] {0}, null, null, x(1, 4)));
            assertThrows(
                    IllegalArgumentException.class, () -> set.decoderRows(1, 3, new int[] {0}, null, null, x(1, 4)));
            assertThrows(
                    IllegalArgumentException.class, () -> set.decoderRows(1, 1, new int[] {5}, null, null, x(1, 4)));
            assertThrows(IllegalArgumentException.class, () -> set.encoderRows(3, new int[] {0}));
            assertThrows(IllegalArgumentException.class, () -> set.encoderRows(0, new int[] {-1}));
        }
    }

    @Test
    void aCrossLayerGemmaScope2SetReadsEveryLayerIncludingTheLast() {
        try (var golden = new GoldenCase("gemma2-clt-jumprelu")) {
            Path rewritten = GemmaScope2.crossLayer(GoldenCase.transcoders("gemma2-clt-jumprelu"), directory, null);
            try (var set = TranscoderSet.open(rewritten, Device.CPU)) {
                List<Tensor> inputs = golden.byLayer("feature_inputs");
                List<SparseActivations> active = new ArrayList<>();
                for (int layer = 0; layer < golden.layers(); layer++) {
                    active.add(set.encode(layer, inputs.get(layer), 1));
                }
                assertEquals(
                        golden.ints("active_features").length,
                        3 * active.stream().mapToInt(SparseActivations::count).sum());
                golden.assertClose(
                        "reconstruction",
                        "error_vectors",
                        TorchShape.cat(set.reconstruct(active, inputs), 0).toFloats());
                assertEquals(2, set.lastTarget(0));
                assertEquals(2, set.lastTarget(2));
                assertNull(set.skip(0));
            }
        }
    }

    @Test
    void skipsAreTurnedSoThatTheyMultiplyFromTheRight() {
        float[] matrix = {1, 2, 3, 4};
        TinySet perLayer = TinySet.perLayer(directory.resolve("plt"), 1, 3, 2)
                .put("layer_0.safetensors", "W_skip", Data.of(matrix, 2, 2));
        TinySet crossLayer = TinySet.crossLayer(directory.resolve("clt"), 1, 3, 2)
                .put("W_enc_0.safetensors", "W_skip_0", Data.of(matrix, 2, 2));
        try (var plt = TranscoderSet.open(perLayer.write(), Device.CPU);
                var clt = TranscoderSet.open(crossLayer.write(), Device.CPU)) {
            assertArrayEquals(new float[] {1, 3, 2, 4}, plt.skip(0).toFloats());
            assertArrayEquals(matrix, clt.skip(0).toFloats());
            Path scope2 = GemmaScope2.crossLayer(directory.resolve("clt"), directory.resolve("gs2"), matrix);
            try (var set = TranscoderSet.open(scope2, Device.CPU)) {
                assertArrayEquals(matrix, set.skip(0).toFloats());
            }
        }
    }

    /** facebook/crv-8b-instruct-transcoders says topk and no k; 128 is what the public library takes for it. */
    @Test
    void aListedTopKSetNeedsNoK() {
        String folder = "hub/models--facebook--crv-8b-instruct-transcoders/snapshots/0123";
        TinySet known =
                TinySet.perLayer(directory.resolve(folder), 1, 200, 2).config(TinySet.PER_LAYER + "activation: topk\n");
        try (var set = TranscoderSet.open(known.write(), Device.CPU)) {
            assertEquals(128, set.config().assumedK().getAsInt());
            assertEquals(
                    new Activation.TopK(128),
                    set.stored().getFirst().transcoder().activation());
        }
        TinySet other = TinySet.perLayer(directory.resolve("other"), 1, 200, 2)
                .config(TinySet.PER_LAYER + "activation: topk\n");
        var refused = assertThrows(HeadwaterException.class, () -> TranscoderSet.open(other.write(), Device.CPU));
        assertTrue(refused.getMessage().contains("\"k: 128\""), refused.getMessage());
    }

    @Test
    void topKCountsZerosAmongTheLargestInAnyTiling() {
        // Pre-activations of the one position are the biases: 2 positive, 3 zeros, 3 negative ones.
        float[] bias = {-1, 0, 5, 0, -3, 2, 0, -2};
        for (int k = 1; k <= 8; k++) {
            Path path = directory.resolve("k" + k);
            TinySet tiny = TinySet.perLayer(path, 1, 8, 2)
                    .config(TinySet.PER_LAYER + "activation: topk\nk: " + k + "\n")
                    .put("layer_0.safetensors", "b_enc", Data.of(bias, 8))
                    .put("layer_0.safetensors", "W_enc", Data.of(new float[16], 8, 2));
            try (var set = TranscoderSet.open(tiny.write(), Device.CPU)) {
                int[] expected = switch (k) {
                    case 1 -> new int[] {2};
                    case 2, 3, 4, 5 -> new int[] {2, 5};
                    case 6 -> new int[] {0, 2, 5};
                    case 7 -> new int[] {0, 2, 5, 7};
                    default -> new int[] {0, 2, 4, 5, 7};
                };
                for (int tile : new int[] {2, 4, 6, 10, 16}) {
                    SparseActivations found =
                            SparseEncoder.encode(set.stored().getFirst().transcoder(), null, x(1, 2), 0, tile);
                    assertArrayEquals(expected, found.feature(), "k %d, tiles of %d elements".formatted(k, tile));
                }
            }
        }
    }

    @Test
    void kComesFromConfigOrFromATensor() {
        TinySet tiny = TinySet.perLayer(directory, 2, 6, 3)
                .put("layer_0.safetensors", "k", Data.of(4))
                .put("layer_1.safetensors", "k", Data.of(2));
        try (var set = TranscoderSet.open(tiny.write(), Device.CPU)) {
            assertEquals(new Activation.TopK(4), set.activation(0));
            assertEquals(new Activation.TopK(2), set.activation(1));
            assertEquals(8, set.encode(0, x(2, 3), 0).count());
        }
        try (var set = TranscoderSet.open(
                tiny.config(TinySet.PER_LAYER + "activation: topk\nk: 3\n").write(), Device.CPU)) {
            assertEquals(new Activation.TopK(3), set.activation(1));
        }
    }

    @Test
    void zeroPositionsAndEmptyPromptsHaveNoActiveFeatures() {
        try (var set = TranscoderSet.open(TinySet.perLayer(directory, 1, 6, 3).write(), Device.CPU)) {
            SparseActivations all = set.encode(0, x(4, 3), 0);
            SparseActivations later = set.encode(0, x(4, 3), 2);
            int dropped = (int) Arrays.stream(all.position())
                    .filter(position -> position < 2)
                    .count();
            assertEquals(all.count() - dropped, later.count());
            SparseActivations slice = all.slice(2, 2, 5);
            assertArrayEquals(IntStream.of(later.position()).map(p -> p + 3).toArray(), slice.position());
            assertArrayEquals(later.feature(), slice.feature());
            assertArrayEquals(later.value(), slice.value());
            assertEquals(0, set.encode(0, x(4, 3), 4).count());
            assertThrows(IllegalArgumentException.class, () -> set.encode(0, x(4, 2), 0));
        }
    }

    @Test
    void aSetForAnotherModelIsRefused() {
        try (var set = TranscoderSet.open(TinySet.perLayer(directory, 2, 6, 3).write(), Device.CPU)) {
            set.requireMatches(2, 3);
            var failure = assertThrows(HeadwaterException.class, () -> set.requireMatches(26, 2304));
            assertEquals(
                    "The transcoder set %s is for a model of 2 layers and width 3 (tiny), but this model has 26 layers and width 2304"
                            .formatted(directory),
                    failure.getMessage());
        }
    }

    @Test
    void nanInAnEncoderOrDecoderIsReportedAndNotPassedOver() {
        TinySet tiny = TinySet.perLayer(directory, 1, 6, 3);
        float[] broken = floats(18);
        broken[13] = Float.NaN;
        tiny.put("layer_0.safetensors", "W_enc", Data.of(broken, 6, 3));
        try (var set = TranscoderSet.open(tiny.write(), Device.CPU)) {
            var failure = assertThrows(HeadwaterException.class, () -> set.encode(0, x(2, 3), 0));
            assertEquals(
                    "%s: the row of feature 4 in 'W_enc' holds a NaN or an infinity, or overflows at position 0 or later"
                            .formatted(directory.resolve("layer_0.safetensors")),
                    failure.getMessage());
            Tensor bad = Torch.mul(x(2, 3), Double.POSITIVE_INFINITY);
            assertEquals(
                    "The model's activations at the transcoders' input hold a NaN or an infinity",
                    assertThrows(HeadwaterException.class, () -> set.encode(0, bad, 0))
                            .getMessage());
        }
        tiny = TinySet.perLayer(directory, 1, 6, 3).put("layer_0.safetensors", "W_dec", Data.of(broken, 6, 3));
        try (var set = TranscoderSet.open(tiny.write(), Device.CPU)) {
            var active = new SparseActivations(new int[] {0}, new int[] {4}, new float[] {1});
            assertThrows(HeadwaterException.class, () -> set.reconstruct(List.of(active), List.of(x(2, 3))));
        }
    }

    @Test
    void resultsOutliveTheSetAndUseAfterCloseIsNoCrash() {
        TinySet tiny =
                TinySet.perLayer(directory, 1, 6, 3).put("layer_0.safetensors", "W_skip", Data.of(floats(9), 3, 3));
        TranscoderSet set = TranscoderSet.open(tiny.write(), Device.CPU);
        Tensor rows = set.encoderRows(0, new int[] {1, 2});
        Tensor skip = set.skip(0);
        set.close();
        assertEquals(6, rows.toFloats().length);
        assertEquals(9, skip.toFloats().length);
        assertThrows(IllegalStateException.class, () -> set.encode(0, x(2, 3), 0));
        assertThrows(IllegalStateException.class, () -> set.encoderRows(0, new int[] {0}));
    }

    @Test
    void hubReferencesAreAskedForAndMustBeFetched() {
        TinySet tiny = TinySet.perLayer(directory.resolve("files"), 1, 6, 3);
        tiny.write();
        String reference = "hf://org/repo/layer_0.safetensors?revision=main";
        Path set = new TinySet(directory.resolve("set"), TinySet.PER_LAYER + "transcoders:\n- " + reference + "\n")
                .write();
        List<String> asked = new ArrayList<>();
        try (var opened = TranscoderSet.open(set, Device.CPU, wanted -> {
            asked.add(wanted);
            return directory.resolve("files/layer_0.safetensors");
        })) {
            assertEquals(6, opened.features());
        }
        assertEquals(List.of(reference), asked);
        assertEquals(
                "%s refers to %s, which has to be fetched first".formatted(set, reference),
                assertThrows(HeadwaterException.class, () -> TranscoderSet.open(set, Device.CPU))
                        .getMessage());
    }

    @Test
    void misalignedTransposedMatricesAreReadPieceByPiece() {
        try (var golden = new GoldenCase("gemma2-plt-npz");
                var set = TranscoderSet.open(GoldenCase.transcoders("gemma2-plt-npz"), Device.CPU)) {
            WeightMatrix encoder = set.stored().getFirst().transcoder().encoder();
            assertNotEquals(
                    0,
                    encoder.file().unaligned("W_enc").address() % Float.BYTES,
                    "the file of layer 0 is stored and out of line");
            Tensor view = encoder.view(3, 5);
            Tensor gathered = Tensor.empty(DType.F32, Device.CPU, 5, golden.width());
            encoder.gather(new int[] {3, 4, 5, 6, 7}, null, null, gathered);
            assertArrayEquals(gathered.toFloats(), view.toFloats());
            float[] stored = encoder.file().floats("W_enc"); // [d, F]
            for (int i = 0; i < 5; i++) {
                for (int j = 0; j < golden.width(); j++) {
                    assertEquals(
                            stored[j * set.features() + 3 + i],
                            gathered.toFloats()[i * golden.width() + j],
                            "row " + i + " column " + j);
                }
            }
        }
    }
}
