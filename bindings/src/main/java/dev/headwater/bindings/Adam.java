package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.headwater.bindings.kernels.KernelsHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The optimiser of Kingma and Ba (arXiv 1412.6980), on the CPU.
 *
 * @param beta1   share of the mean of gradients that stays at each step
 * @param beta2   share of the mean of their squares that stays
 * @param epsilon added to the root of that mean
 */
public record Adam(double beta1, double beta2, double epsilon) {
    /**
     * One step, in place.
     *
     * @param parameter F32 [n]
     * @param gradient  F32 [n]
     * @param mean      F32 [n], zeros before the first step
     * @param square    F32 [n], zeros before the first step
     * @param scale     by which the gradient is multiplied
     * @param rate      how far a parameter goes at most, about
     * @param number    of the step, from 1
     */
    public void step(
            Tensor parameter, Tensor gradient, Tensor mean, Tensor square, double scale, double rate, long number) {
        double correction = Math.sqrt(1 - Math.pow(beta2, (double) number));
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_adam(
                    call.vector("parameter", parameter),
                    call.vector("gradient", gradient),
                    call.vector("mean", mean),
                    call.vector("square", square),
                    scale,
                    rate * correction / (1 - Math.pow(beta1, (double) number)),
                    beta1,
                    beta2,
                    epsilon * correction));
        }
    }

    /** The sum of the squares of F32 [n], in float64. */
    public static double squares(Tensor x) {
        try (var call = new KernelCall(Device.CPU);
                Arena arena = Arena.ofConfined()) {
            MemorySegment sum = arena.allocate(JAVA_DOUBLE);
            KernelCall.check(KernelsHeader.hw_square_sum(call.vector("x", x), sum));
            return sum.get(JAVA_DOUBLE, 0);
        }
    }
}
