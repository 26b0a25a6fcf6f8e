package dev.headwater.engine.training;

import dev.headwater.bindings.Adam;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.SparseEntries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Layers whose losses hang together: one of a per-layer set, all of a cross-layer set. The loss is the sum over layers of the mean squared
 * error, in scaled activations, plus a penalty on what is active. Gradients are written out by hand; what they are multiplied with is
 * sparse: activations, and their gradients, which are 0 where a feature is not active.
 *
 * @param layers by layer; those of index i write to layers i to i + targets − 1 of this list
 */
record Span(TrainingShape shape, FeatureFunction function, List<LayerParameters> layers) {
    /** Weight of the loss by which features that are never active learn what the others leave over (Gao et al., section 2.3). */
    private static final double DEAD_WEIGHT = 1 / 32.0;
    /** How many of them learn at a position at most. */
    private static final int DEAD_ACTIVE = 128;

    Span(TrainingShape shape, List<LayerParameters> layers) {
        this(shape, new FeatureFunction(shape), layers);
    }

    /**
     * What a batch says of a layer.
     *
     * @param unexplained mean squared error of scaled activations: about the fraction of variance unexplained
     * @param active      features a position
     */
    record Fit(double unexplained, double active) {}

    /** What a forward pass leaves for the backward pass. */
    private record Forward(List<Tensor> pre, List<FeatureFunction.Active> active, List<Tensor> error) {}

    private Forward forward(List<Tensor> x, List<Tensor> y, boolean training) {
        List<Tensor> pre = new ArrayList<>();
        List<FeatureFunction.Active> active = new ArrayList<>();
        for (int l = 0; l < layers.size(); l++) {
            LayerParameters layer = layers.get(l);
            pre.add(FloatProduct.linear(x.get(l), layer.encoder(layer.values), null));
            active.add(function.activate(pre.get(l), layer, training));
        }
        List<Tensor> error = new ArrayList<>();
        for (int m = 0; m < layers.size(); m++) {
            LayerParameters target = layers.get(m);
            Tensor sum = Torch.sub(target.decoderBias(target.values), y.get(m));
            if (target.hasSkip()) {
                FloatProduct.into(sum, x.get(m), target.skip(target.values), 1);
            }
            for (int l = 0; l <= m; l++) {
                LayerParameters source = layers.get(l);
                if (m - l < source.targets) {
                    active.get(l).entries().product(source.decoder(source.values, m - l), true, sum);
                }
            }
            error.add(sum);
        }
        return new Forward(pre, active, error);
    }

    /**
     * Reconstructions less their targets, as the finished set has them.
     *
     * @param x F32 [B, d] by layer
     * @param y F32 [B, d] by layer
     * @return F32 [B, d] by layer
     */
    List<Tensor> errors(List<Tensor> x, List<Tensor> y, double[] active) {
        Forward forward = forward(x, y, false);
        for (int l = 0; l < active.length; l++) {
            active[l] = (double) forward.active.get(l).count();
        }
        return forward.error;
    }

    /** What is active, as the finished set has it. */
    SparseEntries entries(int l, Tensor x) {
        LayerParameters layer = layers.get(l);
        Tensor pre = FloatProduct.linear(x, layer.encoder(layer.values), null);
        return function.activate(pre, layer, false).entries();
    }

    /** By which gradients are to be multiplied: those that are left are in the unit of errors. */
    static double scale(long rows, int width) {
        return 2.0 / (rows * width);
    }

    /**
     * Leaves in all layers the gradients of the loss on a batch, in {@link #scale}'s unit, and counts what is active.
     *
     * @param x          F32 [B, d] by layer
     * @param y          F32 [B, d] by layer
     * @param deadAfter  positions without activation after which a feature is helped
     */
    List<Fit> gradients(List<Tensor> x, List<Tensor> y, long deadAfter) {
        Forward forward = forward(x, y, true);
        long rows = x.getFirst().size(0);
        double scale = scale(rows, layers.getFirst().width);
        List<Fit> fits = new ArrayList<>();
        for (int l = 0; l < layers.size(); l++) {
            LayerParameters layer = layers.get(l);
            FeatureFunction.Active at = forward.active.get(l);
            SparseEntries entries = at.entries();
            Tensor error = forward.error.get(l);
            double penalty = layer.penalty / rows / scale;
            Tensor byActivation = Tensor.zeros(DType.F32, Device.CPU, entries.count());
            for (int t = 0; t < layer.targets; t++) {
                Tensor written = forward.error.get(l + t);
                entries.sums(written, false, layer.decoder(layer.gradients, t));
                Tensor dots = entries.dots(written, layer.decoder(layer.values, t));
                byActivation = t == 0 ? dots : Torch.add(byActivation, dots);
            }
            if (shape.kind() == FeatureKind.JUMPRELU) {
                columnSums(
                        entries.with(function.byThreshold(at, byActivation, penalty)),
                        rows,
                        layer.thresholds(layer.gradients));
            }
            Tensor byPre = function.back(at, byActivation);
            if (shape.kind() == FeatureKind.RELU) {
                byPre = penalise(layer, entries, rows, penalty, byPre);
            }
            SparseEntries back = entries.with(byPre);
            back.sums(x.get(l), false, layer.encoder(layer.gradients));
            columnSums(back, rows, layer.encoderBias(layer.gradients));
            Torch.copy(layer.decoderBias(layer.gradients), TorchReduce.sum(error, 0, false));
            if (layer.hasSkip()) {
                FloatProduct.into(layer.skip(layer.gradients), Torch.contiguous(TorchShape.t(x.get(l))), error, 0);
            }
            count(layer, at, rows);
            helpDead(layer, forward.pre.get(l), x.get(l), error, deadAfter);
            double squares = Adam.squares(TorchShape.reshape(error, error.numel()));
            fits.add(new Fit(squares / error.numel(), (double) at.count() / rows));
        }
        return fits;
    }

