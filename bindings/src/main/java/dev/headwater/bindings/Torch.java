package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.headwater.bindings.Dispatch.Operator;
import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The operators of libtorch that Headwater uses, one typed method each, on any device. A result belongs to the
 * innermost open
 * {@link TensorScope}, else to the caller. Shapes follow ATen's broadcasting; an operator that does not like its
 * arguments
 * throws {@link NativeException} with libtorch's words. Dimensions may be negative, counting from the last.
 *
 * <p>The boxed interface refuses arguments of schema type Scalar, so numbers go in as 0-dim float64 tensors, which by
 * ATen's
 * promotion rules leave a float tensor's type as it is.
 */
public final class Torch {
    /** Values and I64 indices of {@link #topk} and {@link #sort}. */
    public record Ranked(Tensor values, Tensor indices) {}

    private Torch() {}

    static void check(int status) {
        if (status != 0) {
            MemorySegment text = TorchShim.torch_exception_get_what_without_backtrace();
            throw new NativeException("libtorch: "
                    + (text.address() == 0
                            ? "unknown error"
                            : text.reinterpret(Long.MAX_VALUE).getString(0).strip()));
        }
    }

    /** A number as a 0-dim float64 CPU tensor, which broadcasts with tensors of any device. */
    private static Tensor number(double value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check(TorchShim.aoti_torch_scalar_to_tensor_float64(value, out));
            return new Tensor(out.get(ADDRESS, 0));
        }
    }

    // ---- matrix products ----

    private static final Operator MM = new Operator("mm", "");
    private static final Operator BMM = new Operator("bmm", "");
    private static final Operator MATMUL = new Operator("matmul", "");
    private static final Operator LINEAR = new Operator("linear", "");

    /** [n,k] · [k,m]. */
    public static Tensor mm(Tensor a, Tensor b) {
        return Dispatch.of(MM).tensor(a).tensor(b).call();
    }

    /** [b,n,k] · [b,k,m]. */
    public static Tensor bmm(Tensor a, Tensor b) {
        return Dispatch.of(BMM).tensor(a).tensor(b).call();
    }

    public static Tensor matmul(Tensor a, Tensor b) {
        return Dispatch.of(MATMUL).tensor(a).tensor(b).call();
    }

    /** x · wᵀ + bias: x [..,k], w [m,k], bias [m] or null. */
    public static Tensor linear(Tensor x, Tensor w, Tensor bias) {
        return Dispatch.of(LINEAR).tensor(x).tensor(w).optionalTensor(bias).call();
    }

    /** out = a · b + beta · out, in place; out [n,m], a [n,k], b [k,m]; beta is 0 or 1. */
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
        check(TorchShim.aoti_torch_addmm_out(out.handle(), out.handle(), a.handle(), b.handle(), beta, 1f));
    }

    // ---- element by element ----

    /** a + b, as a - (-1)·b: add.Tensor's alpha is a Scalar, subtract has an entry point of its own. */
    public static Tensor add(Tensor a, Tensor b) {
        return subtract(a, b, -1);
    }

    public static Tensor sub(Tensor a, Tensor b) {
        return subtract(a, b, 1);
    }

    private static Tensor subtract(Tensor a, Tensor b, double alpha) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check(TorchShim.aoti_torch_aten_subtract_Tensor(a.handle(), b.handle(), alpha, out));
            return new Tensor(out.get(ADDRESS, 0));
        }
    }

    public static Tensor add(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(add(a, number(b)));
        }
    }

    private static final Operator MUL = new Operator("mul", "Tensor");

    public static Tensor mul(Tensor a, Tensor b) {
        return Dispatch.of(MUL).tensor(a).tensor(b).call();
    }

    public static Tensor mul(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(mul(a, number(b)));
        }
    }

    private static final Operator DIV = new Operator("div", "Tensor");

    public static Tensor div(Tensor a, Tensor b) {
        return Dispatch.of(DIV).tensor(a).tensor(b).call();
    }

    public static Tensor div(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(div(a, number(b)));
        }
    }

    private static final Operator POW = new Operator("pow", "Tensor_Tensor");

    public static Tensor pow(Tensor a, Tensor b) {
        return Dispatch.of(POW).tensor(a).tensor(b).call();
    }

    public static Tensor pow(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(pow(a, number(b)));
        }
    }

    private static final Operator MAXIMUM = new Operator("maximum", "");

    public static Tensor maximum(Tensor a, Tensor b) {
        return Dispatch.of(MAXIMUM).tensor(a).tensor(b).call();
    }

    public static Tensor maximum(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(maximum(a, number(b)));
        }
    }

    private static final Operator MINIMUM = new Operator("minimum", "");

    public static Tensor minimum(Tensor a, Tensor b) {
        return Dispatch.of(MINIMUM).tensor(a).tensor(b).call();
    }

    public static Tensor minimum(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(minimum(a, number(b)));
        }
    }

    private static final Operator EQ = new Operator("eq", "Tensor");

    /** BOOL, true where a == b. */
    public static Tensor eq(Tensor a, Tensor b) {
        return Dispatch.of(EQ).tensor(a).tensor(b).call();
    }

    public static Tensor eq(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(eq(a, number(b)));
        }
    }

    private static final Operator GT = new Operator("gt", "Tensor");

    /** BOOL, true where a > b. */
    public static Tensor gt(Tensor a, Tensor b) {
        return Dispatch.of(GT).tensor(a).tensor(b).call();
    }

    public static Tensor gt(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(gt(a, number(b)));
        }
    }

    private static final Operator GE = new Operator("ge", "Tensor");

    /** BOOL, true where a >= b. */
    public static Tensor ge(Tensor a, Tensor b) {
        return Dispatch.of(GE).tensor(a).tensor(b).call();
    }

    public static Tensor ge(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(ge(a, number(b)));
        }
    }

    private static final Operator LT = new Operator("lt", "Tensor");

    /** BOOL, true where a < b. */
    public static Tensor lt(Tensor a, Tensor b) {
        return Dispatch.of(LT).tensor(a).tensor(b).call();
    }

    public static Tensor lt(Tensor a, double b) {
        try (var scope = TensorScope.open()) {
            return scope.keep(lt(a, number(b)));
        }
    }

    private static final Operator NEG = new Operator("neg", "");

    public static Tensor neg(Tensor a) {
        return Dispatch.of(NEG).tensor(a).call();
    }

    private static final Operator ABS = new Operator("abs", "");

    public static Tensor abs(Tensor a) {
        return Dispatch.of(ABS).tensor(a).call();
    }

    private static final Operator SQRT = new Operator("sqrt", "");

    public static Tensor sqrt(Tensor a) {
        return Dispatch.of(SQRT).tensor(a).call();
    }

    private static final Operator RSQRT = new Operator("rsqrt", "");

    public static Tensor rsqrt(Tensor a) {
        return Dispatch.of(RSQRT).tensor(a).call();
    }

    private static final Operator EXP = new Operator("exp", "");

    public static Tensor exp(Tensor a) {
        return Dispatch.of(EXP).tensor(a).call();
    }

    private static final Operator LOG = new Operator("log", "");

    public static Tensor log(Tensor a) {
        return Dispatch.of(LOG).tensor(a).call();
    }

    private static final Operator SIN = new Operator("sin", "");

    public static Tensor sin(Tensor a) {
        return Dispatch.of(SIN).tensor(a).call();
    }

    private static final Operator COS = new Operator("cos", "");

    public static Tensor cos(Tensor a) {
        return Dispatch.of(COS).tensor(a).call();
    }

    private static final Operator TANH = new Operator("tanh", "");

    public static Tensor tanh(Tensor a) {
        return Dispatch.of(TANH).tensor(a).call();
    }

    private static final Operator SIGMOID = new Operator("sigmoid", "");

    public static Tensor sigmoid(Tensor a) {
        return Dispatch.of(SIGMOID).tensor(a).call();
    }

    private static final Operator SILU = new Operator("silu", "");

    public static Tensor silu(Tensor a) {
        return Dispatch.of(SILU).tensor(a).call();
    }

    private static final Operator RELU = new Operator("relu", "");

    public static Tensor relu(Tensor a) {
        return Dispatch.of(RELU).tensor(a).call();
    }

    private static final Operator GELU = new Operator("gelu", "");

    /** x·Φ(x), or its tanh approximation. */
    public static Tensor gelu(Tensor a, boolean tanhApproximation) {
        return Dispatch.of(GELU)
                .tensor(a)
                .string(tanhApproximation ? "tanh" : "none")
                .call();
    }

    private static final Operator WHERE = new Operator("where", "self");

    /** a where the BOOL condition holds, else b. */
    public static Tensor where(Tensor condition, Tensor a, Tensor b) {
        return Dispatch.of(WHERE).tensor(condition).tensor(a).tensor(b).call();
    }

    private static final Operator MASKED_FILL = new Operator("masked_fill", "Tensor");

    /** The value where the BOOL mask holds, else a. */
    public static Tensor maskedFill(Tensor a, Tensor mask, double value) {
        try (var scope = TensorScope.open()) {
            // The value has to have the tensor's own type and device here, unlike in arithmetic.
            Tensor number = to(to(number(value), a.dtype()), a.device());
            return scope.keep(Dispatch.of(MASKED_FILL)
                    .tensor(a)
                    .tensor(mask)
                    .tensor(number)
                    .call());
        }
    }

    private static final Operator FILL_ = new Operator("fill_", "Tensor");

    public static void fillInPlace(Tensor a, double value) {
        try (var scope = TensorScope.open()) {
            Dispatch.of(FILL_).tensor(a).tensor(number(value)).callInPlace();
        }
    }

    private static final Operator ZERO_ = new Operator("zero_", "");

    public static void zeroInPlace(Tensor a) {
        Dispatch.of(ZERO_).tensor(a).callInPlace();
    }

    private static final Operator MUL_ = new Operator("mul_", "Tensor");

    /** a *= b. */
    public static void mulInPlace(Tensor a, Tensor b) {
        Dispatch.of(MUL_).tensor(a).tensor(b).callInPlace();
    }

    // ---- along dimensions ----

    private static final Operator SOFTMAX = new Operator("softmax", "int");

    public static Tensor softmax(Tensor a, int dim) {
        return Dispatch.of(SOFTMAX).tensor(a).integer(dim).none().call();
    }

    private static final Operator LOG_SOFTMAX = new Operator("log_softmax", "int");

    public static Tensor logSoftmax(Tensor a, int dim) {
        return Dispatch.of(LOG_SOFTMAX).tensor(a).integer(dim).none().call();
    }

    private static final Operator SUM = new Operator("sum", "dim_IntList");

    public static Tensor sum(Tensor a, int dim, boolean keepDim) {
        return Dispatch.of(SUM)
                .tensor(a)
                .optionalIntegers(dim)
                .bool(keepDim)
                .none()
                .call();
    }

    private static final Operator MEAN = new Operator("mean", "dim");

    public static Tensor mean(Tensor a, int dim, boolean keepDim) {
        return Dispatch.of(MEAN)
                .tensor(a)
                .optionalIntegers(dim)
                .bool(keepDim)
                .none()
                .call();
    }

    private static final Operator AMAX = new Operator("amax", "");

    public static Tensor amax(Tensor a, int dim, boolean keepDim) {
        return Dispatch.of(AMAX).tensor(a).integers(dim).bool(keepDim).call();
    }

    private static final Operator CUMSUM = new Operator("cumsum", "");

    public static Tensor cumsum(Tensor a, int dim) {
        return Dispatch.of(CUMSUM).tensor(a).integer(dim).none().call();
    }

    private static final Operator ARGMAX = new Operator("argmax", "");

    /** I64 index of the largest element; the first one among equals on the CPU. */
    public static Tensor argmax(Tensor a, int dim) {
        return Dispatch.of(ARGMAX).tensor(a).optionalInteger(dim).bool(false).call();
    }

    private static final Operator TRIL = new Operator("tril", "");

    public static Tensor tril(Tensor a, int diagonal) {
        return Dispatch.of(TRIL).tensor(a).integer(diagonal).call();
    }

    private static final Operator TRIU = new Operator("triu", "");

    public static Tensor triu(Tensor a, int diagonal) {
        return Dispatch.of(TRIU).tensor(a).integer(diagonal).call();
    }

    private static final Operator TOPK = new Operator("topk", "");

    /** The k largest along dim, sorted descending. */
    public static Ranked topk(Tensor a, long k, int dim) {
        Dispatch call =
                Dispatch.of(TOPK).tensor(a).integer(k).integer(dim).bool(true).bool(true);
        call.run();
        return call.ranked();
    }

    private static final Operator SORT = new Operator("sort", "");

    public static Ranked sort(Tensor a, int dim, boolean descending) {
        Dispatch call = Dispatch.of(SORT).tensor(a).integer(dim).bool(descending);
        call.run();
        return call.ranked();
    }

    // ---- shape: views where libtorch makes views ----

    private static final Operator RESHAPE = new Operator("reshape", "");

    /** At most one size may be -1. A view where possible, else a copy. */
    public static Tensor reshape(Tensor a, long... shape) {
        return Dispatch.of(RESHAPE).tensor(a).integers(shape).call();
    }

    private static final Operator PERMUTE = new Operator("permute", "");

    public static Tensor permute(Tensor a, long... order) {
        return Dispatch.of(PERMUTE).tensor(a).integers(order).call();
    }

    private static final Operator TRANSPOSE = new Operator("transpose", "int");

    public static Tensor transpose(Tensor a, int dim0, int dim1) {
        return Dispatch.of(TRANSPOSE).tensor(a).integer(dim0).integer(dim1).call();
    }

    private static final Operator T = new Operator("t", "");

    /** The transpose of a matrix, a view. */
    public static Tensor t(Tensor a) {
        return Dispatch.of(T).tensor(a).call();
    }

    private static final Operator NARROW = new Operator("narrow", "");

    /** A view of length elements from start along dim. */
    public static Tensor narrow(Tensor a, int dim, long start, long length) {
        return Dispatch.of(NARROW)
                .tensor(a)
                .integer(dim)
                .integer(start)
                .integer(length)
                .call();
    }

    private static final Operator SELECT = new Operator("select", "int");

    /** A view without dim, at one index of it. */
    public static Tensor select(Tensor a, int dim, long index) {
        return Dispatch.of(SELECT).tensor(a).integer(dim).integer(index).call();
    }

    private static final Operator EXPAND = new Operator("expand", "");

    public static Tensor expand(Tensor a, long... shape) {
        return Dispatch.of(EXPAND).tensor(a).integers(shape).bool(false).call();
    }

    private static final Operator UNSQUEEZE = new Operator("unsqueeze", "");

    public static Tensor unsqueeze(Tensor a, int dim) {
        return Dispatch.of(UNSQUEEZE).tensor(a).integer(dim).call();
    }

    private static final Operator SQUEEZE = new Operator("squeeze", "dim");

    public static Tensor squeeze(Tensor a, int dim) {
        return Dispatch.of(SQUEEZE).tensor(a).integer(dim).call();
    }

    private static final Operator ROLL = new Operator("roll", "");

    /** Moves elements along dim by so many places; those that leave the end come in at the start. */
    public static Tensor roll(Tensor a, long places, int dim) {
        return Dispatch.of(ROLL).tensor(a).integers(places).integers(dim).call();
    }

    private static final Operator INDEX_SELECT = new Operator("index_select", "");

    /** Copies the slices along dim that index (I64 or I32, one-dimensional) names. */
    public static Tensor indexSelect(Tensor a, int dim, Tensor index) {
        return Dispatch.of(INDEX_SELECT).tensor(a).integer(dim).tensor(index).call();
    }

    private static final Operator EMBEDDING = new Operator("embedding", "");

    /** Rows of weight [v,d] for ids [..] (I64 or I32). */
    public static Tensor embedding(Tensor weight, Tensor ids) {
        return Dispatch.of(EMBEDDING)
                .tensor(weight)
                .tensor(ids)
                .integer(-1)
                .bool(false)
                .bool(false)
                .call();
    }

    private static final Operator CAT = new Operator("cat", "");

    public static Tensor cat(List<Tensor> tensors, int dim) {
        return Dispatch.of(CAT).tensors(tensors).integer(dim).call();
    }

    private static final Operator STACK = new Operator("stack", "");

    public static Tensor stack(List<Tensor> tensors, int dim) {
        return Dispatch.of(STACK).tensors(tensors).integer(dim).call();
    }

    private static final Operator REPEAT_INTERLEAVE = new Operator("repeat_interleave", "self_int");

    /** Each slice along dim, repeats times in a row. */
    public static Tensor repeatInterleave(Tensor a, long repeats, int dim) {
        return Dispatch.of(REPEAT_INTERLEAVE)
                .tensor(a)
                .integer(repeats)
                .optionalInteger(dim)
                .none()
                .call();
    }

    // ---- copies and conversions ----

    /** The tensor itself if its elements lie in order, else a copy in order. */
    public static Tensor contiguous(Tensor a) {
        return a.isContiguous() ? a : clone(a);
    }

    /** A copy with its elements in order. */
    public static Tensor clone(Tensor a) {
        Tensor copy = Tensor.empty(a.dtype(), a.device(), a.shape());
        copy(copy, a);
        return copy;
    }

    /** The tensor itself if it has this element type, else a converted copy. */
    public static Tensor to(Tensor a, DType dtype) {
        if (a.dtype() == dtype) {
            return a;
        }
        Tensor converted = Tensor.empty(dtype, a.device(), a.shape());
        copy(converted, a);
        return converted;
    }

    /** The tensor itself if it is on this device, else a copy there. */
    public static Tensor to(Tensor a, Device device) {
        if (a.device().equals(device)) {
            return a;
        }
        Tensor moved = Tensor.empty(a.dtype(), device, a.shape());
        copy(moved, a);
        return moved;
    }

    /** Copies source into target, converting type and device; shapes broadcast. */
    public static void copy(Tensor target, Tensor source) {
        check(TorchShim.aoti_torch_copy_(target.handle(), source.handle(), 0));
    }

    /** 0, 1, … count-1. */
    public static Tensor arange(long count, DType dtype, Device device) {
        try (var scope = TensorScope.open()) {
            long[] values = new long[Math.toIntExact(count)];
            java.util.Arrays.setAll(values, i -> i);
            return scope.keep(to(to(Tensor.ofLongs(values, count), dtype), device));
        }
    }

    // ---- the library ----

    /** Threads of libtorch's pool, fixed when it was loaded; see {@link NativeLibraries}. */
    public static int threads() {
        NativeLibraries.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(4);
            check(TorchShim.torch_get_num_threads(out));
            return out.get(java.lang.foreign.ValueLayout.JAVA_INT, 0);
        }
    }
}
