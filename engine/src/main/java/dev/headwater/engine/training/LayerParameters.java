package dev.headwater.engine.training;

import dev.headwater.bindings.Adam;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;

/**
 * What is trained of a layer, on scaled activations: F features of width d, which write to T layers. All numbers lie in one vector, as do
 * their gradients and the optimiser's two means, so that one call takes a step. Also what is known of its features from step to step.
 */
final class LayerParameters implements AutoCloseable {
    private static final Adam ADAM = new Adam(0.9, 0.999, 1e-8);

    final int features;
    final int width;
    final int targets;
    /** The parameters, [n]. */
    final Tensor values;

    final Tensor gradients;
    final Tensor mean;
    final Tensor square;
    /** Positions that have been seen since a feature was last active [F]. */
    final int[] silent;
    /** Weight of what keeps features few, if anything does: of a penalty, or a threshold of BatchTopK. */
    double penalty;

    double cut;

    private final boolean thresholds;
    private final boolean skip;

    /** All zeros. */
    LayerParameters(TrainingShape shape, int width, int targets) {
        features = shape.features();
        this.width = width;
        this.targets = targets;
        thresholds = shape.kind() == FeatureKind.JUMPRELU;
        skip = shape.skip();
        long n = numbers(shape, width, targets);
        values = TensorScope.release(Tensor.zeros(DType.F32, Device.CPU, n));
        gradients = TensorScope.release(Tensor.zeros(DType.F32, Device.CPU, n));
        mean = TensorScope.release(Tensor.zeros(DType.F32, Device.CPU, n));
        square = TensorScope.release(Tensor.zeros(DType.F32, Device.CPU, n));
        silent = new int[features];
    }

    static long numbers(TrainingShape shape, int width, int targets) {
        long f = shape.features();
        return f * width * (1 + targets)
                + f
                + width
                + (shape.kind() == FeatureKind.JUMPRELU ? f : 0)
                + (shape.skip() ? (long) width * width : 0);
    }

    private Tensor part(Tensor of, long from, long... shape) {
        long length = 1;
        for (long size : shape) {
            length *= size;
        }
        return TorchShape.reshape(TorchShape.narrow(of, 0, from, length), shape);
    }

    /** W [F, d], of {@link #values} or {@link #gradients}. */
    Tensor encoder(Tensor of) {
        return part(of, 0, features, width);
    }

    /** What features write to the layer that is so many after their own [F, d]. */
    Tensor decoder(Tensor of, int target) {
        return part(of, (long) features * width * (1 + target), features, width);
    }

    /** To all targets [T, F, d]. */
    Tensor decoders(Tensor of) {
        return part(of, (long) features * width, targets, features, width);
    }

    private long rest() {
        return (long) features * width * (1 + targets);
    }

    /** [F]. */
    Tensor encoderBias(Tensor of) {
        return part(of, rest(), features);
    }

    /** [d], of the layer's own output. */
    Tensor decoderBias(Tensor of) {
        return part(of, rest() + features, width);
    }

    /** Logarithms of thresholds [F], where they are trained. */
    Tensor thresholds(Tensor of) {
        if (!thresholds) {
            throw new IllegalStateException("thresholds of a kind that has none");
        }
        return part(of, rest() + features + width, features);
    }

    boolean hasSkip() {
        return skip;
    }

    /** S [d, d] of x · S. */
    Tensor skip(Tensor of) {
        return part(of, rest() + features + width + (thresholds ? features : 0), width, width);
    }

    /**
     * A step of the optimiser.
     *
     * @param scale  by which gradients are multiplied
     * @param bound  of the gradients' norm, after that
     * @param number of the step, from 1
     * @return that norm before it was bounded; not finite if a gradient is not, and then nothing is changed
     */
    double step(double scale, double bound, double rate, long number) {
        double norm = scale * Math.sqrt(Adam.squares(gradients));
        if (Double.isFinite(norm)) {
            ADAM.step(values, gradients, mean, square, scale * Math.min(1, bound / norm), rate, number);
        }
        return norm;
    }

    @Override
    public void close() {
        values.close();
        gradients.close();
        mean.close();
        square.close();
    }
}
