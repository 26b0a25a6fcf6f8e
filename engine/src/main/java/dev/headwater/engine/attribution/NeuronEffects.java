package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenNorm;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.neuron.Neurons;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What every neuron does to the targets over all paths. A layer's effects are handed on, and forgotten. */
final class NeuronEffects implements TotalEffects.Mlps {
    /** Float32 values of gradients with respect to neurons that are held at a time: 64 MiB. */
    private static final long MOST_VALUES = 16L << 20;

    private final Neurons neurons;
    private final FrozenModel frozen;
    private final Trace trace;
    private final float[] weights;
    private final @Nullable MeanActivations means;
    private final TotalEffects.Sink sink;

    /**
     * @param weights of the targets
     * @param means   what activations count from, null for 0
     * @param sink    takes scores [P * F]
     */
    NeuronEffects(
            Neurons neurons,
            FrozenModel frozen,
            Trace trace,
            float[] weights,
            @Nullable MeanActivations means,
            TotalEffects.Sink sink) {
        this.neurons = neurons;
        this.frozen = frozen;
        this.trace = trace;
        this.weights = weights;
        this.means = means;
        this.sink = sink;
    }

    @Override
    public Tensor through(int layer, Tensor gradients) {
        int positions = trace.positions();
        int features = neurons.features();
        int block = Math.clamp(MOST_VALUES / ((long) positions * features), 1, weights.length);
        try (var scope = TensorScope.open()) {
            Neurons.Linearised at = neurons.linearised(layer, trace.site(neurons.input(), layer));
            Tensor activation = means == null ? at.activation() : means.differences(layer, at.activation());
            FrozenNorm output = frozen.outputNorms().get(layer);
            FrozenNorm input = frozen.inputNorm(layer);
            Tensor scores = Tensor.zeros(DType.F32, frozen.device(), positions, features);
            List<Tensor> results = new ArrayList<>();
            for (int first = 0; first < weights.length; first += block) {
                int count = Math.min(block, weights.length - first);
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
                    Tensor effects = Torch.mul(Torch.abs(Torch.mul(met, activation)), share);
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
}
