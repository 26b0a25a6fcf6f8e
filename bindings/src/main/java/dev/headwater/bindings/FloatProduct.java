package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;

/**
 * Float32 matrix products: libtorch's, which are MKL's on the CPU, or our own kernel where that is the faster one. MKL takes AVX2's
 * instructions on AMD's processors, whose AVX-512 units do twice as much. Which it is depends on the processor and the shapes, so that equal
 * machines give equal bits.
 */
public final class FloatProduct {
    /** Rows of the left side from which it pays to lay out the right side anew, as our kernel does at each call. */
    private static final int FEWEST = 32;

    private FloatProduct() {}

    /** Whether our own kernel is taken for products that are large enough. */
    public static boolean own() {
        NativeLibraries.load();
        return KernelsHeader.hw_prefers_product() != 0;
    }

    /**
     * out = a · b + beta · out, in place.
     *
     * @param out  F32 [n, m]
     * @param a    F32 [n, k]
     * @param b    F32 [k, m]
     * @param beta 0 or 1
     * @throws IllegalArgumentException if they do not fit
     */
    public static void into(Tensor out, Tensor a, Tensor b, int beta) {
        if (out.rank() == 2
                && out.size(0) >= FEWEST
                && plain(out)
                && plain(a)
                && b.device().isCpu()
                && own()) {
            if (b.isContiguous()) {
                own(out, a, b, false, beta);
                return;
            }
            try (Tensor transposed = TorchShape.t(b)) {
                if (transposed.isContiguous()) {
                    own(out, a, transposed, true, beta);
                    return;
                }
            }
        }
        Torch.mmInto(out, a, b, beta);
    }

    private static boolean plain(Tensor tensor) {
        return tensor.dtype() == DType.F32
                && tensor.isContiguous()
                && tensor.device().isCpu();
    }

    /** By our kernel, of contiguous matrices. */
    static void own(Tensor out, Tensor a, Tensor b, boolean transposed, int beta) {
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_product(
                    call.matrix("a", a), call.matrix("b", b), transposed ? 1 : 0, beta, call.matrix("out", out)));
        }
    }
}
