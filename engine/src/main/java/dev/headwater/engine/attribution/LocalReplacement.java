package dev.headwater.engine.attribution;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The transcoders' view of a prompt: which features fire, and what of each layer's MLP output they leave unexplained
 * (reference section 2.3). At zero positions features and errors count as 0.
 *
 * @param errors for each layer F32 [P, d] at the transcoders' output site: the true output minus the reconstruction
 */
record LocalReplacement(ActiveFeatures active, List<Tensor> errors) {
    /** Of several prompts, which share the products with the encoders. */
    static List<LocalReplacement> of(ReplacementModel model, List<Trace> traces, LongConsumer done) {
        List<List<SparseActivations>> activations = new ArrayList<>();
        traces.forEach(trace -> activations.add(new ArrayList<>()));
        for (int layer = 0; layer < model.layers(); layer++) {
            encode(model, traces, layer, activations);
            done.accept((long) (layer + 1) * traces.size());
        }
        List<LocalReplacement> parts = new ArrayList<>();
        for (int i = 0; i < traces.size(); i++) {
            parts.add(new LocalReplacement(join(activations.get(i)), errors(model, traces.get(i), activations.get(i))));
        }
        return parts;
    }

    private static void encode(
            ReplacementModel model, List<Trace> traces, int layer, List<List<SparseActivations>> activations) {
        try (var scope = TensorScope.open()) {
            List<Tensor> inputs = new ArrayList<>();
            for (Trace trace : traces) {
                int zeros = model.zeroPositions(trace.tokens());
                inputs.add(TorchShape.narrow(
                        trace.site(model.basis().input(), layer), 0, zeros, trace.positions() - zeros));
            }
            SparseActivations all = model.basis().encode(layer, TorchShape.cat(inputs, 0), 0);
            int first = 0;
            for (int i = 0; i < traces.size(); i++) {
                int rows = (int) inputs.get(i).size(0);
                activations.get(i).add(all.slice(first, rows, traces.get(i).positions() - rows));
                first += rows;
            }
        }
    }

    /**
     * Of one prompt whose features are the strongest ones of those that are active nearly everywhere.
     *
     * @param chosen numbers (layer * P + position) * F + feature, ascending
     * @param means  what the prompt is held against, null for nothing
     */
    static LocalReplacement of(ReplacementModel model, Trace trace, long[] chosen, @Nullable MeanActivations means) {
        FeatureBasis basis = model.basis();
        long layerSize = (long) trace.positions() * basis.features();
        List<SparseActivations> activations = new ArrayList<>();
        for (int layer = 0, from = 0, to; layer < model.layers(); layer++, from = to) {
            to = from;
            while (to < chosen.length && chosen[to] < (layer + 1) * layerSize) {
                to++;
            }
            long first = layer * layerSize;
            long[] here = Arrays.copyOfRange(chosen, from, to);
            int[] position = Arrays.stream(here)
                    .mapToInt(number -> (int) ((number - first) / basis.features()))
                    .toArray();
            int[] feature = Arrays.stream(here)
                    .mapToInt(number -> (int) ((number - first) % basis.features()))
                    .toArray();
            float[] value = here.length == 0
                    ? new float[0]
                    : basis.preActivations(layer, trace.site(basis.input(), layer), position, feature);
            activations.add(new SparseActivations(position, feature, value));
        }
        return new LocalReplacement(
                join(activations),
                means == null ? errors(model, trace, activations) : errors(model, trace, activations, means));
    }

    private static List<Tensor> errors(ReplacementModel model, Trace trace, List<SparseActivations> activations) {
        FeatureBasis basis = model.basis();
        List<Tensor> inputs = IntStream.range(0, model.layers())
                .mapToObj(layer -> trace.site(basis.input(), layer))
                .toList();
        int zeros = model.zeroPositions(trace.tokens());
        List<Tensor> errors = new ArrayList<>();
        try (var scope = TensorScope.open()) {
            List<Tensor> reconstruction = basis.reconstruct(activations, inputs);
            for (int layer = 0; layer < model.layers(); layer++) {
                Tensor error = Torch.clone(Torch.sub(trace.site(basis.output(), layer), reconstruction.get(layer)));
                Torch.zeroInPlace(TorchShape.narrow(error, 0, 0, zeros));
                errors.add(scope.keep(error));
            }
        }
        return errors;
    }

    private static List<Tensor> errors(
            ReplacementModel model, Trace trace, List<SparseActivations> activations, MeanActivations means) {
        int zeros = model.zeroPositions(trace.tokens());
        List<Tensor> errors = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            Tensor error = means.rest(layer, trace.site(model.basis().output(), layer), activations.get(layer));
            Torch.zeroInPlace(TorchShape.narrow(error, 0, 0, zeros));
            errors.add(error);
        }
        return errors;
    }

    /** All layers' features, which are ordered by (position, feature), in one list. */
    static ActiveFeatures join(List<SparseActivations> layers) {
        int count = layers.stream().mapToInt(SparseActivations::count).sum();
        int[] layer = new int[count];
        int[] position = new int[count];
        int[] feature = new int[count];
        float[] value = new float[count];
        int at = 0;
        for (int l = 0; l < layers.size(); l++) {
            SparseActivations from = layers.get(l);
            int n = from.count();
            Arrays.fill(layer, at, at + n, l);
            System.arraycopy(from.position(), 0, position, at, n);
            System.arraycopy(from.feature(), 0, feature, at, n);
            System.arraycopy(from.value(), 0, value, at, n);
            at += n;
        }
        return new ActiveFeatures(layer, position, feature, value);
    }
}
