package dev.headwater.engine.training;

import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.SparseEntries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.Arrays;
import java.util.Random;

/**
 * Where features begin, and how they are brought to their best at the end, both from data. An encoder's row is the direction of some
 * position's input, thresholds are quantiles of pre-activations, and decoders are least squares.
 *
 * @param span  with one layer or several
 * @param index of the layer in it
 */
record LayerStart(Span span, int index) {
    /** Of the least squares, as a share of features' mean square. */
    private static final double RIDGE = 1e-3;

    private static final int ROWS = 2048;

    private LayerParameters layer() {
        return span.layers().get(index);
    }

    /** Rows in the buffer, a batch of them at a time. */
    interface Rows {
        /** F32 [n, d]. */
        Tensor input(long[] rows);

        /** F32 [n, d]. */
        Tensor output(long[] rows);
    }

    /** @param some numbers of rows, in random order */
    void begin(Rows from, long[] some, Random random) {
        LayerParameters layer = layer();
        try (var _ = TensorScope.open()) {
            int known = Math.min(layer.features, some.length);
            float[] x = from.input(Arrays.copyOf(some, known)).toFloats();
            float[] encoder = new float[layer.features * layer.width];
            for (int f = 0; f < layer.features; f++) {
                double squares = 0;
                for (int j = 0; j < layer.width; j++) {
                    float value = f < known ? x[f * layer.width + j] : (float) random.nextGaussian();
                    encoder[f * layer.width + j] = value;
                    squares += value * value;
                }
                float factor = (float) (1 / Math.max(1e-6, Math.sqrt(squares)));
                for (int j = 0; j < layer.width; j++) {
                    encoder[f * layer.width + j] *= factor;
                }
            }
            Torch.copy(layer.encoder(layer.values), Tensor.ofFloats(encoder, layer.features, layer.width));
            thresholds(from, some);
        }
        fit(from, some);
    }

    /** Biases, thresholds or the cut from pre-activations, so that about as many features are active as there are to be. */
    private void thresholds(Rows from, long[] some) {
        LayerParameters layer = layer();
        FeatureKind kind = span.shape().kind();
        if (kind == FeatureKind.TOPK) {
            return;
        }
        int count = Math.min(ROWS, some.length);
        Tensor pre = FloatProduct.linear(from.input(Arrays.copyOf(some, count)), layer.encoder(layer.values), null);
        double share = Math.min(0.5, (double) span.shape().active() / layer.features);
        if (kind == FeatureKind.BATCHTOPK) {
            layer.cut = Math.max(0, quantile(pre.toFloats(), 1 - share));
            return;
        }
        float[] byFeature = Torch.contiguous(TorchShape.t(pre)).toFloats();
        float[] quantiles = new float[layer.features];
        for (int f = 0; f < quantiles.length; f++) {
            quantiles[f] = quantile(Arrays.copyOfRange(byFeature, f * count, (f + 1) * count), 1 - share);
        }
        if (kind == FeatureKind.RELU) {
            for (int f = 0; f < quantiles.length; f++) {
                quantiles[f] = -quantiles[f];
            }
            Torch.copy(layer.encoderBias(layer.values), Tensor.ofFloats(quantiles, quantiles.length));
        } else {
            for (int f = 0; f < quantiles.length; f++) {
                quantiles[f] = (float) Math.log(Math.max(1e-2, quantiles[f]));
            }
            Torch.copy(layer.thresholds(layer.values), Tensor.ofFloats(quantiles, quantiles.length));
        }
    }

    private static float quantile(float[] values, double share) {
        Arrays.sort(values);
        return values[(int) Math.min(values.length - 1, share * values.length)];
    }

    /** The one threshold of all features by which so many are active on these rows as there are to be. */
    void cut(Rows from, long[] some) {
        LayerParameters layer = layer();
        double sum = 0;
        int batches = 0;
        for (int first = 0; first < some.length; first += ROWS) {
            try (var _ = TensorScope.open()) {
                long[] rows = Arrays.copyOfRange(some, first, Math.min(some.length, first + ROWS));
                Tensor pre = FloatProduct.linear(from.input(rows), layer.encoder(layer.values), null);
                sum += span.function().batchCut(pre, layer.encoderBias(layer.values), layer);
                batches++;
            }
        }
        layer.cut = sum / batches;
    }

    /** Solves the decoder, for the layer's own output, and its bias. */
    void fit(Rows from, long[] some) {
        LayerParameters layer = layer();
        DecoderFit fit = new DecoderFit(layer.features, layer.width);
        for (int first = 0; first < some.length; first += ROWS) {
            try (var _ = TensorScope.open()) {
                long[] rows = Arrays.copyOfRange(some, first, Math.min(some.length, first + ROWS));
                Tensor x = from.input(rows);
                Tensor y = from.output(rows);
                if (layer.hasSkip()) {
                    FloatProduct.into(y, x, Torch.mul(layer.skip(layer.values), -1), 1);
                }
                SparseEntries active = span.entries(index, x);
                fit.add(active, y);
            }
        }
        try (var _ = TensorScope.open()) {
            double[][] current = new double[layer.features + 1][];
            float[] decoder = layer.decoder(layer.values, 0).toFloats();
            for (int f = 0; f < layer.features; f++) {
                current[f] = doubles(decoder, f * layer.width, layer.width);
            }
            current[layer.features] = doubles(layer.decoderBias(layer.values).toFloats(), 0, layer.width);
            double[][] solved = fit.solve(RIDGE, current);
            for (int f = 0; f < layer.features; f++) {
                for (int j = 0; j < layer.width; j++) {
                    decoder[f * layer.width + j] = (float) solved[f][j];
                }
            }
            float[] bias = new float[layer.width];
            for (int j = 0; j < bias.length; j++) {
                bias[j] = (float) solved[layer.features][j];
            }
            Torch.copy(layer.decoder(layer.values, 0), Tensor.ofFloats(decoder, layer.features, layer.width));
            Torch.copy(layer.decoderBias(layer.values), Tensor.ofFloats(bias, bias.length));
        }
    }

    private static double[] doubles(float[] from, int first, int count) {
        double[] values = new double[count];
        for (int j = 0; j < count; j++) {
            values[j] = from[first + j];
        }
        return values;
    }
}
