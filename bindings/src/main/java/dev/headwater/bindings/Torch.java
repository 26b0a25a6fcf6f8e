package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The operators of libtorch that work element by element, matrix products, copies and conversions: one typed method each, on any
 * device. {@link TorchReduce} works along dimensions, {@link TorchShape} changes shapes.
 *
 * <p>A result belongs to the innermost open {@link TensorScope}, else to the caller. Shapes follow ATen's broadcasting; an
 * operator that does not like its arguments throws {@link NativeException} with its name and libtorch's words, one whose
 * argument is closed {@link IllegalStateException}. Dimensions may be negative, counting from the last.
 *
 * <p>The boxed interface refuses arguments of schema type Scalar, so numbers go in as 0-dim float64 tensors, which by ATen's
 * promotion rules leave a float tensor's type as it is.
 */
public final class Torch {
    private Torch() {}

    // ---- matrix products ----

    private static final Operator MM = new Operator("mm", "");
    private static final Operator BMM = new Operator("bmm", "");
    private static final Operator MATMUL = new Operator("matmul", "");
    private static final Operator LINEAR = new Operator("linear", "");

    /** [n,k] · [k,m]. */
    public static Tensor mm(Tensor a, Tensor b) {
        return of(MM, a, b);
    }

    /** [b,n,k] · [b,k,m]. */
    public static Tensor bmm(Tensor a, Tensor b) {
        return of(BMM, a, b);
    }

    /** Vectors, matrices or batches of matrices, as NumPy multiplies them. */
    public static Tensor matmul(Tensor a, Tensor b) {
        return of(MATMUL, a, b);
    }

