package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.SparseEntries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * From pre-activations to activations and back, for each {@link FeatureKind}.
 *
 * @param active features that are to be active at a position
 * @param width  of JumpReLU's kernel, as a share of a threshold
 */
record FeatureFunction(FeatureKind kind, int active, double width) {
    /** Of the threshold; in the paper it is a constant, for activations whose size is known. */
    static final double BAND = 0.2;

    /** How far a threshold of BatchTopK goes at a step towards that of the batch. */
    private static final double FOLLOWING = 0.1;

    FeatureFunction(TrainingShape shape) {
        this(shape.kind(), shape.active(), BAND);
    }

    /**
     * What is active in a batch, or so close to it that its gradient counts.
     *
     * @param entries   with activations as values, 0 where it is close only
     * @param before    their pre-activations, biased F32 [n]
     * @param threshold F32 [n], of each one's feature, or null
     */
    record Active(
            SparseEntries entries, Tensor before, @Nullable Tensor threshold) {
        /** How many are active indeed. */
        long count() {
            return threshold == null ? entries.count() : (long) sum(Torch.to(Torch.gt(before, threshold), DType.F32));
        }
    }

    private static double sum(Tensor values) {
        return TorchReduce.sum(values, 0, false).item();
    }

    /**
     * @param pre      F32 [B, F], without bias
     * @param training false: as the finished set will be
     */
    Active activate(Tensor pre, LayerParameters layer, boolean training) {
        Tensor bias = layer.encoderBias(layer.values);
        return switch (kind) {
            case TOPK -> plain(SparseEntries.largest(pre, bias, active));
            case RELU -> plain(SparseEntries.above(pre, bias, null));
            case BATCHTOPK ->
                plain(SparseEntries.above(
                        pre, bias, constant(training ? movedCut(pre, bias, layer) : layer.cut, layer.features)));
            case JUMPRELU -> jump(pre, bias, Torch.exp(layer.thresholds(layer.values)), training);
        };
    }

    private static Active plain(SparseEntries entries) {
        return new Active(entries, entries.values(), null);
    }

    private static Tensor constant(double value, int features) {
        return Tensor.full(value, DType.F32, Device.CPU, features);
    }

    private Active jump(Tensor pre, Tensor bias, Tensor thresholds, boolean training) {
        SparseEntries near =
                SparseEntries.above(pre, bias, training ? Torch.mul(thresholds, 1 - width / 2) : thresholds);
        Tensor threshold = TorchShape.indexSelect(thresholds, 0, near.columns());
        Tensor on = Torch.to(Torch.gt(near.values(), threshold), DType.F32);
        return new Active(near.with(Torch.mul(near.values(), on)), near.values(), threshold);
    }

    /** A batch's own cut, to which the layer's, by which held-out text is judged, moves. */
    private double movedCut(Tensor pre, Tensor bias, LayerParameters layer) {
        double cut = batchCut(pre, bias, layer);
        layer.cut += (layer.cut == 0 ? 1 : FOLLOWING) * (cut - layer.cut);
        return cut;
    }

    /** The value that as many of a batch exceed as there are to be, or 0 if fewer exceed that. */
    double batchCut(Tensor pre, Tensor bias, LayerParameters layer) {
        int wanted = Math.toIntExact(Math.min(pre.numel() - 1, pre.size(0) * active));
        double low = 0.8 * layer.cut;
        SparseEntries candidates = SparseEntries.above(pre, bias, constant(low, layer.features));
        if (candidates.count() <= wanted && low > 0) {
            candidates = SparseEntries.above(pre, bias, constant(0, layer.features));
        }
        if (candidates.count() <= wanted) {
            return 0;
        }
        return exceededBy(candidates.values().toFloats(), wanted);
    }

    /** Of numbers over 0 that which exactly {@code wanted} exceed, but for equal ones; fewer than there are. */
    static float exceededBy(float[] values, int wanted) {
        // Bits of positive numbers are in their order: by the upper half first, then the lower one of those that share
        // it.
        int[] histogram = new int[1 << 16];
        for (float value : values) {
            histogram[Float.floatToRawIntBits(value) >>> 16]++;
        }
        int left = wanted + 1;
        int upper = histogram.length - 1;
        while (histogram[upper] < left) {
            left -= histogram[upper--];
        }
        Arrays.fill(histogram, 0);
        for (float value : values) {
            int bits = Float.floatToRawIntBits(value);
            if (bits >>> 16 == upper) {
                histogram[bits & 0xFFFF]++;
            }
        }
        int lower = histogram.length - 1;
        while (histogram[lower] < left) {
            left -= histogram[lower--];
        }
        return Float.intBitsToFloat(upper << 16 | lower);
    }

    /**
     * From gradients by activations to those by pre-activations.
     *
     * @param byActivation F32 [n]
     */
    Tensor back(Active at, Tensor byActivation) {
        return at.threshold == null
                ? byActivation
                : Torch.mul(byActivation, Torch.to(Torch.gt(at.before, at.threshold), DType.F32));
    }

    /**
     * Straight-through gradients by the logarithm of each one's threshold, F32 [n] (equations 11 and 12 of the paper, times θ for the
     * logarithm): -(θ · g + penalty) · θ / ε within half of ε = width · θ around it.
     *
     * @param byActivation F32 [n]
     * @param penalty      of an active feature, in the gradients' unit
     */
    Tensor byThreshold(Active at, Tensor byActivation, double penalty) {
        Tensor threshold = Objects.requireNonNull(at.threshold);
        Tensor away = Torch.abs(Torch.sub(at.before, threshold));
        Tensor near = Torch.to(Torch.lt(away, Torch.mul(threshold, width / 2)), DType.F32);
        return Torch.mul(near, Torch.mul(Torch.add(Torch.mul(threshold, byActivation), penalty), -1 / width));
    }
}
