package dev.headwater.benchmarks;

import dev.headwater.bindings.Bf16Product;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.Arrays;
import java.util.Locale;

/**
 * What this machine can do at most, as measured through the libtorch that the engine uses, with its threads.
 *
 * @param sgemm GFLOP/s of a float32 matrix product
 * @param bf16  GFLOP/s of a bfloat16 matrix product, the faster of libtorch's and MKL's with float32 sums
 * @param copy  GB/s of memory traffic while copying, reads and writes both counted
 */
record MachineLimits(double sgemm, double bf16, double copy) {
    /** Large enough to reach the peak, small enough for a tenth of a second on two cores. */
    private static final long SIDE = 2048;
    /** 256 MB a copy, beyond every cache. */
    private static final long COPIED = 64L << 20;

    private static final int REPEATS = 7;

    /** Takes the best of some repeats: a limit is what the machine reaches undisturbed. */
    static MachineLimits measure() {
        NativeLibraries.load();
        try (var scope = TensorScope.open()) {
            Tensor a = Torch.mul(
                    Torch.sin(TorchShape.reshape(
                            Torch.to(Torch.arange(SIDE * SIDE, DType.I64, Device.CPU), DType.F32), SIDE, SIDE)),
                    0.02);
            double product = 2e-9 * SIDE * SIDE * SIDE;
            Tensor half = Torch.to(a, DType.BF16);
            Tensor sums = Tensor.empty(DType.F32, Device.CPU, SIDE, SIDE);
            Tensor from = Tensor.full(1, DType.F32, Device.CPU, COPIED);
            Tensor to = Tensor.zeros(DType.F32, Device.CPU, COPIED);
            double ownBf16 = product / fastest(() -> Torch.mm(half, half).close());
            double sumsFloat32 =
                    !Bf16Product.rounds() ? 0 : product / fastest(() -> Bf16Product.rounded(sums, a, half, 0));
            return new MachineLimits(
                    product / fastest(() -> FloatProduct.into(sums, a, a, 0)),
                    Math.max(ownBf16, sumsFloat32),
                    2e-9 * COPIED * Float.BYTES / fastest(() -> Torch.copy(to, from)));
        }
    }

    /** GFLOP/s of a float32 matrix product now: a short look. */
    static double sgemmNow() {
        try (var scope = TensorScope.open()) {
            Tensor factor = Tensor.full(0.01, DType.F32, Device.CPU, SIDE, SIDE);
            Tensor out = Tensor.empty(DType.F32, Device.CPU, SIDE, SIDE);
            FloatProduct.into(out, factor, factor, 0);
            return 2e-9 * SIDE * SIDE * SIDE / fastest(3, () -> FloatProduct.into(out, factor, factor, 0));
        }
    }

    /** GB/s of memory traffic while copying from one tensor to the other now: a short look. */
    static double copyNow(Tensor from, Tensor to) {
        return 2e-9 * from.numel() * Float.BYTES / fastest(2, () -> Torch.copy(to, from));
    }

    /**
     * What {@link #copyNow} copies: its first use takes much longer than the copy, so it is kept. Closed by the caller.
     */
    static Tensor toCopy() {
        return Tensor.full(1, DType.F32, Device.CPU, COPIED);
    }

    private static double fastest(Runnable work) {
        work.run();
        return fastest(REPEATS, work);
    }

    private static double fastest(int repeats, Runnable work) {
        double[] seconds = new double[repeats];
        for (int i = 0; i < repeats; i++) {
            long start = System.nanoTime();
            work.run();
            seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        return Arrays.stream(seconds).min().getAsDouble();
    }

    /** The better of two measurements in each figure. */
    MachineLimits best(MachineLimits other) {
        return new MachineLimits(Math.max(sgemm, other.sgemm), Math.max(bf16, other.bf16), Math.max(copy, other.copy));
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "float32 matrix product %.0f GFLOP/s, bfloat16 %.0f GFLOP/s, memory copy %.1f GB/s (%d threads)",
                sgemm,
                bf16,
                copy,
                Torch.threads());
    }
}
