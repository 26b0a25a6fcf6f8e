package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.linear.TwoLayers;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Contributions carried up give the edges that gradients carried down give. */
class ForwardSweepTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    private static float[] down(LinearPrompt linear, List<Target> targets) {
        try (var sweep = new AdjointSweep(
                        linear.frozen().weights(),
                        TwoLayers.none(linear.frozen().weights()),
                        1 << 30,
                        linear.model().memory());
                EdgeRows rows = sweep.rows(
                                List.of(new AdjointSweep.Wanted(linear.part().frozen(), targets)),
                                done -> {},
                                () -> false)
                        .getFirst()) {
            return rows.toDense();
        }
    }

    private static float[] up(LinearPrompt linear, List<Target> targets, long scratchBytes) {
        try (EdgeRows rows = ForwardSweep.rows(
                new AdjointSweep.Wanted(linear.part().frozen(), targets),
                floats -> Tensor.full(Double.NaN, DType.F32, Device.CPU, floats),
                scratchBytes,
                linear.model().memory(),
                done -> {},
                () -> false)) {
            return rows.toDense();
        }
    }

    private static void assertSame(LinearPrompt linear, List<Target> targets, String name) {
        float[] expected = down(linear, targets);
        float largest = 0;
        for (float edge : expected) {
            largest = Math.max(largest, Math.abs(edge));
        }
        for (long scratchBytes : new long[] {1 << 16, 1 << 30}) {
            assertArrayEquals(expected, up(linear, targets, scratchBytes), 2e-6f * largest, name + ", " + scratchBytes);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void edgesOfTranscoders(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            assertSameForAllAndSome(model, golden.ints("input_tokens"), name);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void edgesOfNeurons(String name) {
        try (GoldenCase golden = new GoldenCase(name)) {
            if (name.startsWith("gpt-oss")) { // has experts
                return;
            }
            try (ReplacementModel model = ReplacementModel.ofNeurons(
                    golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
                assertSameForAllAndSome(model, golden.ints("input_tokens"), name);
            }
        }
    }

    private static void assertSameForAllAndSome(ReplacementModel model, int[] tokens, String name) {
        AttributionOptions options = AttributionOptions.DEFAULT.withMaxFeatures(300);
        try (LinearPrompt linear = LinearPrompt.of(model, model.prompt(tokens), options, Progress.NONE);
                var _ = TensorScope.open()) {
            int features = linear.part().frozen().sources().firstError(0);
            TargetVectors vectors = linear.part().vectors();
            int outputs = linear.part().frozen().sources().columns(0);
            assertSame(linear, vectors.of(IntStream.range(0, features).toArray(), outputs), name);
            int[] some = IntStream.range(0, features)
                    .filter(i -> i % 7 == 3)
                    .map(i -> features - 1 - i)
                    .toArray();
            assertSame(linear, vectors.of(some, outputs), name);
        }
    }

    @Test
    void paysWhereTargetsAreManyAndHigh() {
        try (GoldenCase golden = new GoldenCase("qwen3-plt-jumprelu");
                ReplacementModel model = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                LinearPrompt linear = LinearPrompt.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        AttributionOptions.DEFAULT.withMaxFeatures(300),
                        Progress.NONE);
                var _ = TensorScope.open()) {
            FrozenPrompt prompt = linear.part().frozen();
            int features = prompt.sources().firstError(0);
            int outputs = prompt.sources().columns(0);
            TargetVectors vectors = linear.part().vectors();
            List<Target> all = vectors.of(IntStream.range(0, features).toArray(), outputs);
            List<Target> many = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                many.addAll(all);
            }
            assertTrue(ForwardSweep.pays(prompt, many));
            assertFalse(ForwardSweep.pays(prompt, vectors.of(new int[] {0}, outputs)));
            assertFalse(ForwardSweep.pays(prompt, vectors.of(new int[] {outputs}, outputs)), "an output of the model");
            assertFalse(ForwardSweep.pays(prompt, List.of()));
        }
    }
}
