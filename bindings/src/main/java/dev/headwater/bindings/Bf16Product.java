package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.headwater.bindings.kernels.KernelsHeader;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products with float32 sums on the processor's bfloat16 units, of matrices in the CPU's memory.
 *
 * <p>For products as exact as float32's, each matrix is the sum of three bfloat16 matrices, which hold all of float32's
 * 24 bits of mantissa: {@code a = a0 + a1 + a2}. Of the nine products the six that count in float32 are summed, the
 * smallest first, with float32 sums: {@code a·b = (a0·b2 + a1·b1 + a2·b0) + (a0·b1 + a1·b0) + a0·b0}. The error is that
 * of a float32 product. Parts of numbers under 2^-110 are lost where the units take subnormal numbers for 0. What is
 * infinite, or becomes so, may come out as a not-a-number, never as a finite number.
 *
 * <p>With the parts of {@code a} side by side and those of {@code b} one below the other, each bracket is one product.
 * It is MKL's, which uses Intel's units and computes the same, slowly, where there are none.
 */
public final class Bf16Product {
    /** Parts of a matrix. */
    public static final int PARTS = 3;

    private static final String GEMM = "cblas_gemm_bf16bf16f32";
    private static final String MISSING = "the libtorch in use has no " + GEMM
            + ", MKL's, which they need; on x86-64, unset HEADWATER_LIBTORCH to use the one that is shipped";
    private static final int ROW_MAJOR = 101;
    private static final int NOT_TRANSPOSED = 111;
    /** Elements of {@code a}'s parts that are held at a time: little enough to be memory that the allocator keeps. */
    private static final long ELEMENTS = 8 << 20;
    /** Products that are added up in one go. */
    private static final int BLOCK = 256;

    private Bf16Product() {}

    /** One sentence that says why there are no such products, or empty. */
    public static Optional<String> unavailable() {
        NativeLibraries.load();
        return Product.HANDLE != null ? Optional.empty() : Optional.of(MISSING);
    }

    /** The processor's bfloat16 units: amx, avx512_bf16 or none. */
    public static String units() {
        NativeLibraries.load();
        return KernelsHeader.hw_bf16_units().getString(0);
    }

    /** The parts of b, F32 [k, n], as BF16 [3k, n]: the smallest part on top. */
    public static Tensor parts(Tensor b) {
        long k = require(b).size(0);
        Tensor parts = Tensor.empty(DType.BF16, Device.CPU, PARTS * k, b.size(1));
        split(b, 0, k, parts, 2 * b.numel(), b.numel(), 0, b.size(1));
        return parts;
    }

