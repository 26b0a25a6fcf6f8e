package dev.headwater.engine.intervention;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A pass of the model over P tokens as far as it can be looked at: its logits, and the features as they are encoded
 * from the stream of this pass. At zero positions features count as 0. Activations are computed when asked for. Closing
 * it frees native memory.
 */
public final class Run implements AutoCloseable {
    private final ReplacementModel model;
    private final Trace trace;
    private final int zeroPositions;
    private final List<Applied> applied;

    Run(ReplacementModel model, Trace trace, int zeroPositions) {
        this(model, trace, zeroPositions, List.of());
    }

    Run(ReplacementModel model, Trace trace, int zeroPositions, List<Applied> applied) {
        this.model = model;
        this.trace = trace;
        this.zeroPositions = zeroPositions;
        this.applied = applied;
    }

    /**
     * An activation that this run was given.
     *
     * @param original in the run without edits
     * @param current  what it would have been here: as the encoder reads it from the stream that lower edits have
     *      changed, or the original where MLP outputs are frozen
     * @param value    what it was set to; the MLP's output changed by its difference from {@code current}
     */
    public record Applied(FeatureRef feature, float original, float current, float value) {}

    /** The activations that edits really set, by layer, position and feature; empty for a run without edits. */
    public List<Applied> applied() {
        return applied;
    }

    /** {@return ids of prompt and answer} */
    public int[] tokens() {
        return trace.tokens();
    }

    /** {@return tokens of prompt and answer} */
    public int positions() {
        return trace.positions();
    }

    int zeroPositions() {
        return zeroPositions;
    }

    Trace trace() {
        return trace;
    }

    /** F32 [P, d] at the transcoders' input site. */
    Tensor input(int layer) {
        return trace.site(model.basis().input(), layer);
    }

    /** F32 [P, d] at the transcoders' output site. */
    Tensor output(int layer) {
        return trace.site(model.basis().output(), layer);
    }

    /**
     * Logits of the token after a position, after any soft-cap, [V].
     *
     * @param position negative from the end
     */
    public float[] logits(int position) {
        int p = Objects.checkIndex(position < 0 ? position + positions() : position, positions());
        int kept = (int) trace.logits().size(0);
        if (p < positions() - kept) {
            throw new IllegalStateException("this run kept the logits of its last position only");
        }
        try (var scope = TensorScope.open()) {
            return TorchShape.select(trace.logits(), 0, p - positions() + kept).toFloats();
        }
    }

    /** Logits of all positions that were kept, F32 [P, V] or the last one's [1, V]; borrowed: it closes with this run. */
    public Tensor logits() {
        return trace.logits();
    }

    /** Probabilities of the token after a position, [V]. */
    public double[] probabilities(int position) {
        float[] logits = logits(position);
        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = Math.exp(logits[i] - largest);
            sum += probabilities[i];
        }
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }

    /**
     * Logits before any soft-cap, less their mean over the vocabulary: what the edges into a graph's logits state [V].
     */
    public double[] demeanedLogits(int position) {
        float[] logits = logits(position);
        double cap = model.model().config().finalSoftcap();
        double[] values = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            double share = logits[i] / cap;
            values[i] = cap == 0 ? logits[i] : cap * 0.5 * Math.log((1 + share) / (1 - share));
            sum += values[i];
        }
        double mean = sum / logits.length;
        for (int i = 0; i < values.length; i++) {
            values[i] -= mean;
        }
        return values;
    }

    /** The active features of a layer. */
    public SparseActivations activations(int layer) {
        try (var _ = model.use()) {
            return model.basis().encode(layer, input(layer), zeroPositions);
        }
    }

    /** All activations of a layer, [P * F]. For small sets. */
    public float[] denseActivations(int layer) {
        int features = model.basis().features();
        float[] dense = new float[Math.multiplyExact(positions(), features)];
        SparseActivations active = activations(layer);
        for (int i = 0; i < active.count(); i++) {
            dense[active.position()[i] * features + active.feature()[i]] = active.value()[i];
        }
        return dense;
    }

    /** What a layer's features have before their activation function, [P * F]; 0 at zero positions. For small sets. */
    public float[] preActivations(int layer) {
        try (var _ = model.use()) {
            try (var scope = TensorScope.open()) {
                float[] values = Torch.to(model.basis().preActivations(layer, input(layer)), DType.F32)
                        .toFloats();
                Arrays.fill(values, 0, zeroPositions * model.basis().features(), 0);
                return values;
            }
        }
    }

    /** Pre-activations of some features of a layer, each at its position. */
    public float[] preActivations(int layer, int[] position, int[] feature) {
        try (var _ = model.use()) {
            return feature.length == 0
                    ? new float[0]
                    : model.basis().preActivations(layer, input(layer), position, feature);
        }
    }

    @Override
    public void close() {
        trace.close();
    }
}
