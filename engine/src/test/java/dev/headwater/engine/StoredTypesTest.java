package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Checkpoints and sets in other types than float32: a graph of files in narrow types is the graph of the same numbers
 * in float32. The prompts of cases with sliding windows are longer than their windows.
 */
class StoredTypesTest {
    @TempDir
    private Path directory;

    static List<String> cases() {
        return GoldenCase.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void bfloat16CheckpointsAreTheirNumbers(String name) throws IOException {
        try (GoldenCase golden = new GoldenCase(name)) {
            Path narrow = rewritten(golden.model(), "narrow", _ -> DType.BF16, false);
            Path wide = rewritten(golden.model(), "wide", _ -> DType.BF16, true);
            assertSameGraph(golden, wide, golden.transcoders(), narrow, golden.transcoders());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void tensorsOfACheckpointAndOfASetMayDifferInType(String name) throws IOException {
        try (GoldenCase golden = new GoldenCase(name)) {
            DType[] types = {DType.F32, DType.BF16, DType.F16};
            IntFunction<DType> mixed = tensor -> types[tensor % types.length];
            Path narrow = rewritten(golden.model(), "narrow", mixed, false);
            Path wide = rewritten(golden.model(), "wide", mixed, true);
            // Encoders in bfloat16 and all else of the set in float16, beside a model of neither type alone.
            Path narrowSet = rewritten(golden.transcoders(), "narrow-set", tensor -> types[1 + tensor % 2], false);
            Path wideSet = rewritten(golden.transcoders(), "wide-set", tensor -> types[1 + tensor % 2], true);
            assertSameGraph(golden, wide, wideSet, narrow, narrowSet);
        }
    }

    private static void assertSameGraph(GoldenCase golden, Path expectedModel, Path expectedSet, Path model, Path set) {
        try (AttributionGraph expected = graph(golden, expectedModel, expectedSet);
                AttributionGraph actual = graph(golden, model, set)) {
            assertArrayEquals(
                    expected.active().layer(), actual.active().layer(), golden + " layers of active features");
            assertArrayEquals(expected.active().feature(), actual.active().feature(), golden + " active features");
            assertArrayEquals(
                    expected.active().activation(), actual.active().activation(), 1e-5f, golden + " activations");
            assertEquals(
                    expected.targets().stream().map(LogitTarget::token).toList(),
                    actual.targets().stream().map(LogitTarget::token).toList(),
                    golden + " targets");
            assertTrue(expected.active().count() > 20, golden + " has features");
            assertArrayEquals(expected.edges().toDense(), actual.edges().toDense(), 1e-5f, golden + " edges");
        }
    }

    private static AttributionGraph graph(GoldenCase golden, Path model, Path set) {
        try (ReplacementModel replacement =
                ReplacementModel.open(model, set, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            return Attribution.of(
                    replacement,
                    replacement.prompt(golden.ints("input_tokens")),
                    AttributionOptions.DEFAULT.withMaxFeatures(200),
                    Progress.NONE);
        }
    }

    /**
     * A copy of a directory, the floating-point tensors of its safetensors files rounded to a type.
     *
     * @param type    of a file's n-th tensor
     * @param widened stores the rounded numbers in float32
     */
    private Path rewritten(Path source, String name, IntFunction<DType> type, boolean widened) throws IOException {
        Path target = directory.resolve(name);
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = target.resolve(source.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                if (file.toString().endsWith(".safetensors")) {
                    rewrite(file, copy, type, widened);
                } else {
                    Files.copy(file, copy);
                }
            }
        }
        return target;
    }

    private static void rewrite(Path file, Path copy, IntFunction<DType> type, boolean widened) {
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            List<String> names = List.copyOf(in.names());
            List<TensorInfo> infos = names.stream()
                    .map(tensor -> {
                        TensorInfo info = in.info(tensor);
                        return info.dtype().isFloating()
                                ? TensorInfo.of(
                                        tensor, widened ? DType.F32 : type.apply(names.indexOf(tensor)), info.shape())
                                : info;
                    })
                    .toList();
            try (SafetensorsWriter out = SafetensorsWriter.create(copy, infos, Map.of())) {
                for (TensorInfo info : infos) {
                    if (!info.dtype().isFloating()) {
                        out.write(info.name(), in.data(info.name()));
                        continue;
                    }
                    DType rounded = type.apply(names.indexOf(info.name()));
                    float[] values = in.floats(info.name());
                    short[] bits = new short[values.length];
                    for (int i = 0; i < values.length; i++) {
                        bits[i] = rounded == DType.F16 ? Float.floatToFloat16(values[i]) : bfloat16(values[i]);
                        values[i] = rounded == DType.F32
                                ? values[i]
                                : rounded == DType.F16
                                        ? Float.float16ToFloat(bits[i])
                                        : Float.intBitsToFloat(bits[i] << 16);
                    }
                    if (info.dtype() == DType.F32) {
                        out.write(info.name(), values);
                    } else {
                        out.write(info.name(), MemorySegment.ofArray(bits));
                    }
                }
                out.commit();
            }
        }
    }

    /** Rounded to the nearest, ties to even. */
    private static short bfloat16(float value) {
        int bits = Float.floatToIntBits(value);
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }
}
