package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.neuron.Neurons;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A model's neurons by their total effects on what is to be explained, as a graph's are chosen. */
public final class NeuronRanking {
    private NeuronRanking() {}

    /**
     * The neurons with the largest effects.
     *
     * @param trace as {@link ReplacementModel#trace} makes it
     * @param means what activations count from, null for 0
     * @param most  how many, 0 for all that have an effect
     * @return numbers (layer * P + position) * F + neuron, the strongest first
     */
    public static long[] strongest(
            ReplacementModel model, Trace trace, OutputTargets targets, @Nullable MeanActivations means, int most) {
        try (var _ = model.use();
                var _ = TensorScope.open()) {
            FrozenModel frozen =
                    FrozenModel.of(model.linear().weights(), model.model(), trace, MeanActivations.neurons(model));
            TargetVectors vectors = new TargetVectors(model, frozen, ActiveFeatures.NONE, trace);
            vectors.choose(targets, trace);
            var effects = new TotalEffects(
                    frozen,
                    vectors.outputs(),
                    trace.positions(),
                    model.memory(),
                    model.memory().working(Place.DEVICE) / 2);
            return strongest(model, effects, frozen, trace, vectors, means, most, layer -> {})
                    .ranked();
        }
    }

    /**
     * The same where the targets are settled.
     *
     * @param passed hears each layer that is done
     */
    static StrongestFeatures strongest(
            ReplacementModel model,
            TotalEffects effects,
            FrozenModel frozen,
            Trace trace,
            TargetVectors vectors,
            @Nullable MeanActivations means,
            int most,
            IntConsumer passed) {
        Neurons neurons = (Neurons) model.basis();
        int zeros = model.zeroPositions(trace.tokens()) * neurons.features();
        long layerSize = (long) trace.positions() * neurons.features();
        var strongest = new StrongestFeatures(most);
        float[] weights = TotalEffects.weights(vectors.labels());
        effects.run(
                weights,
                (some, sink) -> new NeuronEffects(neurons, frozen, trace, some, means, sink),
                (layer, scores) -> {
                    strongest.add(layer * layerSize, scores, zeros);
                    passed.accept(layer);
                });
        return strongest;
    }

    /** What the neurons with the largest effects leave, where the targets are settled; refused if their edges are too many. */
    static LocalReplacement replacement(
            ReplacementModel model,
            TotalEffects effects,
            FrozenModel frozen,
            Trace trace,
            TargetVectors vectors,
            @Nullable MeanActivations means,
            int most,
            IntConsumer passed) {
        long[] chosen = strongest(model, effects, frozen, trace, vectors, means, most, passed)
                .chosen();
        double edges =
                StrongestFeatures.edges(chosen, trace.positions(), model.basis().features());
        // Said before anything of that size is there.
        model.memory()
                .reserve("edges", Place.HOST, (long) (edges * Float.BYTES))
                .close();
        return LocalReplacement.of(model, trace, chosen, means);
    }
}
