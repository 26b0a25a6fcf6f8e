package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sets of every layout against the golden data, fed with its tensors at the feature sites. */
class TranscoderGoldenTest {
    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void activeFeaturesAndReconstructionAreThoseOfTheGoldenData(String name) {
        try (var golden = new GoldenCase(name);
                var set = TranscoderSet.open(GoldenCase.transcoders(name), Device.CPU);
                var scope = TensorScope.open()) {
            set.requireMatches(golden.layers(), golden.width());
            assertEquals(golden.description.at("/dims/features").asInt(), set.features(), name);
            assertEquals(
                    golden.description.get("feature_input_hook").asText(),
                    set.input().hookName(),
                    name);
            assertEquals(
                    golden.description.get("feature_output_hook").asText(),
                    set.output().hookName(),
                    name);

            List<Tensor> inputs = golden.byLayer("feature_inputs");
            List<SparseActivations> active = new ArrayList<>();
            for (int layer = 0; layer < set.layers(); layer++) {
                active.add(set.encode(layer, inputs.get(layer), 1));
            }
            assertArrayEquals(golden.ints("active_features"), triples(active), name + " active_features");
            double activations = golden.assertClose("activation_values", "activation_values", values(active));

            List<Tensor> reconstructed = set.reconstruct(active, inputs);
            double output = golden.assertClose("reconstruction", "error_vectors", floats(reconstructed));
            List<Tensor> errors = new ArrayList<>();
            List<Tensor> norms = new ArrayList<>();
            for (int layer = 0; layer < set.layers(); layer++) {
                Tensor error = Torch.sub(golden.byLayer("feature_outputs").get(layer), reconstructed.get(layer));
                Torch.zeroInPlace(TorchShape.narrow(error, 0, 0, 1));
                errors.add(error);
                norms.add(Torch.sqrt(TorchReduce.sum(Torch.mul(error, error), 1, false)));
            }
            double error = golden.assertClose("error_vectors", "error_vectors", floats(errors));
            double norm = golden.assertClose("error_norms", "error_vectors", floats(norms));
            System.out.printf(
                    "%-26s %d active features equal; largest differences: activations %.1e, reconstruction %.1e, errors %.1e, norms %.1e%n",
                    name, values(active).length, activations, output, error, norm);
        }
    }

    private static int[] triples(List<SparseActivations> active) {
        int[] triples =
                new int[3 * active.stream().mapToInt(SparseActivations::count).sum()];
        int i = 0;
        for (int layer = 0; layer < active.size(); layer++) {
            for (int n = 0; n < active.get(layer).count(); n++) {
                triples[i++] = layer;
                triples[i++] = active.get(layer).position()[n];
                triples[i++] = active.get(layer).feature()[n];
            }
        }
        return triples;
    }

    private static float[] values(List<SparseActivations> active) {
        float[] values =
                new float[active.stream().mapToInt(SparseActivations::count).sum()];
        int i = 0;
        for (SparseActivations layer : active) {
            System.arraycopy(layer.value(), 0, values, i, layer.count());
            i += layer.count();
        }
        return values;
    }

    private static float[] floats(List<Tensor> tensors) {
        return TorchShape.cat(tensors, 0).toFloats();
    }
}
