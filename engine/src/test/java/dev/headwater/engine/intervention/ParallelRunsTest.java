package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.FeatureRef;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs side by side are the runs one by one. */
class ParallelRunsTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    /** Everywhere in the model, a few to a layer. */
    private static List<FeatureRef> features(Baseline baseline, Random random) {
        List<FeatureRef> features = new ArrayList<>();
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            for (int p = baseline.run().zeroPositions(); p < baseline.run().positions(); p++) {
                for (int i = 0; i < 3; i++) {
                    var feature = new FeatureRef(
                            layer, p, random.nextInt(baseline.model().basis().features()));
                    if (!features.contains(feature)) {
                        features.add(feature);
                    }
                }
            }
        }
        return features;
    }

    private static void compare(ReplacementModel model, int[] tokens) {
        Random random = new Random(1);
        try (Baseline baseline = Baseline.of(model, model.prompt(tokens))) {
            List<FeatureRef> features = features(baseline, random);
            var runs = new ParallelRuns(baseline, features);
            List<float[]> settings = new ArrayList<>();
            for (int run = 0; run < Math.min(5, runs.most()); run++) {
                float[] setting = new float[features.size()];
                Arrays.fill(setting, Float.NaN);
                // One without any edit, one with all.
                for (int i = 0; i < setting.length; i++) {
                    if (run == 1 || run > 1 && random.nextInt(4) == 0) {
                        setting[i] = random.nextFloat() - 0.3f;
                    }
                }
                settings.add(setting);
            }
            List<float[]> found = runs.logits(settings);
            for (int run = 0; run < settings.size(); run++) {
                List<Edit> edits = new ArrayList<>();
                for (int i = 0; i < features.size(); i++) {
                    float value = settings.get(run)[i];
                    if (!Float.isNaN(value)) {
                        edits.add(Edit.of(features.get(i), new Change.Set(value)));
                    }
                }
                try (Run alone = baseline.apply(new Intervention(edits, Freeze.ATTENTION))) {
                    float[] wanted = alone.logits(-1);
                    for (int i = 0; i < wanted.length; i++) {
                        assertEquals(wanted[i], found.get(run)[i], 1e-4 * (1 + Math.abs(wanted[i])), "run " + run);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void ofTranscoders(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = GoldenInterventionTest.open(golden)) {
            compare(model, golden.ints("input_tokens"));
        }
    }

    @Test
    void ofNeurons() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            compare(model, golden.ints("input_tokens"));
        }
    }

    @Test
    void whatDoesNotExistIsNotSet() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new ParallelRuns(baseline, List.of(new FeatureRef(99, 1, 0))));
            assertThrows(
                    IllegalArgumentException.class, () -> new ParallelRuns(baseline, List.of(new FeatureRef(0, 0, 0))));
            var runs = new ParallelRuns(baseline, List.of(new FeatureRef(0, 1, 0)));
            assertThrows(IllegalArgumentException.class, () -> runs.logits(List.of()));
            assertThrows(IllegalArgumentException.class, () -> runs.logits(List.of(new float[2])));
        }
    }
}
