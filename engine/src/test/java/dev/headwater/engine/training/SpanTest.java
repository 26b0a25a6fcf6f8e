package dev.headwater.engine.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.model.FeatureSite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients of every kind, against central differences of the loss, written out in float64. */
class SpanTest {
    private static final int ROWS = 24;
    private static final int WIDTH = 10;
    private static final int FEATURES = 14;
    private static final int LAYERS = 3;
    private static final int ACTIVE = 4;
    private static final double PENALTY = 0.05;

    private final Random random = new Random(7);

    private float[] gauss(int count, double size) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (size * random.nextGaussian());
        }
        return values;
    }

    /** The loss of layers in float64, with what is active held as it is: it changes by jumps only, which have no gradient. */
    private final class Reference {
        final TrainingShape shape;
        final List<LayerParameters> layers;
        final double[][] x;
        final double[][] y;
        final double[][] parameters;
        boolean[][][] on;

        Reference(TrainingShape shape, List<LayerParameters> layers, float[][] x, float[][] y) {
            this.shape = shape;
            this.layers = layers;
            this.x = doubles(x);
            this.y = doubles(y);
            parameters = new double[layers.size()][];
            for (int l = 0; l < layers.size(); l++) {
                parameters[l] = layers.get(l).values.toDoubles();
            }
            on = new boolean[layers.size()][ROWS][FEATURES];
            for (int l = 0; l < layers.size(); l++) {
                choose(l);
            }
        }

        private double[][] doubles(float[][] from) {
            return Arrays.stream(from)
                    .map(row -> {
                        double[] wide = new double[row.length];
                        for (int i = 0; i < wide.length; i++) {
                            wide[i] = row[i];
                        }
                        return wide;
                    })
                    .toArray(double[][]::new);
        }

        int bias(int l) {
            return FEATURES * WIDTH * (1 + layers.get(l).targets);
        }

        double pre(int l, int row, int feature) {
            double sum = parameters[l][bias(l) + feature];
            for (int j = 0; j < WIDTH; j++) {
                sum += parameters[l][feature * WIDTH + j] * x[l][row * WIDTH + j];
            }
            return sum;
        }

        double threshold(int l, int feature) {
            return Math.exp(parameters[l][bias(l) + FEATURES + WIDTH + feature]);
        }

        void choose(int l) {
            double[] all = new double[ROWS * FEATURES];
            for (int i = 0; i < all.length; i++) {
                all[i] = pre(l, i / FEATURES, i % FEATURES);
            }
            double[] sorted = all.clone();
            Arrays.sort(sorted);
            for (int row = 0; row < ROWS; row++) {
                double[] ofRow = Arrays.copyOfRange(all, row * FEATURES, (row + 1) * FEATURES);
                Arrays.sort(ofRow);
                for (int f = 0; f < FEATURES; f++) {
                    double z = all[row * FEATURES + f];
                    on[l][row][f] = switch (shape.kind()) {
                        case TOPK -> z >= ofRow[FEATURES - ACTIVE];
                        case BATCHTOPK -> z > Math.max(0, sorted[sorted.length - 1 - ROWS * ACTIVE]);
                        case RELU -> z > 0;
                        case JUMPRELU -> z > threshold(l, f);
                    };
                }
            }
        }

        double loss() {
            double loss = 0;
            for (int m = 0; m < layers.size(); m++) {
                double[] error = error(m);
                for (double each : error) {
                    loss += each * each / (ROWS * WIDTH);
                }
            }
            if (shape.kind() == FeatureKind.RELU) {
                for (int l = 0; l < layers.size(); l++) {
                    for (int f = 0; f < FEATURES; f++) {
                        double squares = 1e-12;
                        for (int i = 0; i < layers.get(l).targets * WIDTH; i++) {
                            double d = decoder(l, i / WIDTH, f, i % WIDTH);
                            squares += d * d;
                        }
                        for (int row = 0; row < ROWS; row++) {
                            loss += on[l][row][f] ? PENALTY / ROWS * pre(l, row, f) * Math.sqrt(squares) : 0;
                        }
                    }
                }
            }
            return loss;
        }

        double decoder(int l, int target, int feature, int j) {
            return parameters[l][FEATURES * WIDTH * (1 + target) + feature * WIDTH + j];
        }

        double[] error(int m) {
            double[] error = new double[ROWS * WIDTH];
            int skip = bias(m) + FEATURES + WIDTH + (shape.kind() == FeatureKind.JUMPRELU ? FEATURES : 0);
            for (int row = 0; row < ROWS; row++) {
                for (int j = 0; j < WIDTH; j++) {
                    double sum = parameters[m][bias(m) + FEATURES + j] - y[m][row * WIDTH + j];
                    for (int i = 0; shape.skip() && i < WIDTH; i++) {
                        sum += x[m][row * WIDTH + i] * parameters[m][skip + i * WIDTH + j];
                    }
                    error[row * WIDTH + j] = sum;
                }
                for (int l = 0; l <= m; l++) {
                    for (int f = 0; f < FEATURES; f++) {
                        if (m - l < layers.get(l).targets && on[l][row][f]) {
                            double z = pre(l, row, f);
                            for (int j = 0; j < WIDTH; j++) {
                                error[row * WIDTH + j] += z * decoder(l, m - l, f, j);
                            }
                        }
                    }
                }
            }
            return error;
        }

        /** What the paper puts in the place of the derivative by a threshold's logarithm. */
        double byThreshold(int l, int feature) {
            double sum = 0;
            double threshold = threshold(l, feature);
            double width = FeatureFunction.BAND * threshold;
            for (int row = 0; row < ROWS; row++) {
                if (Math.abs(pre(l, row, feature) - threshold) < width / 2) {
                    double byActivation = 0;
                    for (int t = 0; t < layers.get(l).targets; t++) {
                        double[] error = error(l + t);
                        for (int j = 0; j < WIDTH; j++) {
                            byActivation += 2 * error[row * WIDTH + j] / (ROWS * WIDTH) * decoder(l, t, feature, j);
                        }
                    }
                    sum += threshold * (-threshold / width * byActivation - PENALTY / ROWS / width);
                }
            }
            return sum;
        }
    }

    @ParameterizedTest
    @CsvSource({
        "TOPK,false,false",
        "TOPK,true,true",
        "BATCHTOPK,false,true",
        "BATCHTOPK,true,false",
        "RELU,false,false",
        "RELU,true,true",
        "JUMPRELU,false,true",
        "JUMPRELU,true,false"
    })
    void gradientsAreThoseOfTheLoss(FeatureKind kind, boolean crossLayer, boolean skip) {
        TrainingShape shape =
                new TrainingShape(kind, crossLayer, skip, FEATURES, ACTIVE, FeatureSite.MLP_IN, FeatureSite.MLP_OUT);
        int layers = crossLayer ? LAYERS : 1;
        try (var scope = TensorScope.open()) {
            List<LayerParameters> all = TrainingState.parameters(shape, WIDTH, 0, layers, layers);
            float[][] xs = new float[layers][];
            float[][] ys = new float[layers][];
            List<Tensor> x = new ArrayList<>();
            List<Tensor> y = new ArrayList<>();
            for (int l = 0; l < layers; l++) {
                LayerParameters layer = all.get(l);
                float[] values = gauss((int) layer.values.numel(), 0.3);
                Torch.copy(layer.values, Tensor.ofFloats(values, values.length));
                layer.penalty = kind.penalised() ? PENALTY : 0;
                xs[l] = gauss(ROWS * WIDTH, 1);
                ys[l] = gauss(ROWS * WIDTH, 1);
                x.add(Tensor.ofFloats(xs[l], ROWS, WIDTH));
                y.add(Tensor.ofFloats(ys[l], ROWS, WIDTH));
            }
            Reference reference = new Reference(shape, all, xs, ys);
            List<Span.Fit> fits = new Span(shape, all).gradients(x, y, Long.MAX_VALUE);
            double scale = Span.scale(ROWS, WIDTH);
            for (int l = 0; l < layers; l++) {
                double[] gradients = all.get(l).gradients.toDoubles();
                double largest = Arrays.stream(gradients).map(Math::abs).max().orElseThrow() * scale;
                int thresholds =
                        kind == FeatureKind.JUMPRELU ? reference.bias(l) + FEATURES + WIDTH : Integer.MAX_VALUE;
                for (int i = 0; i < gradients.length; i++) {
                    double expected = i >= thresholds && i < thresholds + FEATURES
                            ? reference.byThreshold(l, i - thresholds)
                            : difference(reference, l, i);
                    assertEquals(expected, gradients[i] * scale, 1e-5 * largest, "layer " + l + ", parameter " + i);
                }
                double error = Arrays.stream(reference.error(l)).map(e -> e * e).sum() / (ROWS * WIDTH);
                assertEquals(error, fits.get(l).unexplained(), 1e-5 * error);
                long on = Arrays.stream(reference.on[l])
                        .mapToLong(row -> {
                            int count = 0;
                            for (boolean each : row) {
                                count += each ? 1 : 0;
                            }
                            return count;
                        })
                        .sum();
                assertEquals((double) on / ROWS, fits.get(l).active());
                all.get(l).close();
            }
        }
    }

    private static double difference(Reference reference, int l, int i) {
        double step = 1e-5;
        double at = reference.parameters[l][i];
        reference.parameters[l][i] = at + step;
        double above = reference.loss();
        reference.parameters[l][i] = at - step;
        double below = reference.loss();
        reference.parameters[l][i] = at;
        return (above - below) / (2 * step);
    }

    /** Inputs are sums of few of many directions, each of which writes a direction of its own: training finds both. */
    @ParameterizedTest
    @CsvSource({"TOPK", "BATCHTOPK", "RELU", "JUMPRELU"})
    void findsPlantedFeatures(FeatureKind kind) {
        int width = 48;
        int planted = 20;
        int active = 2;
        float[] reads = directions(planted, width);
        float[] writes = directions(planted, width);
        TrainingShape shape = TrainingShape.perLayer(kind, 2 * planted, active);
        try (var scope = TensorScope.open();
                LayerParameters layer = new LayerParameters(shape, width, 1)) {
            int rows = 4096;
            float[] x = new float[rows * width];
            float[] y = new float[rows * width];
            for (int row = 0; row < rows; row++) {
                for (int feature :
                        random.ints(0, planted).distinct().limit(active).toArray()) {
                    double value = 4 + 4 * random.nextDouble();
                    for (int j = 0; j < width; j++) {
                        x[row * width + j] += (float) (value * reads[feature * width + j]);
                        y[row * width + j] += (float) (value * writes[feature * width + j]);
                    }
                }
            }
            Span span = new Span(shape, List.of(layer));
            LayerStart.Rows from = new LayerStart.Rows() {
                @Override
                public Tensor input(long[] some) {
                    return picked(x, some, width);
                }

                @Override
                public Tensor output(long[] some) {
                    return picked(y, some, width);
                }
            };
            new LayerStart(span, 0).begin(from, random.longs(rows, 0, rows).toArray(), random);
            layer.penalty = kind.penalised() ? 1e-3 : 0;
            int steps = 1500;
            for (int step = 1; step <= steps; step++) {
                try (var inner = TensorScope.open()) {
                    long[] some = random.longs(128, 0, rows).toArray();
                    span.gradients(List.of(from.input(some)), List.of(from.output(some)), 4000);
                    layer.step(Span.scale(128, width), 1, 0.01 * Math.min(1, 2 - 2.0 * step / steps), step);
                }
            }
            float[] written = layer.decoder(layer.values, 0).toFloats();
            float[] read = layer.encoder(layer.values).toFloats();
            int found = 0;
            for (int feature = 0; feature < planted; feature++) {
                for (int f = 0; f < 2 * planted; f++) {
                    if (cosine(writes, feature, written, f, width) > 0.9
                            && cosine(reads, feature, read, f, width) > 0.5) {
                        found++;
                        break;
                    }
                }
            }
            assertTrue(found >= planted * 3 / 5, found + " of " + planted + " are found");
        }
    }

    private static Tensor picked(float[] all, long[] rows, int width) {
        float[] some = new float[rows.length * width];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(all, (int) rows[i] * width, some, i * width, width);
        }
        return Tensor.ofFloats(some, rows.length, width);
    }

    private float[] directions(int count, int width) {
        float[] all = gauss(count * width, 1);
        for (int i = 0; i < count; i++) {
            double squares = 0;
            for (int j = 0; j < width; j++) {
                squares += all[i * width + j] * all[i * width + j];
            }
            for (int j = 0; j < width; j++) {
                all[i * width + j] /= (float) Math.sqrt(squares);
            }
        }
        return all;
    }

    private static double cosine(float[] a, int i, float[] b, int k, int width) {
        double dot = 0;
        double one = 0;
        double other = 0;
        for (int j = 0; j < width; j++) {
            dot += a[i * width + j] * b[k * width + j];
            one += a[i * width + j] * a[i * width + j];
            other += b[k * width + j] * b[k * width + j];
        }
        return dot / Math.sqrt(one * other);
    }

    @Test
    void gradientsThatAreNoNumbersChangeNothing() {
        try (var scope = TensorScope.open();
                LayerParameters layer =
                        new LayerParameters(TrainingShape.perLayer(FeatureKind.TOPK, FEATURES, ACTIVE), WIDTH, 1)) {
            Torch.fillInPlace(layer.gradients, 1);
            assertEquals(Math.sqrt(layer.values.numel()), layer.step(1, 1, 0.1, 1), 1e-6);
            float[] before = layer.values.toFloats();
            Torch.fillInPlace(layer.gradients, Double.NaN);
            assertFalse(Double.isFinite(layer.step(1, 1, 0.1, 2)));
            assertArrayEquals(before, layer.values.toFloats());
        }
    }

    @Test
    void theNumberThatSoManyExceed() {
        float[] values = gauss(1000, 1);
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.abs(values[i]);
        }
        float[] sorted = values.clone();
        Arrays.sort(sorted);
        for (int wanted : new int[] {0, 1, 17, 999}) {
            assertEquals(sorted[999 - wanted], FeatureFunction.exceededBy(values, wanted));
        }
    }
}
