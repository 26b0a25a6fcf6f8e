package dev.headwater.cli.report;

import dev.headwater.bindings.DType;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Both runs of an intervention as tensors.
 *
 * @param sparse whether activations that are 0 are left out
 * @param before what was generated without edits, none if nothing was
 */
public record InterventionTensors(
        Baseline baseline,
        Run edited,
        boolean sparse,
        boolean preActivations,
        List<Generation> before,
        List<Generation> after) {
    /**
     * Writes {@code input_tokens} I64[P], {@code logits} F32[P, V], {@code activations} F32[L, P, F] (sparse: {@code
     * activation_indices} I64[N, 3] of layer, position, feature, and {@code activation_values} F32[N]), {@code
     * generated_tokens} I64[N] (of further samples {@code generated_tokens.1} and so on); and all but the first with {@code _before} for the run without edits.
     */
    public void write(Path file) {
        int layers = baseline.model().layers();
        int features = baseline.model().basis().features();
        int positions = edited.positions();
        List<TensorInfo> tensors = new ArrayList<>(List.of(TensorInfo.of("input_tokens", DType.I64, positions)));
        for (String name : List.of("", "_before")) {
            Run run = name.isEmpty() ? edited : baseline.run();
            tensors.add(TensorInfo.of(
                    "logits" + name, DType.F32, positions, baseline.model().vocabularySize()));
            if (sparse) {
                int count = IntStream.range(0, layers)
                        .map(layer -> run.activations(layer).count())
                        .sum();
                tensors.add(TensorInfo.of("activation_indices" + name, DType.I64, count, 3));
                tensors.add(TensorInfo.of("activation_values" + name, DType.F32, count));
            } else {
                tensors.add(TensorInfo.of("activations" + name, DType.F32, layers, positions, features));
            }
            List<Generation> texts = name.isEmpty() ? after : before;
            for (int i = 0; i < texts.size(); i++) {
                tensors.add(TensorInfo.of(
                        generated(name, i), DType.I64, texts.get(i).tokens().length));
            }
        }
        try (SafetensorsWriter out =
                SafetensorsWriter.create(file, tensors, Map.of("pre_activations", Boolean.toString(preActivations)))) {
            out.write("input_tokens", longs(edited.tokens()));
            for (String name : List.of("", "_before")) {
                Run run = name.isEmpty() ? edited : baseline.run();
                for (int position = 0; position < positions; position++) {
                    out.write("logits" + name, run.logits(position));
                }
                for (int layer = 0; layer < layers; layer++) {
                    writeLayer(out, name, run, layer);
                }
                List<Generation> texts = name.isEmpty() ? after : before;
                for (int i = 0; i < texts.size(); i++) {
                    out.write(generated(name, i), longs(texts.get(i).tokens()));
                }
            }
            out.commit();
        }
    }

    private void writeLayer(SafetensorsWriter out, String name, Run run, int layer) {
        if (!sparse) {
            out.write("activations" + name, preActivations ? run.preActivations(layer) : run.denseActivations(layer));
            return;
        }
        SparseActivations active = run.activations(layer);
        long[] indices = new long[3 * active.count()];
        for (int i = 0; i < active.count(); i++) {
            indices[3 * i] = layer;
            indices[3 * i + 1] = active.position()[i];
            indices[3 * i + 2] = active.feature()[i];
        }
        out.write("activation_indices" + name, indices);
        out.write("activation_values" + name, active.value());
    }

    private static long[] longs(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }

    private static String generated(String name, int sample) {
        return "generated_tokens" + (sample == 0 ? "" : "." + sample) + name;
    }
}