    /** x · wᵀ + bias: x [..,k], w [m,k], bias [m] or null. */
    public static Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias) {
        return Tensor.owning(LINEAR.call()
                .tensor(x.handle())
                .tensor(w.handle())
                .optionalTensor(bias == null ? null : bias.handle())
                .run());
    }

    /**
     * out = a · b + beta · out, in place.
     *
     * @param out  [n, m]
     * @param a    [n, k] of the same type
     * @param b    [k, m] of the same type
     * @param beta 0 or 1
     * @throws IllegalArgumentException if they do not fit
     */
    public static void mmInto(Tensor out, Tensor a, Tensor b, int beta) {
        if (out.rank() != 2
                || a.rank() != 2
                || b.rank() != 2
                || a.size(1) != b.size(0)
                || out.size(0) != a.size(0)
                || out.size(1) != b.size(1)
                || out.dtype() != a.dtype()
                || a.dtype() != b.dtype()) {
            throw new IllegalArgumentException("mmInto: " + out + " = " + a + " · " + b + " does not fit");
        }
        try (var use = new TensorUse()) {
            MemorySegment to = use.handle(out);
            MemorySegment[] sides = {use.handle(a), use.handle(b)};
            boolean _ = use.pretended("addmm_out");
            Shim.check(TorchShim.aoti_torch_addmm_out(to, to, sides[0], sides[1], beta, 1f), "addmm_out");
        }
    }

    // ---- element by element ----

    private static Tensor of(Operator operator, Tensor a) {
        return Tensor.owning(operator.call().tensor(a.handle()).run());
    }

    private static Tensor of(Operator operator, Tensor a, Tensor b) {
        return Tensor.owning(
                operator.call().tensor(a.handle()).tensor(b.handle()).run());
    }

    private static Tensor of(Operator operator, Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(of(operator, a, Tensor.number(b)));
        }
    }

    /** a + b, as a - (-1)·b: add.Tensor's alpha is a Scalar, subtract has an entry point of its own. */
    public static Tensor add(Tensor a, Tensor b) {
        return subtract(a, b, -1);
    }

    /** a + b. */
    public static Tensor add(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(add(a, Tensor.number(b)));
        }
    }

    /** a - b. */
    public static Tensor sub(Tensor a, Tensor b) {
        return subtract(a, b, 1);
    }

    private static Tensor subtract(Tensor a, Tensor b, double alpha) {
        Handle handle;
        try (var use = new TensorUse();
                Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            MemorySegment[] sides = {use.handle(a), use.handle(b)};
            boolean there = use.pretended("subtract");
            Shim.check(TorchShim.aoti_torch_aten_subtract_Tensor(sides[0], sides[1], alpha, out), "subtract");
            handle = new Handle(out.get(ADDRESS, 0), there);
        }
        return Tensor.owning(handle);
    }

    private static final Operator MUL = new Operator("mul", "Tensor");
    private static final Operator DIV = new Operator("div", "Tensor");
    private static final Operator POW = new Operator("pow", "Tensor_Tensor");
    private static final Operator MAXIMUM = new Operator("maximum", "");
    private static final Operator MINIMUM = new Operator("minimum", "");
    private static final Operator EQ = new Operator("eq", "Tensor");
    private static final Operator GT = new Operator("gt", "Tensor");
    private static final Operator GE = new Operator("ge", "Tensor");
    private static final Operator LT = new Operator("lt", "Tensor");

    /** a · b. */
    public static Tensor mul(Tensor a, Tensor b) {
        return of(MUL, a, b);
    }

    /** a · b. */
    public static Tensor mul(Tensor a, double b) {
        return of(MUL, a, b);
    }

    /** a / b. */
    public static Tensor div(Tensor a, Tensor b) {
        return of(DIV, a, b);
    }

    /** a / b. */
    public static Tensor div(Tensor a, double b) {
        return of(DIV, a, b);
    }

    /** a to the power of b. */
    public static Tensor pow(Tensor a, Tensor b) {
        return of(POW, a, b);
    }

    /** a to the power of b. */
    public static Tensor pow(Tensor a, double b) {
        return of(POW, a, b);
    }

    /** The larger of a and b, not-a-number if either is. */
    public static Tensor maximum(Tensor a, Tensor b) {
        return of(MAXIMUM, a, b);
    }

    /** The larger of a and b, not-a-number if either is. */
    public static Tensor maximum(Tensor a, double b) {
        return of(MAXIMUM, a, b);
    }

    /** The smaller of a and b, not-a-number if either is. */
    public static Tensor minimum(Tensor a, Tensor b) {
        return of(MINIMUM, a, b);
    }

    /** The smaller of a and b, not-a-number if either is. */
    public static Tensor minimum(Tensor a, double b) {
        return of(MINIMUM, a, b);
    }

    /** BOOL, true where a == b. */
    public static Tensor eq(Tensor a, Tensor b) {
        return of(EQ, a, b);
    }

    /** BOOL, true where a == b. */
    public static Tensor eq(Tensor a, double b) {
        return of(EQ, a, b);
    }

    /** BOOL, true where {@code a > b}. */
    public static Tensor gt(Tensor a, Tensor b) {
        return of(GT, a, b);
    }

    /** BOOL, true where {@code a > b}. */
    public static Tensor gt(Tensor a, double b) {
        return of(GT, a, b);
    }

    /** BOOL, true where {@code a >= b}. */
    public static Tensor ge(Tensor a, Tensor b) {
        return of(GE, a, b);
    }

    /** BOOL, true where {@code a >= b}. */
    public static Tensor ge(Tensor a, double b) {
        return of(GE, a, b);
    }

    /** BOOL, true where {@code a < b}. */
    public static Tensor lt(Tensor a, Tensor b) {
        return of(LT, a, b);
    }

    /** BOOL, true where {@code a < b}. */
    public static Tensor lt(Tensor a, double b) {
        return of(LT, a, b);
    }

    private static final Operator NEG = new Operator("neg", "");
    private static final Operator ABS = new Operator("abs", "");
    private static final Operator SQRT = new Operator("sqrt", "");
    private static final Operator RSQRT = new Operator("rsqrt", "");
    private static final Operator EXP = new Operator("exp", "");
    private static final Operator LOG = new Operator("log", "");
    private static final Operator SIN = new Operator("sin", "");
    private static final Operator COS = new Operator("cos", "");
    private static final Operator TANH = new Operator("tanh", "");
    private static final Operator SIGMOID = new Operator("sigmoid", "");
    private static final Operator SILU = new Operator("silu", "");
    private static final Operator RELU = new Operator("relu", "");

    /** -a. */
    public static Tensor neg(Tensor a) {
        return of(NEG, a);
    }

    /** |a|. */
    public static Tensor abs(Tensor a) {
        return of(ABS, a);
    }

    /** Square roots. */
    public static Tensor sqrt(Tensor a) {
        return of(SQRT, a);
    }

    /** 1 / √a. */
    public static Tensor rsqrt(Tensor a) {
        return of(RSQRT, a);
    }

    /** e to the power of a. */
    public static Tensor exp(Tensor a) {
        return of(EXP, a);
    }

    /** Natural logarithms. */
    public static Tensor log(Tensor a) {
        return of(LOG, a);
    }

    /** Sines of angles in radians. */
    public static Tensor sin(Tensor a) {
        return of(SIN, a);
    }

    /** Cosines of angles in radians. */
    public static Tensor cos(Tensor a) {
        return of(COS, a);
    }

    /** Hyperbolic tangents. */
    public static Tensor tanh(Tensor a) {
        return of(TANH, a);
    }

    /** 1 / (1 + exp(-a)). */
    public static Tensor sigmoid(Tensor a) {
        return of(SIGMOID, a);
    }

    /** a · sigmoid(a). */
    public static Tensor silu(Tensor a) {
        return of(SILU, a);
    }

    /** a where it is over 0, else 0. */
    public static Tensor relu(Tensor a) {
        return of(RELU, a);
    }

    private static final Operator GELU = new Operator("gelu", "");
    private static final Operator WHERE = new Operator("where", "self");
    private static final Operator ZERO = new Operator("zero_", "");
    private static final Operator MULTIPLY = new Operator("mul_", "Tensor");

    /** x·Φ(x), or its tanh approximation. */
    public static Tensor gelu(Tensor a, boolean tanhApproximation) {
        return Tensor.owning(GELU.call()
                .tensor(a.handle())
                .string(tanhApproximation ? "tanh" : "none")
                .run());
    }

    /** a where the BOOL condition holds, else b. */
    public static Tensor where(Tensor condition, Tensor a, Tensor b) {
        return Tensor.owning(WHERE.call()
                .tensor(condition.handle())
                .tensor(a.handle())
                .tensor(b.handle())
                .run());
    }

    /** a = value. */
    public static void fillInPlace(Tensor a, double value) {
        try (Tensor number = Tensor.number(value)) {
            Operator.FILL.call().tensor(a.handle()).tensor(number.handle()).runInPlace();
        }
    }

    /** a = 0. */
    public static void zeroInPlace(Tensor a) {
        ZERO.call().tensor(a.handle()).runInPlace();
    }

    /** a *= b. */
    public static void mulInPlace(Tensor a, Tensor b) {
        MULTIPLY.call().tensor(a.handle()).tensor(b.handle()).runInPlace();
    }

    // ---- copies and conversions ----

    /** The tensor itself if its elements lie in order, else a copy in order. */
    public static Tensor contiguous(Tensor a) {
        return a.isContiguous() ? a : clone(a);
    }

    /** A copy with its elements in order. */
    public static Tensor clone(Tensor a) {
        return copied(a, a.dtype(), a.device());
    }

    /** The tensor itself if it has this element type, else a converted copy. */
    public static Tensor to(Tensor a, DType dtype) {
        return a.dtype() == dtype ? a : copied(a, dtype, a.device());
    }

    /** The tensor itself if it is on this device, else a copy there. */
    public static Tensor to(Tensor a, Device device) {
        return a.device().equals(device) ? a : copied(a, a.dtype(), device);
    }

    private static Tensor copied(Tensor a, DType dtype, Device device) {
        Tensor copy = Tensor.empty(dtype, device, a.shape());
        try {
            copy.copyFrom(a);
            return copy;
        } catch (RuntimeException | Error e) {
            copy.close();
            throw e;
        }
    }

    /** Copies source into target, converting type and device; shapes broadcast. */
    public static void copy(Tensor target, Tensor source) {
        target.copyFrom(source);
    }

    /** 0, 1, … count-1. */
    public static Tensor arange(long count, DType dtype, Device device) {
        try (var scope = TensorScope.open()) {
            long[] values = new long[Math.toIntExact(count)];
            Arrays.setAll(values, i -> i);
            return scope.keep(to(to(Tensor.ofLongs(values, count), dtype), device));
        }
    }

    /** Threads of libtorch's pool, fixed when it was loaded; see {@link NativeLibraries}. */
    public static int threads() {
        NativeLibraries.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            Shim.check(TorchShim.torch_get_num_threads(out), "get_num_threads");
            return out.get(JAVA_INT, 0);
        }
    }
}