    /** The penalty's part: activations times the norms of what their features write, to all layers together. */
    private static Tensor penalise(
            LayerParameters layer, SparseEntries entries, long rows, double penalty, Tensor byPre) {
        Tensor squares = Tensor.zeros(DType.F32, Device.CPU, layer.features);
        for (int t = 0; t < layer.targets; t++) {
            Tensor decoder = layer.decoder(layer.values, t);
            squares = Torch.add(squares, TorchReduce.sum(Torch.mul(decoder, decoder), 1, false));
        }
        Tensor norms = Torch.sqrt(Torch.add(squares, 1e-12));
        Tensor activity = Tensor.empty(DType.F32, Device.CPU, layer.features);
        columnSums(entries, rows, activity);
        Tensor factor = TorchShape.unsqueeze(Torch.mul(Torch.div(activity, norms), penalty), 1);
        for (int t = 0; t < layer.targets; t++) {
            Tensor gradient = layer.decoder(layer.gradients, t);
            Torch.copy(gradient, Torch.add(gradient, Torch.mul(layer.decoder(layer.values, t), factor)));
        }
        return Torch.add(byPre, Torch.mul(TorchShape.indexSelect(norms, 0, entries.columns()), penalty));
    }

    private static void columnSums(SparseEntries entries, long rows, Tensor out) {
        Tensor ones = Tensor.full(1, DType.F32, Device.CPU, rows, 1);
        entries.sums(ones, false, TorchShape.reshape(out, out.numel(), 1));
    }

    private static void count(LayerParameters layer, FeatureFunction.Active at, long rows) {
        boolean[] seen = new boolean[layer.features];
        int[] columns = at.entries().columns().toInts();
        float[] values = at.threshold() == null ? null : at.entries().values().toFloats();
        for (int i = 0; i < columns.length; i++) {
            if (values == null || values[i] != 0) {
                seen[columns[i]] = true;
            }
        }
        for (int f = 0; f < seen.length; f++) {
            layer.silent[f] = seen[f] ? 0 : (int) Math.min(Integer.MAX_VALUE, layer.silent[f] + rows);
        }
    }

    /** Features that have long been silent learn to write what the layer's reconstruction lacks. */
    private void helpDead(LayerParameters layer, Tensor pre, Tensor x, Tensor error, long deadAfter) {
        int dead = dead(layer, deadAfter);
        if (dead == 0 || shape.kind() == FeatureKind.JUMPRELU) {
            return;
        }
        try (var _ = TensorScope.open()) {
            float[] bias = layer.encoderBias(layer.values).toFloats();
            for (int f = 0; f < bias.length; f++) {
                if (layer.silent[f] < deadAfter) {
                    bias[f] = Float.NEGATIVE_INFINITY;
                }
            }
            SparseEntries entries =
                    SparseEntries.largest(pre, Tensor.ofFloats(bias, bias.length), Math.min(DEAD_ACTIVE, dead));
            Tensor left = Torch.clone(error);
            entries.product(layer.decoder(layer.values, 0), true, left);
            Tensor weighted = Torch.mul(left, DEAD_WEIGHT);
            entries.sums(weighted, true, layer.decoder(layer.gradients, 0));
            SparseEntries back = entries.with(entries.dots(weighted, layer.decoder(layer.values, 0)));
            back.sums(x, true, layer.encoder(layer.gradients));
            Tensor sums = Tensor.empty(DType.F32, Device.CPU, layer.features);
            columnSums(back, pre.size(0), sums);
            Tensor gradient = layer.encoderBias(layer.gradients);
            Torch.copy(gradient, Torch.add(gradient, sums));
        }
    }

    static int dead(LayerParameters layer, long after) {
        return (int) Arrays.stream(layer.silent).filter(since -> since >= after).count();
    }
}
