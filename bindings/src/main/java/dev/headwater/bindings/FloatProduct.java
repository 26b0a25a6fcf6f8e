package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import org.jspecify.annotations.Nullable;

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
        return Own.PREFERRED;
    }

    /** Asked once, when the libraries are loaded: each product wants to know, and a virtual machine answers for its processor slowly. */
    private static final class Own {
        static final boolean PREFERRED = KernelsHeader.hw_prefers_product() != 0;
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

    /** a · b of F32 matrices. */
    public static Tensor mm(Tensor a, Tensor b) {
        if (a.rank() != 2
                || a.size(0) < FEWEST
                || !plain(a)
                || b.rank() != 2
                || !b.device().isCpu()
                || !own()) {
            return Torch.mm(a, b);
        }
        Tensor out = Tensor.empty(DType.F32, Device.CPU, a.size(0), b.size(1));
        into(out, a, b, 0);
        return out;
    }

    /** x · wᵀ + bias, as {@link Torch#linear} computes it: x [.., k], w [m, k], bias [m] or null. */
    public static Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias) {
        if (x.rank() != 2 || x.size(0) < FEWEST || !plain(x) || !plain(w) || !own()) {
            return Torch.linear(x, w, bias);
        }
        Tensor out = Tensor.empty(DType.F32, Device.CPU, x.size(0), w.size(0));
        if (bias != null) {
            Torch.copy(out, bias);
        }
        own(out, x, w, true, bias == null ? 0 : 1);
        return out;
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
