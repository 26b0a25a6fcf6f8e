package dev.headwater.bindings;

/**
 * The operators of libtorch that work along dimensions; conventions are those of {@link Torch}.
 */
public final class TorchReduce {
    /**
     * Elements in the order of their sizes.
     *
     * @param values  of the tensor's type
     * @param indices I64, where each was along the dimension
     */
    public record Ranked(Tensor values, Tensor indices) {}

    private TorchReduce() {}

    private static final Operator SOFTMAX = new Operator("softmax", "int");
    private static final Operator SUM = new Operator("sum", "dim_IntList");
    private static final Operator MEAN = new Operator("mean", "dim");
    private static final Operator AMAX = new Operator("amax", "");
    private static final Operator CUMSUM = new Operator("cumsum", "");
    private static final Operator ARGMAX = new Operator("argmax", "");
    private static final Operator TRIL = new Operator("tril", "");
    private static final Operator TRIU = new Operator("triu", "");
    private static final Operator TOPK = new Operator("topk", "");
    private static final Operator SORT = new Operator("sort", "");

    /** exp(a) divided by its sum along dim. */
    public static Tensor softmax(Tensor a, int dim) {
        return Tensor.owning(
                SOFTMAX.call().tensor(a.handle()).integer(dim).none().run());
    }

    /** Sums along dim, which stays with size 1 or goes. */
    public static Tensor sum(Tensor a, int dim, boolean keepDim) {
        return Tensor.owning(SUM.call()
                .tensor(a.handle())
                .optionalIntegers(dim)
                .bool(keepDim)
                .none()
                .run());
    }

    /** Means along dim, which stays with size 1 or goes. */
    public static Tensor mean(Tensor a, int dim, boolean keepDim) {
        return Tensor.owning(MEAN.call()
                .tensor(a.handle())
                .optionalIntegers(dim)
                .bool(keepDim)
                .none()
                .run());
    }

    /** Largest elements along dim, which stays with size 1 or goes. */
    public static Tensor amax(Tensor a, int dim, boolean keepDim) {
        return Tensor.owning(
                AMAX.call().tensor(a.handle()).integers(dim).bool(keepDim).run());
    }

    /** Sums of the elements up to each along dim. */
    public static Tensor cumsum(Tensor a, int dim) {
        return Tensor.owning(
                CUMSUM.call().tensor(a.handle()).integer(dim).none().run());
    }

    /** I64 index of the largest element along dim; the first one among equals on the CPU. */
    public static Tensor argmax(Tensor a, int dim) {
        return Tensor.owning(ARGMAX.call()
                .tensor(a.handle())
                .optionalInteger(dim)
                .bool(false)
                .run());
    }

    /** The last two dimensions' lower triangle, up to the diagonal with this number; the rest is 0. */
    public static Tensor tril(Tensor a, int diagonal) {
        return Tensor.owning(TRIL.call().tensor(a.handle()).integer(diagonal).run());
    }

    /** The last two dimensions' upper triangle, from the diagonal with this number on; the rest is 0. */
    public static Tensor triu(Tensor a, int diagonal) {
        return Tensor.owning(TRIU.call().tensor(a.handle()).integer(diagonal).run());
    }

    /** The k largest along dim, sorted descending. */
    public static Ranked topk(Tensor a, long k, int dim) {
        return topk(a, k, dim, true);
    }

    /** The k largest along dim, sorted descending, or the k smallest, sorted ascending. */
    public static Ranked topk(Tensor a, long k, int dim, boolean largest) {
        return ranked(TOPK.call()
                .tensor(a.handle())
                .integer(k)
                .integer(dim)
                .bool(largest)
                .bool(true));
    }

    /** All along dim, sorted. */
    public static Ranked sort(Tensor a, int dim, boolean descending) {
        return ranked(SORT.call().tensor(a.handle()).integer(dim).bool(descending));
    }

    private static Ranked ranked(Operator.Call call) {
        Handle[] results = call.run(2);
        return new Ranked(Tensor.owning(results[0]), Tensor.owning(results[1]));
    }
}
