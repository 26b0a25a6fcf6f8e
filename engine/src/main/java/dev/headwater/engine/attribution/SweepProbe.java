package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.LinearModel;
import dev.headwater.engine.model.Trace;
import java.util.List;

/** The adjoint sweep of one prompt on its own, for measurements: everything before it is done once. Not thread-safe. */
public final class SweepProbe implements AutoCloseable {
    private final Trace trace;
    private final TensorScope scope;
    private final AdjointSweep sweep;
    private final FrozenPrompt prompt;
    private final LocalReplacement local;
    private final TargetVectors vectors;

    /**
     * @param rows   about how many rows will be asked for at a time
     * @param memory bytes for gradients, and again for decoder vectors
     */
    public SweepProbe(ReplacementModel model, Prompt of, int rows, long memory) {
        scope = TensorScope.open();
        trace = model.trace(of.tokens());
        local = LocalReplacement.of(model, List.of(trace), done -> {}).getFirst();
        LinearModel linear = model.linear();
        FrozenModel frozen = FrozenModel.of(linear.weights(), model.model(), trace, model.basis());
        Sources sources = new Sources(
                local.active(),
                model.basis(),
                frozen.outputNorms(),
                local.errors(),
                trace.tokenVectors(),
                memory,
                model.memory());
        vectors = new TargetVectors(model, frozen, local.active(), trace);
        vectors.choose(OutputTargets.SALIENT, trace);
        prompt = FrozenPrompt.of(frozen, sources, 0);
        long gradients = (long) rows * (of.length() + 1) / 2;
        sweep = new AdjointSweep(
                linear.weights(), linear.twoLayers(gradients / model.layers()), memory, model.memory());
    }

    /** All features that fire on the prompt. */
    public ActiveFeatures active() {
        return local.active();
    }

    /** Edges of some of them from every source; the caller closes the rows. */
    public EdgeRows rows(int[] features) {
        try (var _ = TensorScope.open()) {
            List<Target> targets = vectors.of(features, prompt.sources().columns(0));
            return sweep.rows(List.of(new AdjointSweep.Wanted(prompt, targets)), done -> {}, () -> false)
                    .getFirst();
        }
    }

    @Override
    public void close() {
        sweep.close();
        prompt.sources().close();
        trace.close();
        scope.close();
    }
}
