package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.linear.FrozenModel;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What every active feature of transcoders does to the targets over all paths. An active feature passes on what it reads as it is;
 * the others pass on nothing.
 */
final class FeatureEffects implements TotalEffects.Mlps {
    /** Float32 values of encoder rows that are held at a time: 64 MiB. */
    private static final long MOST_VALUES = 16L << 20;

    private final FrozenModel frozen;
    private final ActiveFeatures active;
    private final Sources sources;
    private final TargetVectors vectors;
    private final float[] weights;
    private final TotalEffects.Sink sink;
    private final int positions;
    /** For each layer [features, targets]; features that write to several layers add up here. */
    private final Tensor[] effects;

    /**
     * @param sources of all active features
     * @param weights of the targets
     * @param sink    takes the scores of a layer's active features, in their order
     */
    FeatureEffects(
            FrozenModel frozen,
            ActiveFeatures active,
            Sources sources,
            TargetVectors vectors,
            float[] weights,
            TotalEffects.Sink sink) {
        this.frozen = frozen;
        this.active = active;
        this.sources = sources;
        this.vectors = vectors;
        this.weights = weights;
        this.sink = sink;
        positions = (int) sources.tokens().size(0);
        effects = IntStream.range(0, frozen.layers())
                .mapToObj(layer -> Tensor.zeros(DType.F32, frozen.device(), sources.features(layer), weights.length))
                .toArray(Tensor[]::new);
    }

    /** Bytes that this takes. */
    static long bytes(ActiveFeatures active, int targets) {
        return (long) active.count() * targets * Float.BYTES;
    }

    @Override
    public Tensor through(int layer, Tensor gradients) {
        try (var scope = TensorScope.open()) {
            for (int from = sources.firstSourceLayer(layer); from <= layer; from++) {
                meet(from, layer, gradients);
            }
            Tensor share = Torch.to(Tensor.ofFloats(weights, 1, weights.length), frozen.device());
            sink.layer(
                    layer,
                    TorchReduce.sum(Torch.mul(Torch.abs(effects[layer]), share), 1, false)
                            .toFloats());
            Tensor below = throughSkip(layer, gradients);
            for (int from = 0, to; from < positions; from = to) {
                to = from + 1;
                while (to < positions && values(layer, from, to + 1) <= MOST_VALUES) {
                    to++;
                }
                throughFeatures(layer, from, to, below);
            }
            return scope.keep(below);
        }
    }

    private long values(int layer, int from, int to) {
        return (long) (sources.featuresUpTo(layer, to) - sources.featuresUpTo(layer, from)) * frozen.width();
    }

    /** What the features of a layer add to the targets by what they write at another. */
    private void meet(int from, int to, Tensor gradients) {
        if (sources.features(from) == 0) {
            return;
        }
        try (var _ = TensorScope.open()) {
            Tensor written = sources.decoders(from, to);
            for (int p = 0; p < positions; p++) {
                int first = sources.featuresUpTo(from, p);
                int count = sources.featuresUpTo(from, p + 1) - first;
                if (count > 0) {
                    Tensor sum = TorchShape.narrow(effects[from], 0, first, count);
                    Tensor here = TorchShape.narrow(written, 0, first, count);
                    Torch.mmInto(sum, here, TorchShape.t(TorchShape.select(gradients, 1, p)), 1);
                }
            }
        }
    }

    /** The transcoder's affine path. */
    private Tensor throughSkip(int layer, Tensor gradients) {
        var skip = frozen.weights().layer(layer).skip();
        Tensor scales = frozen.layer(layer).skipScale();
        if (skip == null || scales == null) {
            return Tensor.zeros(DType.F32, frozen.device(), weights.length, positions, frozen.width());
        }
        try (var scope = TensorScope.open()) {
            Tensor rows = Torch.mm(TorchShape.reshape(gradients, -1, frozen.width()), skip.toFloat32());
            Tensor scale = TorchShape.unsqueeze(scales, 1);
            return scope.keep(Torch.mul(TorchShape.reshape(rows, weights.length, positions, frozen.width()), scale));
        }
    }

    /** Adds what comes down through a layer's features at some positions. */
    private void throughFeatures(int layer, int from, int to, Tensor below) {
        int first = sources.featuresUpTo(layer, from);
        int end = sources.featuresUpTo(layer, to);
        if (first == end) {
            return;
        }
        int base = sources.firstFeature(layer);
        try (var _ = TensorScope.open()) {
            Tensor read = vectors.encoders(
                    layer,
                    Arrays.copyOfRange(active.feature(), base + first, base + end),
                    Arrays.copyOfRange(active.position(), base + first, base + end));
            float[] activation = Arrays.copyOfRange(active.activation(), base + first, base + end);
            Tensor gradient = Torch.div(
                    TorchShape.narrow(effects[layer], 0, first, end - first),
                    Torch.to(Tensor.ofFloats(activation, activation.length, 1), frozen.device()));
            for (int p = from; p < to; p++) {
                int at = sources.featuresUpTo(layer, p) - first;
                int count = sources.featuresUpTo(layer, p + 1) - first - at;
                if (count > 0) {
                    Tensor sum = TorchShape.select(below, 1, p);
                    Tensor met = TorchShape.t(TorchShape.narrow(gradient, 0, at, count));
                    Torch.copy(sum, Torch.add(sum, Torch.mm(met, TorchShape.narrow(read, 0, at, count))));
                }
            }
        }
    }
}
