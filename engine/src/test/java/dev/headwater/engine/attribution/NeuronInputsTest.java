package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.model.LayerWeights;
import dev.headwater.engine.model.Linear;
import dev.headwater.engine.model.Mlp;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.neuron.Neurons;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What comes into a neuron adds up to its activation: tokens, neurons, what is left of each MLP (position 0 of all of them included),
 * and biases, which no edge of a graph states.
 */
class NeuronInputsTest {
    @TempDir
    Path temp;

    static List<String> cases() throws IOException {
        return GoldenNeuronTest.cases();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void addUpToTheActivation(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            assertAddUp(model, golden.ints("input_tokens"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gpt_neox", "granite", "mistral", "olmo2", "phi3", "qwen2", "smollm3"})
    void addUpToTheActivationInEveryFamily(String family) throws IOException {
        try (ReplacementModel model = FamilyNeuronTest.model(family, temp)) {
            assertAddUp(model, IntStream.range(0, 9).map(i -> 1 + i * 37 % 200).toArray());
        }
    }

    private static void assertAddUp(ReplacementModel model, int[] tokens) {
        try (Trace trace = model.trace(tokens);
                var _ = TensorScope.open()) {
            FrozenModel frozen = FrozenModel.of(model.linear().weights(), model.model(), trace, model.basis());
            TargetVectors vectors = new TargetVectors(model, frozen, ActiveFeatures.NONE, trace);
            vectors.choose(OutputTargets.SALIENT, trace);
            long layerSize = (long) trace.positions() * model.basis().features();
            var strongest = new StrongestFeatures(100);
            GoldenNeuronTest.total(
                    model, frozen, trace, vectors, (layer, scores) -> strongest.add(layer * layerSize, scores, 0));
            LocalReplacement local = LocalReplacement.of(model, trace, strongest.chosen(), null);
            vectors.explain(local.active());
            int[] all = IntStream.range(0, local.active().count()).toArray();
            List<Target> targets = vectors.of(all, all.length);
            double[] biases = biases(model, frozen, trace, local.active(), targets);
            Tensor places = model.model().positionEmbedding();
            Sources sources = new Sources(
                    local.active(),
                    model.basis(),
                    frozen.outputNorms(),
                    IntStream.range(0, model.layers())
                            .mapToObj(layer -> wholeError(model, trace, local.active(), layer))
                            .toList(),
                    places == null
                            ? trace.tokenVectors()
                            : Torch.add(trace.tokenVectors(), TorchShape.narrow(places, 0, 0, trace.positions())),
                    0,
                    model.memory());
            try (var sweep = new AdjointSweep(
                            frozen.weights(), TwoLayers.none(frozen.weights()), 1 << 26, model.memory());
                    EdgeRows rows = sweep.rows(
                                    List.of(new AdjointSweep.Wanted(FrozenPrompt.of(frozen, sources, 0), targets)),
                                    done -> {},
                                    () -> false)
                            .getFirst()) {
                float[] row = new float[rows.columns()];
                for (int i : all) {
                    rows.copyRow(i, row);
                    double sum = biases[i];
                    for (float edge : row) {
                        sum += edge;
                    }
                    float activation = local.active().activation()[i];
                    assertEquals(
                            activation,
                            sum,
                            2e-4 + 1e-4 * Math.abs(activation),
                            local.active().ref(i).toString());
                }
            }
        }
    }

    /** What biases add to each neuron: its own, that of the norm before it, and those of attention, at every position below. */
    private static double[] biases(
            ReplacementModel model, FrozenModel frozen, Trace trace, ActiveFeatures active, List<Target> targets) {
        double[] sum = new double[targets.size()];
        boolean parallel = model.model().config().parallel();
        List<Tensor> ofAttention = IntStream.range(0, model.layers())
                .mapToObj(layer -> ofAttention(
                        model.model().layer(layer),
                        model.model().config().attention().kvHeads()))
                .toList();
        TotalEffects.Mlps mlps = (layer, gradients) -> {
            // Chosen neurons and errors are leaves: nothing goes through an MLP.
            Tensor bias = ofAttention.get(layer);
            if (bias != null) {
                double[] met = TorchReduce.sum(TorchReduce.sum(Torch.mul(gradients, bias), -1, false), -1, false)
                        .toDoubles();
                for (int t = 0; t < sum.length; t++) {
                    sum[t] += met[t];
                }
            }
            return Tensor.zeros(DType.F32, Device.CPU, gradients.shape());
        };
        new TotalEffects(frozen, targets, trace.positions(), model.memory(), Long.MAX_VALUE)
                .run(new float[targets.size()], (_, _) -> mlps, (_, _) -> {});
        Neurons neurons = (Neurons) model.basis();
        for (int t = 0; t < sum.length; t++) {
            Target target = targets.get(t);
            int layer = target.layer();
            Tensor vector = TorchShape.select(target.vectors(), 0, target.row());
            if (!parallel && ofAttention.get(layer) != null) {
                sum[t] += dot(vector, ofAttention.get(layer));
            }
            Tensor x = trace.site(neurons.input(), layer);
            int feature = active.feature()[t];
            int position = active.position()[t];
            Norm norm = model.model().layer(layer).preMlp();
            if (norm != null && norm.bias() != null) {
                Tensor row = neurons.encoderRows(layer, new int[] {feature}, new int[] {position}, x);
                sum[t] += dot(TorchShape.select(row, 0, 0), norm.bias());
            }
            Neurons.Linearised at = neurons.linearised(layer, x);
            switch (model.model().layer(layer).mlp()) {
                case Mlp.Gated gated -> {
                    sum[t] += own(gated.gate(), at.in(), position, feature);
                    sum[t] += own(gated.up(), at.up(), position, feature);
                }
                case Mlp.Plain plain -> sum[t] += own(plain.in(), at.in(), position, feature);
                default -> throw new AssertionError();
            }
        }
        return sum;
    }

    private static double dot(Tensor a, Tensor b) {
        return TorchReduce.sum(Torch.mul(a, b), 0, false).toDoubles()[0];
    }

    private static double own(Linear linear, @Nullable Tensor factor, int position, int feature) {
        return linear.bias() == null || factor == null
                ? 0
                : (double) linear.bias().toFloats()[feature]
                        * factor.toFloats()[position * (int) factor.size(1) + feature];
    }

    /** What biases make attention add to the stream at every position [d], as each row of a pattern adds up to one; null if nothing. */
    private static @Nullable Tensor ofAttention(LayerWeights layer, int kvHeads) {
        LayerWeights.Attention attention = layer.attention();
        Tensor values = attention.value().bias();
        Norm before = layer.preAttention();
        if (before != null && before.bias() != null) {
            Tensor read = TorchShape.select(
                    Torch.linear(
                            TorchShape.unsqueeze(before.bias(), 0),
                            attention.value().weight(),
                            null),
                    0,
                    0);
            values = values == null ? read : Torch.add(values, read);
        }
        Tensor added = attention.output().bias();
        if (values != null) {
            long group = attention.output().weight().size(1) / values.size(0);
            Tensor all = TorchShape.repeatInterleave(TorchShape.reshape(values, kvHeads, -1), (int) group, 0);
            Tensor written = TorchShape.select(
                    Torch.linear(
                            TorchShape.reshape(all, 1, -1), attention.output().weight(), null),
                    0,
                    0);
            added = added == null ? written : Torch.add(added, written);
        }
        if (added != null) {
            assertNull(layer.postAttention(), "a norm after attention and biases in it");
        }
        return added;
    }

    /** What the chosen neurons leave of a layer's output at every position. */
    private static Tensor wholeError(ReplacementModel model, Trace trace, ActiveFeatures active, int layer) {
        int[] here = IntStream.range(0, active.count())
                .filter(i -> active.layer()[i] == layer)
                .toArray();
        float[] chosen = new float[trace.positions() * model.basis().features()];
        for (int i : here) {
            chosen[active.position()[i] * model.basis().features() + active.feature()[i]] = active.activation()[i];
        }
        int[] every = IntStream.range(0, model.basis().features()).toArray();
        Tensor rows = Tensor.empty(
                DType.F32,
                Device.CPU,
                every.length,
                trace.site(model.basis().output(), layer).size(1));
        model.basis().decoderRows(layer, layer, every, null, null, rows);
        Tensor written = Torch.mm(Tensor.ofFloats(chosen, trace.positions(), every.length), rows);
        return Torch.sub(trace.site(model.basis().output(), layer), written);
    }
}