    /** Rows of a matrix as three, of which the parts' tensor has room for the greatest from element {@code high} on, and so on. */
    private static void split(
            Tensor x, long first, long rows, Tensor parts, long high, long middle, long low, long stride) {
        long columns = x.size(1);
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_split_bf16(
                    call.rowsOf("matrix", x, first, rows),
                    call.bf16("parts", parts, high, rows, columns, stride),
                    call.bf16("parts", parts, middle, rows, columns, stride),
                    call.bf16("parts", parts, low, rows, columns, stride)));
        }
    }

    /** The matrix F32 [k, n] that {@link #parts} has split. */
    public static Tensor whole(Tensor parts) {
        long k = parts.size(0) / PARTS;
        try (var scope = TensorScope.open()) {
            // The two greater parts first: their sum is exact.
            Tensor sum = Torch.to(TorchShape.narrow(parts, 0, 2 * k, k), DType.F32);
            sum = Torch.add(sum, Torch.to(TorchShape.narrow(parts, 0, k, k), DType.F32));
            return scope.keep(Torch.add(sum, Torch.to(TorchShape.narrow(parts, 0, 0, k), DType.F32)));
        }
    }

    /**
     * out = a · b + beta · out.
     *
     * @param out   F32 [m, n], contiguous
     * @param a     F32 [m, k], contiguous
     * @param parts of b, BF16 [3k, n]
     * @param beta  0 or 1
     */
    public static void split(Tensor out, Tensor a, Tensor parts, int beta) {
        if (isEmpty(out, a, parts, PARTS, beta)) {
            return;
        }
        requireMkl();
        long m = a.size(0);
        long k = a.size(1);
        long n = out.size(1);
        long rows = Math.min(m, Math.max(1, ELEMENTS / (PARTS * k)));
        try (var scope = TensorScope.open();
                var use = new TensorUse()) {
            Tensor pieces = Tensor.empty(DType.BF16, Device.CPU, rows, PARTS * k);
            MemorySegment split = use.elements(pieces);
            MemorySegment right = use.elements(parts);
            MemorySegment to = use.elements(out);
            for (long from = 0; from < m; from += rows) {
                int count = (int) Math.min(rows, m - from);
                split(a, from, count, pieces, 0, k, 2 * k, PARTS * k);
                for (int pair = PARTS; pair >= 1; pair--) {
                    int depth = (int) (pair * k);
                    // The greatest products make the error: their sum is taken in blocks, as float32 products do.
                    int block = pair == 1 ? BLOCK : depth;
                    for (int at = 0; at < depth; at += block) {
                        multiply(
                                count,
                                (int) n,
                                Math.min(block, depth - at),
                                split.asSlice(at * (long) DType.BF16.bytes()),
                                (int) (PARTS * k),
                                right.asSlice(((PARTS - pair) * k + at) * n * DType.BF16.bytes()),
                                pair == PARTS && at == 0 ? beta : 1,
                                to.asSlice(from * n * Float.BYTES));
                    }
                }
            }
        }
    }

    /**
     * Whether {@link #rounded} can be had: it is our own on processors with AVX-512's bfloat16 units, which MKL leaves idle where they
     * are not Intel's, and MKL's on all others.
     */
    public static boolean rounds() {
        return own() || unavailable().isEmpty();
    }

    private static boolean own() {
        NativeLibraries.load();
        return Own.PREFERRED;
    }

    /** Asked once, when the libraries are loaded, as {@link FloatProduct} does. */
    private static final class Own {
        static final boolean PREFERRED = units().equals("avx512_bf16");
    }

    /**
     * out = a · b + beta · out with a rounded to bfloat16: no more exact than that, but sums and result are float32.
     *
     * @param out  F32 [m, n], contiguous
     * @param a    F32 [m, k], contiguous
     * @param b    BF16 [k, n]
     * @param beta 0 or 1
     */
    public static void rounded(Tensor out, Tensor a, Tensor b, int beta) {
        if (isEmpty(out, a, b, 1, beta)) {
            return;
        }
        if (own()) {
            try (var call = new KernelCall(Device.CPU)) {
                KernelCall.check(KernelsHeader.hw_bf16_product(
                        call.matrix("a", a),
                        call.bf16("b", b, 0, b.size(0), b.size(1), b.size(1)),
                        beta,
                        call.matrix("out", out)));
            }
            return;
        }
        requireMkl();
        long m = a.size(0);
        int k = (int) a.size(1);
        long n = out.size(1);
        long rows = Math.min(m, Math.max(1, ELEMENTS / k));
        for (long from = 0; from < m; from += rows) {
            try (var scope = TensorScope.open();
                    var use = new TensorUse()) {
                int count = (int) Math.min(rows, m - from);
                Tensor block = Torch.to(TorchShape.narrow(a, 0, from, count), DType.BF16);
                multiply(
                        count,
                        (int) n,
                        k,
                        use.elements(block),
                        k,
                        use.elements(b),
                        beta,
                        use.elements(out).asSlice(from * n * Float.BYTES));
            }
        }
    }

    /** Checks what is multiplied; true if nothing is left to do. */
    private static boolean isEmpty(Tensor out, Tensor a, Tensor b, int parts, int beta) {
        long m = require(a).size(0);
        long k = a.size(1);
        long n = require(out).size(1);
        if (out.size(0) != m
                || b.dtype() != DType.BF16
                || b.rank() != 2
                || !b.isContiguous()
                || !b.device().isCpu()
                || b.size(0) != parts * k
                || b.size(1) != n
                || Math.max(m, PARTS * Math.max(k, n)) > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("bfloat16 product: %s = %s · %s does not fit".formatted(out, a, b));
        }
        if (k == 0 && beta == 0) {
            Torch.zeroInPlace(out);
        }
        return m == 0 || n == 0 || k == 0;
    }

    private static void requireMkl() {
        unavailable().ifPresent(reason -> {
            throw new NativeException(reason);
        });
    }

    private static void multiply(
            int m, int n, int k, MemorySegment a, int strideA, MemorySegment b, int beta, MemorySegment c) {
        MethodHandle product = Product.HANDLE;
        if (product == null) {
            throw new NativeException(MISSING);
        }
        try {
            product.invokeExact(
                    ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, m, n, k, 1f, a, strideA, b, n, (float) beta, c, n);
        } catch (Throwable e) {
            throw new NativeException(GEMM + " failed", e);
        }
    }

    private static Tensor require(Tensor matrix) {
        if (matrix.dtype() != DType.F32
                || matrix.rank() != 2
                || !matrix.isContiguous()
                || !matrix.device().isCpu()) {
            throw new IllegalArgumentException(
                    "bfloat16 product: " + matrix + " is not a contiguous F32 matrix in the CPU's memory");
        }
        return matrix;
    }

    /** The function, which libtorch's BLAS may or may not have; looked up once the libraries are loaded. */
    private static final class Product {
        static final @Nullable MethodHandle HANDLE = NativeLibraries.torch()
                .find(GEMM)
                .map(address -> Linker.nativeLinker()
                        .downcallHandle(
                                address,
                                FunctionDescriptor.ofVoid(
                                        JAVA_INT,
                                        JAVA_INT,
                                        JAVA_INT,
                                        JAVA_INT,
                                        JAVA_INT,
                                        JAVA_INT,
                                        JAVA_FLOAT,
                                        ADDRESS,
                                        JAVA_INT,
                                        ADDRESS,
                                        JAVA_INT,
                                        JAVA_FLOAT,
                                        ADDRESS,
                                        JAVA_INT)))
                .orElse(null);
    }
}
