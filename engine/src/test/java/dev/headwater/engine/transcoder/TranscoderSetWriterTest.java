package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.transcoder.TranscoderSetWriter.Description;
import dev.headwater.engine.transcoder.TranscoderSetWriter.Layer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TranscoderSetWriterTest {
    @TempDir
    Path directory;

    /** Reads a set through its API and writes what was read. */
    private Path rewrite(Path source, String name, Map<String, String> provenance) {
        Path target = directory.resolve(name);
        try (var set = TranscoderSet.open(source, Device.CPU);
                var writer = TranscoderSetWriter.create(
                        target,
                        new Description(
                                set.config().modelName().orElse("unnamed"),
                                set.kind(),
                                set.input(),
                                set.output(),
                                set.layers(),
                                set.features(),
                                set.width(),
                                set.stored().getFirst().transcoder().encoder().dtype()))) {
            for (int layer = 0; layer < set.layers(); layer++) {
                try (var _ = TensorScope.open()) {
                    writer.write(read(set, layer));
                }
            }
            assertFalse(Files.exists(target), "nothing has its name before all is written");
            writer.commit(provenance);
        }
        return target;
    }

    private static Layer read(TranscoderSet set, int layer) {
        int[] all = IntStream.range(0, set.features()).toArray();
        List<Tensor> decoders = IntStream.rangeClosed(layer, set.lastTarget(layer))
                .mapToObj(target -> {
                    Tensor rows = Tensor.empty(DType.F32, Device.CPU, all.length, set.width());
                    set.decoderRows(layer, target, all, null, null, rows);
                    return rows;
                })
                .toList();
        return new Layer(
                set.encoderRows(layer, all),
                set.encoderBias(layer).toFloats(),
                set.activation(layer),
                set.kind() == Kind.PER_LAYER ? decoders.getFirst() : TorchShape.stack(decoders, 1),
                set.decoderBias(layer).toFloats(),
                set.skip(layer));
    }

    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void everyGoldenSetIsReadAgainBitForBit(String name) {
        Path source = dev.headwater.engine.transcoder.GoldenCase.transcoders(name);
        TranscoderConverterTest.assertSameWeights(name, source, rewrite(source, name, Map.of()));
    }

    @Test
    void theGraphIsTheSame() {
        for (String name : List.of("llama-plt-relu-skip", "llama-plt-topk-bf16", "gemma2-clt-jumprelu")) {
            try (var golden = new GoldenCase(name)) {
                Path written = rewrite(golden.transcoders(), name, Map.of());
                assertArrayEquals(edges(golden, golden.transcoders()), edges(golden, written), name);
            }
        }
    }

    private static float[] edges(GoldenCase golden, Path transcoders) {
        try (var model = ReplacementModel.open(
                        golden.model(), transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                var graph = Attribution.of(
                        model,
                        model.prompt(golden.description().get("prompt").asText()),
                        AttributionOptions.DEFAULT.withMaxFeatures(0),
                        Progress.NONE)) {
            return graph.edges().toDense();
        }
    }

    @Test
    void theReadmeSaysWhereTheSetIsFrom() throws IOException {
        try (var golden = new GoldenCase("llama-plt-topk-bf16")) {
            Map<String, String> provenance = new LinkedHashMap<>();
            provenance.put("corpus", "corpus.txt.gz, SHA-256 0123|4");
            provenance.put("tokens", "1,000");
            Path set = rewrite(golden.transcoders(), "named", provenance);
            String readme = Files.readString(set.resolve("README.md"));
            assertTrue(readme.contains(
                    "| corpus | corpus.txt.gz, SHA-256 0123\\|4 |\n| tokens | 1,000 |\n| made by | Headwater "));
            assertTrue(readme.contains("circuit-tracer 0.5.0 takes TopK for ReLU"));
            String config = Files.readString(set.resolve("config.yaml"));
            assertTrue(config.contains("activation: \"topk\"\nk: ") && config.endsWith("scan: \"named\"\n"), config);
        }
    }

    @Test
    void nothingIsLeftOfASetThatCannotBe() throws IOException {
        Description description =
                new Description("tiny", Kind.PER_LAYER, FeatureSite.MLP_IN, FeatureSite.MLP_OUT, 2, 3, 2, DType.F16);
        Path target = directory.resolve("set");
        try (var _ = TensorScope.open();
                var writer = TranscoderSetWriter.create(target, description)) {
            writer.write(layer(1, new Activation.TopK(2)));
            assertThrows(IllegalStateException.class, () -> writer.commit(Map.of()));
            assertEquals(
                    "layer 1 has k = 1 and layer 0 has k = 2, and the layout has one k for all",
                    assertThrows(UsageException.class, () -> writer.write(layer(1, new Activation.TopK(1))))
                            .getMessage());
            assertEquals(
                    "Layer 1 of the set of transcoders holds a NaN or an infinity in 'W_enc', or a number too large for F16; nothing is written",
                    assertThrows(HeadwaterException.class, () -> writer.write(layer(1e5, new Activation.TopK(2))))
                            .getMessage());
        }
        try (Stream<Path> entries = Files.list(directory)) {
            assertEquals(List.of(), entries.toList());
        }
        Files.createDirectory(target);
        assertThrows(UsageException.class, () -> TranscoderSetWriter.create(target, description));
    }

    private static Layer layer(double value, Activation activation) {
        Tensor matrix = Tensor.full(value, DType.F32, Device.CPU, 3, 2);
        return new Layer(matrix, new float[3], activation, matrix, new float[2], null);
    }
}
