package dev.headwater.engine.attribution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.EdgeSlots;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.attribution.SweepLayout.PromptPart;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.product.Weight;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The gradients of one batch of targets on their way down (reference section 2.6): a target becomes active at the layer that
 * it reads, with its own vector as gradient, and stays active down to the tokens. A gradient has a row for each position up
 * to the target's own.
 *
 * <p>Members are in the order in which they start, so that the active ones are a prefix. Recent ones started in the attention layer just above. Belongs to the scope in which it was made.
 */
final class SweepBatch {
    private final FrozenWeights weights;
    private final TwoLayers twoLayers;
    private final SweepLayout layout;
    private final Tensor gradient;
    private final Tensor heads;
    private final Tensor mixed;
    /** How many targets are active: a prefix of the members. */
    private int active;
    /**
     * Of these, the targets from here on started in the attention layer above, so that their rows of {@link #mixed}
     * still tell all.
     */
    private int firstRecent;

    /**
     * @param layout   whose index arrays were sent
     * @param allocate memory for so many floats
     */
    SweepBatch(FrozenWeights weights, TwoLayers twoLayers, SweepLayout layout, LongFunction<Tensor> allocate) {
        this.weights = weights;
        this.twoLayers = twoLayers;
        this.layout = layout;
        long rows = layout.rows();
        Tensor scratch = allocate.apply(rows * weights.scratchFloatsPerRow());
        gradient = matrix(scratch, 0, rows, weights.width());
        heads = matrix(scratch, rows * weights.width(), rows, weights.headsWidth());
        mixed = matrix(scratch, rows * (weights.width() + weights.headsWidth()), rows, weights.valueWidth());
    }

    private static Tensor matrix(Tensor scratch, long from, long rows, long columns) {
        return TorchShape.reshape(TorchShape.narrow(scratch, 0, from, rows * columns), rows, columns);
    }

    private Tensor rows(Tensor matrix, int first, int last) {
        return layout.rows(matrix, first, last);
    }

    /** Number of targets after the active ones that start at this layer. */
    private int starting(int layer) {
        int end = active;
        while (end < layout.size() && layout.target(end).layer() == layer) {
            end++;
        }
        return end - active;
    }

    /**
     * Targets above all layers (logits), and those that read what attention reads, start without an attention layer
     * between.
     */
    void start(int layer) {
        int count = starting(layer);
        if (count > 0) {
            Torch.zeroInPlace(rows(gradient, active, active + count));
            Kernels.addRows(gradient, layout.ownRows(active, count), layout.vectors(active, count));
            active += count;
            firstRecent = active;
        }
    }

    /** The layer is read next. */
    void willNeed(int layer) {
        for (PromptPart part : layout.parts()) {
            part.prompt.sources().willNeed(layer);
        }
    }

    void readEdges(int layer) {
        for (PromptPart part : layout.parts()) {
            int count = part.before(active);
            if (count == 0) {
                continue;
            }
            try (var scope = TensorScope.open()) {
                SweepPlan plan = part.plan;
                Sources sources = part.prompt.sources();
                for (int from = sources.firstSourceLayer(layer); from <= layer; from++) {
                    Kernels.edgeContract(
                            gradient,
                            sources.decoders(from, layer),
                            part.features(from, count),
                            plan.out,
                            sources.crossLayer());
                }
                Kernels.edgeContract(gradient, sources.errors(layer), part.errors(layer, count), plan.out, false);
            }
        }
    }

    void readTokens() {
        for (PromptPart part : layout.parts()) {
            try (var scope = TensorScope.open()) {
                int count = part.before(active);
                Sources sources = part.prompt.sources();
                Kernels.edgeContract(gradient, sources.tokens(), part.tokens(count), part.plan.out, false);
            }
        }
    }

