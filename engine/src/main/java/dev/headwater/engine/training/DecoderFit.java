package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.SparseEntries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchReduce;

/**
 * The decoder and bias that explain a layer's output best, given what is active: ridge least squares, in closed form. Sums and the solution
 * are float64. Takes 8 · F² bytes.
 */
final class DecoderFit {
    private final int features;
    private final int width;
    /** Sums of products of activations, the lower triangle; the last row and column are of a constant 1. */
    private final double[][] gram;

    private final double[][] byOutput;
    private long rows;

    DecoderFit(int features, int width) {
        this.features = features;
        this.width = width;
        gram = new double[features + 1][];
        for (int i = 0; i <= features; i++) {
            gram[i] = new double[i + 1];
        }
        byOutput = new double[features + 1][width];
    }

    /**
     * @param active in order of rows, columns of a row ascending
     * @param y      F32 [B, d]
     */
    void add(SparseEntries active, Tensor y) {
        int[] row = active.rows().toInts();
        int[] column = active.columns().toInts();
        float[] value = active.values().toFloats();
        double[] constant = gram[features];
        for (int i = 0; i < row.length; i++) {
            double[] ofColumn = gram[column[i]];
            for (int j = i; j >= 0 && row[j] == row[i]; j--) {
                ofColumn[column[j]] += (double) value[i] * value[j];
            }
            constant[column[i]] += value[i];
        }
        try (var _ = TensorScope.open()) {
            // A batch's sums are float32; they are added up in float64.
            Tensor sums = Tensor.empty(DType.F32, Device.CPU, features, width);
            active.sums(y, false, sums);
            float[] some = sums.toFloats();
            for (int f = 0; f < features; f++) {
                addTo(byOutput[f], some, f * width);
            }
            addTo(byOutput[features], TorchReduce.sum(y, 0, false).toFloats(), 0);
        }
        rows += y.size(0);
        constant[features] = rows;
    }

    private static void addTo(double[] sum, float[] from, int first) {
        for (int j = 0; j < sum.length; j++) {
            sum[j] += from[first + j];
        }
    }

    /**
     * The solution: rows of the decoder, and last the bias, [F + 1, d]. A feature that was never active keeps what it has. This can't be
     * added to afterwards.
     *
     * @param ridge   as a share of the mean square of what features do
     * @param current what is taken for zero, and stays where there is no evidence [F + 1, d]
     */
    double[][] solve(double ridge, double[][] current) {
        double trace = 0;
        for (int i = 0; i < features; i++) {
            trace += gram[i][i];
        }
        double damp = Math.max(ridge * trace / features, 1e-9);
        for (int i = 0; i <= features; i++) {
            gram[i][i] += damp;
            for (int j = 0; j < width; j++) {
                byOutput[i][j] += damp * current[i][j];
            }
        }
        factor();
        // Both triangles in turn, on rows of all right sides at once.
        for (int i = 0; i <= features; i++) {
            for (int k = 0; k < i; k++) {
                subtract(byOutput[i], gram[i][k], byOutput[k]);
            }
            divide(byOutput[i], gram[i][i]);
        }
        for (int i = features; i >= 0; i--) {
            divide(byOutput[i], gram[i][i]);
            for (int k = 0; k < i; k++) {
                subtract(byOutput[k], gram[i][k], byOutput[i]);
            }
        }
        return byOutput;
    }

    /** Cholesky's factor in place, column by column, with what the column before leaves taken off as whole rows. */
    private void factor() {
        double[] column = new double[features + 1];
        for (int k = 0; k <= features; k++) {
            double root = Math.sqrt(gram[k][k]);
            for (int i = k; i <= features; i++) {
                gram[i][k] = i == k ? root : gram[i][k] / root;
                column[i] = gram[i][k];
            }
            for (int i = k + 1; i <= features; i++) {
                double[] row = gram[i];
                double factor = column[i];
                for (int j = k + 1; j <= i; j++) {
                    row[j] -= factor * column[j];
                }
            }
        }
    }

    private static void subtract(double[] from, double factor, double[] row) {
        for (int j = 0; j < from.length; j++) {
            from[j] -= factor * row[j];
        }
    }

    private static void divide(double[] row, double by) {
        for (int j = 0; j < row.length; j++) {
            row[j] /= by;
        }
    }
}
