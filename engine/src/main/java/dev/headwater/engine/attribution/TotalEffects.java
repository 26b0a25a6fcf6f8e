package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import java.util.Arrays;
import java.util.List;

/**
 * The gradients of targets on their way once down the whole linear model, whatever stands in for the MLPs included: what meets a
 * feature there, times its activation, is its total effect, over all paths. A layer's effects are known before the next layer's,
 * so that never more than one layer's need be in memory.
 */
final class TotalEffects {
    /** Gradients at a layer's border and between its parts, heads' and values' among them, that are there at a time. */
    private static final int COPIES = 8;

    private final FrozenModel frozen;
    private final List<Target> targets;
    private final int positions;
    private final MemoryBudget memory;
    private final int together;

    /** What stands in for the MLPs. */
    @FunctionalInterface
    interface Mlps {
        /**
         * Takes gradients through a layer's MLP; layers come from the top down.
         *
         * @param gradients F32 [targets, P, d] with respect to the stream that the MLP adds to
         * @return the same with respect to the stream that it reads, what goes past it left out; in the innermost open scope
         */
        Tensor through(int layer, Tensor gradients);
    }

    /** Takes the effects of a layer's features; layers come from the top down. */
    @FunctionalInterface
    interface Sink {
        /** @param scores sum over targets of weight · |activation · gradient| */
        void layer(int layer, float[] scores);
    }

    /** Makes what stands in for the MLPs of some of the targets. */
    @FunctionalInterface
    interface Maker {
        /**
         * @param weights of these targets
         * @param sink    takes what they add up to
         * @return tensors belong to the innermost open scope
         */
        Mlps of(float[] weights, Sink sink);
    }

    /** @param bytes that gradients may take; more targets than fit go down in groups, at least one at a time */
    TotalEffects(FrozenModel frozen, List<Target> targets, int positions, MemoryBudget memory, long bytes) {
        together = Math.clamp(bytes / bytes(positions, frozen.width()), 1, Math.max(1, targets.size()));
        this.memory = memory;
        this.frozen = frozen;
        this.targets = targets;
        this.positions = positions;
    }

    /** The targets' weights among each other, as their probabilities. */
    static float[] weights(List<LogitTarget> labels) {
        float[] weights = new float[labels.size()];
        for (int k = 0; k < weights.length; k++) {
            weights[k] = labels.get(k).probability();
        }
        return weights;
    }

    private static long bytes(int positions, int width) {
        return (long) positions * width * COPIES * Float.BYTES;
    }

    /** How many targets go down at a time. */
    int together() {
        return together;
    }

    /**
     * @param weights of all targets
     * @param sink    takes the effects on all targets
     */
    void run(float[] weights, Maker maker, Sink sink) {
        if (together >= targets.size()) {
            run(targets, maker.of(weights, sink));
            return;
        }
        float[][] sums = new float[frozen.layers()][0];
        for (int first = 0; first < targets.size(); first += together) {
            int end = Math.min(first + together, targets.size());
            try (var _ = TensorScope.open()) {
                run(
                        targets.subList(first, end),
                        maker.of(Arrays.copyOfRange(weights, first, end), (layer, scores) -> add(sums, layer, scores)));
            }
        }
        for (int layer = frozen.layers() - 1; layer >= 0; layer--) {
            sink.layer(layer, sums[layer]);
        }
    }

    private static void add(float[][] sums, int layer, float[] scores) {
        if (sums[layer].length == 0) {
            sums[layer] = scores.clone();
            return;
        }
        for (int i = 0; i < scores.length; i++) {
            sums[layer][i] += scores[i];
        }
    }

    private void run(List<Target> targets, Mlps mlps) {
        int layers = frozen.layers();
        boolean parallel = frozen.weights().parallel();
        long bytes = targets.size() * bytes(positions, frozen.width());
        try (var _ = memory.reserve("total effects", Place.DEVICE, bytes);
                var _ = TensorScope.open()) {
            // [targets, P, d] with respect to the stream
            Tensor gradients = Tensor.zeros(DType.F32, frozen.device(), targets.size(), positions, frozen.width());
            enter(targets, gradients, layers);
            for (int layer = layers - 1; layer >= 0; layer--) {
                try (var _ = TensorScope.open()) {
                    Tensor mlp = mlps.through(layer, gradients);
                    if (parallel) { // both read the stream that enters the layer
                        Tensor attention = throughAttention(layer, gradients);
                        Torch.copy(gradients, Torch.add(Torch.add(gradients, attention), mlp));
                        enter(targets, gradients, layer);
                    } else {
                        Tensor middle = Torch.add(gradients, mlp);
                        enter(targets, middle, layer);
                        Torch.copy(gradients, Torch.add(middle, throughAttention(layer, middle)));
                    }
                }
            }
        }
    }

    /** Targets that read what the layer's MLP reads. */
    private static void enter(List<Target> targets, Tensor gradients, int layer) {
        for (int k = 0; k < targets.size(); k++) {
            Target target = targets.get(k);
            if (target.layer() == layer) {
                Tensor at = TorchShape.select(TorchShape.select(gradients, 0, k), 0, target.position());
                Torch.copy(at, Torch.add(at, TorchShape.select(target.vectors(), 0, target.row())));
            }
        }
    }

    private Tensor throughAttention(int layer, Tensor gradients) {
        FrozenWeights.Layer weights = frozen.weights().layer(layer);
        Tensor pattern = frozen.layer(layer).pattern();
        long heads = pattern.size(0);
        long kvHeads = frozen.weights().kvHeads();
        long count = gradients.size(0);
        try (var scope = TensorScope.open()) {
            Tensor rows = TorchShape.reshape(gradients, -1, frozen.width());
            Tensor read = FloatProduct.mm(rows, weights.output().toFloat32());
            long headDim = read.size(1) / heads;
            // [heads, P, targets * headDim]
            Tensor byHead = TorchShape.reshape(
                    TorchShape.permute(TorchShape.reshape(read, count, positions, heads, headDim), 2, 1, 0, 3),
                    heads,
                    positions,
                    count * headDim);
            Tensor mixed = Torch.bmm(TorchShape.transpose(pattern, 1, 2), byHead);
            Tensor grouped = TorchReduce.sum(
                    TorchShape.reshape(mixed, kvHeads, heads / kvHeads, positions, count, headDim), 1, false);
            Tensor values = TorchShape.reshape(TorchShape.permute(grouped, 2, 1, 0, 3), -1, kvHeads * headDim);
            Tensor result = FloatProduct.mm(values, weights.value().toFloat32());
            return scope.keep(TorchShape.reshape(result, count, positions, frozen.width()));
        }
    }
}