    /**
     * Edges of the tokens, read above the first layer's attention: for each token the sum over the positions that it
     * reaches.
     */
    void readTokensFromAbove() {
        for (PromptPart part : layout.parts()) {
            TokenReach reach = part.prompt.reach();
            if (reach == null) {
                throw new IllegalStateException("a prompt's tokens are not seen from above the first layer");
            }
            int targets = part.before(active);
            long[] base = new long[targets + 1];
            for (int i = 0; i < targets; i++) {
                long count = layout.target(part.member[i]).position() + 1L;
                base[i + 1] = base[i] + count * (count + 1) / 2;
            }
            try (var scope = TensorScope.open()) {
                Tensor pieces = Tensor.empty(DType.F32, Device.CPU, base[targets]);
                EdgeSlots slots = EdgeSlots.of(part.ragged(0, targets), reach.segments(), Arrays.copyOf(base, targets));
                Kernels.edgeContract(gradient, reach.sources(), slots, pieces, false);
                for (int i = 0; i < targets; i++) {
                    int count = layout.target(part.member[i]).position() + 1;
                    float[] values = pieces.data()
                            .asSlice(base[i] * Float.BYTES, (base[i + 1] - base[i]) * Float.BYTES)
                            .toArray(JAVA_FLOAT);
                    float[] sums = new float[count];
                    for (int q = 0, at = 0; q < count; q++) {
                        for (int p = 0; p <= q; p++) {
                            sums[p] += values[at++];
                        }
                    }
                    long to = part.plan.tokenBase[part.number(i)];
                    MemorySegment.copy(sums, 0, part.plan.out.data(), JAVA_FLOAT, to * Float.BYTES, count);
                }
            }
        }
    }

    /** The affine skip of a transcoder is the only path through an MLP. */
    void throughSkip(int layer) {
        Weight skip = weights.layer(layer).skip();
        if (skip == null || active == 0) {
            return;
        }
        try (var scope = TensorScope.open()) {
            Tensor above = rows(gradient, 0, active);
            Tensor skipped = Tensor.empty(DType.F32, weights.device(), above.shape());
            skip.product(skipped, above, 0);
            for (PromptPart part : layout.parts()) {
                int count = part.before(active);
                Tensor scale = part.prompt.model().layer(layer).skipScale();
                if (count > 0 && scale != null) {
                    Kernels.addScaledRows(gradient, skipped, part.ragged(0, count), scale);
                }
            }
        }
    }

    /** Both at once, where the MLP reads what attention reads. */
    void throughAttentionAndSkip(int layer) {
        if (active == 0) {
            return;
        }
        try (var scope = TensorScope.open()) {
            toHeads(layer);
            mixPositions(layer);
            throughSkip(layer);
            weights.layer(layer).value().product(rows(gradient, 0, active), rows(mixed, 0, active), 1);
            firstRecent = active;
        }
    }

    private void mixPositions(int layer) {
        for (PromptPart part : layout.parts()) {
            int old = part.before(active);
            if (old > 0) {
                Kernels.patternAdjoint(
                        heads,
                        part.prompt.model().layer(layer).pattern(),
                        weights.kvHeads(),
                        part.ragged(0, old),
                        mixed);
            }
        }
    }

    void throughAttention(int layer) {
        int count = starting(layer);
        try (var scope = TensorScope.open()) {
            FrozenWeights.Layer layerWeights = weights.layer(layer);
            if (active > 0) {
                toHeads(layer);
                mixPositions(layer);
                layerWeights.value().product(rows(gradient, 0, active), rows(mixed, 0, active), 1);
            }
            firstRecent = active;
            if (count > 0) {
                Tensor vectors = layout.vectors(active, count);
                Tensor own = Tensor.empty(DType.F32, weights.device(), count, weights.headsWidth());
                layerWeights.output().product(own, vectors, 0);
                for (PromptPart part : layout.parts()) {
                    int old = part.before(active);
                    int starting = part.before(active + count) - old;
                    if (starting > 0) {
                        Kernels.patternAdjointSingle(
                                TorchShape.narrow(own, 0, part.member[old] - active, starting),
                                part.prompt.model().layer(layer).pattern(),
                                weights.kvHeads(),
                                part.ragged(old, starting),
                                mixed);
                    }
                }
                layerWeights
                        .value()
                        .product(rows(gradient, active, active + count), rows(mixed, active, active + count), 0);
                Kernels.addRows(gradient, layout.ownRows(active, count), vectors);
                active += count;
            }
        }
    }

    /** The active targets' gradients with respect to the heads' outputs. */
    private void toHeads(int layer) {
        Weight output = weights.layer(layer).output();
        Weight throughTwo = twoLayers.weight(layer);
        int whole = throughTwo == null ? active : firstRecent;
        if (whole > 0) {
            output.product(rows(heads, 0, whole), rows(gradient, 0, whole), 0);
        }
        int count = active - whole;
        if (throughTwo != null && count > 0) {
            throughTwo.product(rows(heads, whole, active), rows(mixed, whole, active), 0);
            Tensor own = Tensor.empty(DType.F32, weights.device(), count, weights.headsWidth());
            output.product(own, layout.vectors(whole, count), 0);
            Kernels.addRows(heads, layout.ownRows(whole, count), own);
        }
    }
}
