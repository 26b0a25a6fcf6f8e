package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenNorm;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.neuron.Neurons;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What every neuron does to the targets over all paths: each target's gradient goes once down the whole linear model, the MLPs
 * included, and a neuron's total effect is its activation times the gradient that meets it. A layer's effects are handed on before
 * the next layer's are computed, so that never more than one layer's are in memory.
 */
final class TotalEffects {
    /** Float32 values of gradients with respect to neurons that are held at a time: 64 MiB. */
    private static final long MOST_VALUES = 16L << 20;

    private final Neurons neurons;
    private final FrozenModel frozen;
    private final Trace trace;
    private final List<Target> targets;
    private final float[] weights;
    private final int positions;

    /** Takes the effects of a layer; layers come from the top down. */
    @FunctionalInterface
    interface Sink {
        /** @param scores sum over targets of weight · |activation · gradient| [P * F] */
        void layer(int layer, float[] scores);
    }

    TotalEffects(Neurons neurons, FrozenModel frozen, Trace trace, List<Target> targets, List<LogitTarget> labels) {
        this.neurons = neurons;
        this.frozen = frozen;
        this.trace = trace;
        this.targets = targets;
        positions = trace.positions();
        weights = new float[labels.size()];
        for (int k = 0; k < weights.length; k++) {
            weights[k] = labels.get(k).probability();
        }
    }

    void run(Sink sink) {
        int layers = frozen.layers();
        boolean parallel = frozen.weights().parallel();
        try (var scope = TensorScope.open()) {
            // [targets, P, d] with respect to the stream
            Tensor gradients = Tensor.zeros(DType.F32, frozen.device(), targets.size(), positions, frozen.width());
            enter(gradients, layers);
            for (int layer = layers - 1; layer >= 0; layer--) {
                try (var inner = TensorScope.open()) {
                    Tensor mlp = throughMlp(layer, gradients, sink);
                    if (parallel) { // both read the stream that enters the layer
                        Tensor attention = throughAttention(layer, gradients);
                        gradients = inner.keep(Torch.add(Torch.add(gradients, attention), mlp));
                        enter(gradients, layer);
                    } else {
                        Tensor middle = Torch.add(gradients, mlp);
                        enter(middle, layer);
                        gradients = inner.keep(Torch.add(middle, throughAttention(layer, middle)));
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

    private Tensor throughMlp(int layer, Tensor gradients, Sink sink) {
        int features = neurons.features();
        int block = Math.clamp(MOST_VALUES / ((long) positions * features), 1, targets.size());
        try (var scope = TensorScope.open()) {
            Neurons.Linearised at = neurons.linearised(layer, trace.site(neurons.input(), layer));
            FrozenNorm output = frozen.outputNorms().get(layer);
            FrozenNorm input = frozen.inputNorm(layer);
            Tensor scores = Tensor.zeros(DType.F32, frozen.device(), positions, features);
            List<Tensor> results = new ArrayList<>();
            for (int first = 0; first < targets.size(); first += block) {
                int count = Math.min(block, targets.size() - first);
                try (var inner = TensorScope.open()) {
                    Tensor out = pulled(output, TorchShape.narrow(gradients, 0, first, count));
                    Tensor met = TorchShape.reshape(
                            neurons.toNeurons(layer, TorchShape.reshape(out, -1, frozen.width())),
                            count,
                            positions,
                            features);
                    Tensor share = Torch.to(
                            Tensor.ofFloats(Arrays.copyOfRange(weights, first, first + count), count, 1, 1),
                            frozen.device());
                    Tensor effects = Torch.mul(Torch.abs(Torch.mul(met, at.activation())), share);
                    Torch.copy(scores, Torch.add(scores, TorchReduce.sum(effects, 0, false)));
                    Tensor in = TorchShape.reshape(neurons.toInput(layer, at, met), count, positions, frozen.width());
                    results.add(inner.keep(pulled(input, in)));
                }
            }
            sink.layer(layer, scores.toFloats());
            return scope.keep(results.size() == 1 ? results.getFirst() : TorchShape.cat(results, 0));
        }
    }

    private static Tensor pulled(FrozenNorm norm, Tensor gradients) {
        Tensor pulled = norm.pullBack(gradients);
        return norm.reciprocal() == null ? pulled : Torch.mul(pulled, TorchShape.unsqueeze(norm.reciprocal(), 1));
    }

    private Tensor throughAttention(int layer, Tensor gradients) {
        FrozenWeights.Layer weights = frozen.weights().layer(layer);
        Tensor pattern = frozen.layer(layer).pattern();
        long heads = pattern.size(0);
        long kvHeads = frozen.weights().kvHeads();
        long count = targets.size();
        try (var scope = TensorScope.open()) {
            Tensor rows = TorchShape.reshape(gradients, -1, frozen.width());
            Tensor read = Torch.mm(rows, weights.output().toFloat32());
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
            Tensor result = Torch.mm(values, weights.value().toFloat32());
            return scope.keep(TorchShape.reshape(result, count, positions, frozen.width()));
        }
    }
}
