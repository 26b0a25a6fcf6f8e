package dev.headwater.engine.product;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;

/**
 * How fast and how exact one way to multiply is, on random numbers.
 *
 * @param seconds of one product
 * @param error   against float64, root mean square, as a share of the results' own
 * @param gflops  rate, in 10⁹ operations a second
 */
public record ProductTrial(double seconds, double error, double gflops) {
    private static final int GRADIENTS = 1024;
    /** Gradients whose products are compared with float64. */
    private static final int COMPARED = 32;

    private static final int TURNS = 3;

    /**
     * Tries gradients times a weight [width, width] on the CPU: the best of a few turns, in which the ways alternate.
     */
    public static Map<Products, ProductTrial> run(int width, Products... ways) {
        try (var scope = TensorScope.open()) {
            Random random = new Random(1);
            Tensor gradients = random(random, GRADIENTS, width);
            Tensor matrix = random(random, width, width);
            double[] exact = Torch.mm(
                            Torch.to(TorchShape.narrow(gradients, 0, 0, COMPARED), DType.F64),
                            Torch.to(matrix, DType.F64))
                    .toDoubles();
            Tensor product = Tensor.zeros(DType.F32, Device.CPU, GRADIENTS, width);
            Map<Products, Weight> weights = new EnumMap<>(Products.class);
            for (Products way : ways) {
                weights.put(way, Weight.of(matrix, way));
            }
            Map<Products, ProductTrial> trials = new EnumMap<>(Products.class);
            for (int turn = 0; turn < TURNS; turn++) {
                weights.forEach((way, weight) -> {
                    long start = System.nanoTime();
                    weight.product(product, gradients, 0);
                    double seconds = (System.nanoTime() - start) / 1e9;
                    var trial = new ProductTrial(
                            seconds, error(product, exact), 2e-9 * GRADIENTS * width * width / seconds);
                    trials.merge(way, trial, (one, other) -> one.seconds <= other.seconds ? one : other);
                });
            }
            return trials;
        }
    }

    private static Tensor random(Random random, int rows, int columns) {
        float[] numbers = new float[rows * columns];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Tensor.ofFloats(numbers, rows, columns);
    }

    private static double error(Tensor product, double[] exact) {
        float[] values = TorchShape.narrow(product, 0, 0, COMPARED).toFloats();
        double error = 0;
        double size = 0;
        for (int i = 0; i < exact.length; i++) {
            error += (values[i] - exact[i]) * (values[i] - exact[i]);
            size += exact[i] * exact[i];
        }
        return Math.sqrt(error / size);
    }
}
