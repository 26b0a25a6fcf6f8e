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

    TotalEffects(FrozenModel frozen, List<Target> targets, int positions, MemoryBudget memory) {
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

    void run(Mlps mlps) {
        int layers = frozen.layers();
        boolean parallel = frozen.weights().parallel();
        long bytes = (long) targets.size() * positions * frozen.width() * COPIES * Float.BYTES;
        try (var _ = memory.reserve("total effects", Place.DEVICE, bytes);
                var _ = TensorScope.open()) {
            // [targets, P, d] with respect to the stream
            Tensor gradients = Tensor.zeros(DType.F32, frozen.device(), targets.size(), positions, frozen.width());
            enter(gradients, layers);
            for (int layer = layers - 1; layer >= 0; layer--) {
                try (var _ = TensorScope.open()) {
                    Tensor mlp = mlps.through(layer, gradients);
                    if (parallel) { // both read the stream that enters the layer
                        Tensor attention = throughAttention(layer, gradients);
                        Torch.copy(gradients, Torch.add(Torch.add(gradients, attention), mlp));
                        enter(gradients, layer);
                    } else {
                        Tensor middle = Torch.add(gradients, mlp);
                        enter(middle, layer);
                        Torch.copy(gradients, Torch.add(middle, throughAttention(layer, middle)));
                    }
                }
            }
        }
    }

    /** Targets that read what the layer's MLP reads. */
    private void enter(Tensor gradients, int layer) {
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
        long count = targets.size();
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
