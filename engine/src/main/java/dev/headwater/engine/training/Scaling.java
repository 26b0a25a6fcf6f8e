package dev.headwater.engine.training;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;

/**
 * How a layer's activations are brought to mean 0 and, over all dimensions together, variance 1, in which features are trained: (x − mean) ·
 * factor. So steps of one length suit all layers, and the mean squared error is the fraction of variance unexplained.
 *
 * @param inputMean  [d]
 * @param outputMean [d]
 */
record Scaling(float[] inputMean, float inputFactor, float[] outputMean, float outputFactor) {
    /** Sums over rows of one site of one layer, in float64. */
    static final class Moments {
        private final double[] sum;
        private double squares;
        private long rows;

        Moments(int width) {
            sum = new double[width];
        }

        void add(Tensor some) {
            float[] values = some.toFloats();
            for (int row = 0; row < some.size(0); row++) {
                double ofRow = 0;
                for (int j = 0; j < sum.length; j++) {
                    double value = values[row * sum.length + j];
                    sum[j] += value;
                    ofRow += value * value;
                }
                squares += ofRow;
            }
            rows += some.size(0);
        }

        float[] mean() {
            float[] mean = new float[sum.length];
            for (int j = 0; j < mean.length; j++) {
                mean[j] = (float) (sum[j] / rows);
            }
            return mean;
        }

        /** What brings the variance, summed over dimensions and divided by their number, to 1. */
        float factor() {
            double ofMean = 0;
            for (double each : sum) {
                ofMean += each / rows * each;
            }
            double variance = (squares - ofMean) / rows / sum.length;
            return variance > 0 ? (float) (1 / Math.sqrt(variance)) : 1;
        }
    }

    static Scaling of(Moments input, Moments output) {
        return new Scaling(input.mean(), input.factor(), output.mean(), output.factor());
    }

    /** Scaled rows F32 [n, d], on the CPU. */
    Tensor input(Tensor rows) {
        return scaled(rows, inputMean, inputFactor);
    }

    /** Scaled rows F32 [n, d], on the CPU. */
    Tensor output(Tensor rows) {
        return scaled(rows, outputMean, outputFactor);
    }

    private static Tensor scaled(Tensor rows, float[] mean, float factor) {
        try (var scope = TensorScope.open()) {
            Tensor centred = Torch.sub(Torch.to(rows, Device.CPU), Tensor.ofFloats(mean, mean.length));
            return scope.keep(Torch.mul(centred, factor));
        }
    }
}
