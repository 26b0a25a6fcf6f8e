package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Inputs of kernels. */
final class RandomTensors {
    private RandomTensors() {}

    /** Standard normal float32 numbers, the same on every call; belongs to the innermost scope. */
    static Tensor normal(long... shape) {
        Tensor tensor = Tensor.empty(DType.F32, Device.CPU, shape);
        MemorySegment data = tensor.data();
        SplittableRandom random = new SplittableRandom(3);
        for (long i = 0, n = tensor.numel(); i < n; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return tensor;
    }
}
