package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_active;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Entries of a matrix that are not zero, in the order of its rows, on the CPU: activations of a batch and what comes back to them. Tensors
 * belong to the innermost {@link TensorScope} at the time of their making. Products with them cost what the entries do.
 *
 * @param rows    I32 [n], never descends
 * @param columns I32 [n]
 * @param values  F32 [n]
 */
public record SparseEntries(Tensor rows, Tensor columns, Tensor values) {
    /** @throws IllegalArgumentException if types or lengths differ from the above */
    public SparseEntries {
        long n = rows.numel();
        if (rows.dtype() != DType.I32 || columns.dtype() != DType.I32 || values.dtype() != DType.F32) {
            throw new IllegalArgumentException("entries are I32, I32 and F32, not %s, %s and %s"
                    .formatted(rows.dtype(), columns.dtype(), values.dtype()));
        }
        if (rows.rank() != 1
                || columns.rank() != 1
                || values.rank() != 1
                || columns.numel() != n
                || values.numel() != n) {
            throw new IllegalArgumentException("entries of %s, %s and %s".formatted(rows, columns, values));
        }
    }

    /**
     * Where x = pre + bias exceeds a threshold.
     *
     * @param pre       F32 [rows, columns]
     * @param bias      F32 [columns] or null
     * @param threshold F32 [columns], or null for 0
     */
    public static SparseEntries above(Tensor pre, @Nullable Tensor bias, @Nullable Tensor threshold) {
        return encoded(pre, bias, threshold, 0, Math.min(pre.numel(), 64 + pre.size(0) * 128));
    }

    /**
     * The k largest x = pre + bias of each row, negative ones included, zeros left out.
     *
     * @param pre  F32 [rows, columns]
     * @param bias F32 [columns] or null
     * @param k    1 .. columns
     */
    public static SparseEntries largest(Tensor pre, @Nullable Tensor bias, int k) {
        if (k < 1 || k > pre.size(-1)) {
            throw new IllegalArgumentException("k = " + k + " of " + pre.size(-1) + " columns");
        }
        return encoded(pre, bias, null, k, pre.size(0) * k);
    }

    private static SparseEntries encoded(
            Tensor pre, @Nullable Tensor bias, @Nullable Tensor threshold, long k, long first) {
        Kernels.rank("pre", pre, 2);
        Kernels.same("bias", bias, pre.size(1));
        Kernels.same("threshold", threshold, pre.size(1));
        if (pre.size(0) > Integer.MAX_VALUE || pre.size(1) > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("entries of " + pre);
        }
        for (long capacity = first; ; ) {
            try (var scope = TensorScope.open();
                    var call = new KernelCall(Device.CPU)) {
                Tensor rows = Tensor.empty(DType.I32, Device.CPU, capacity);
                Tensor columns = Tensor.empty(DType.I32, Device.CPU, capacity);
                Tensor values = Tensor.empty(DType.F32, Device.CPU, capacity);
                MemorySegment out = call.active(rows, columns, values);
                MemorySegment x = call.matrix("pre", pre);
                MemorySegment biases = call.vector("bias", bias);
                KernelCall.check(
                        k > 0
                                ? KernelsHeader.hw_encode_topk(call.exec(), x, biases, k, 0, out)
                                : KernelsHeader.hw_encode_threshold(
                                        call.exec(), x, biases, call.vector("threshold", threshold), 0, out));
                long found = hw_active.count(out);
                if (found <= capacity) {
                    return new SparseEntries(
                            scope.keep(TorchShape.narrow(rows, 0, 0, found)),
                            scope.keep(TorchShape.narrow(columns, 0, 0, found)),
                            scope.keep(TorchShape.narrow(values, 0, 0, found)));
                }
                capacity = found;
            }
        }
    }

    /** {@return how many there are} */
    public long count() {
        return rows.numel();
    }

    /** The same places with other values F32 [n]. */
    public SparseEntries with(Tensor others) {
        return new SparseEntries(rows, columns, others);
    }

    /**
     * out[r] = sum of value · b[column] over the entries of row r, plus out[r] if {@code add}.
     *
     * @param b   F32 [columns, width]
     * @param out F32 [rows, width]
     */
    public void product(Tensor b, boolean add, Tensor out) {
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_sparse_product(
                    entries(call), call.matrix("b", b), add ? 1 : 0, call.matrix("out", out)));
        }
    }

    /**
     * out[c] = sum of value · x[row] over the entries of column c, plus out[c] if {@code add}: the product of the transpose with x.
     *
     * @param x   F32 [rows, width]
     * @param out F32 [columns, width]
     */
    public void sums(Tensor x, boolean add, Tensor out) {
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_sparse_sums(
                    entries(call), call.matrix("x", x), add ? 1 : 0, call.matrix("out", out)));
        }
    }

    /**
     * The product x · yᵀ at these places only, F32 [n].
     *
     * @param x F32 [rows, width]
     * @param y F32 [columns, width]
     */
    public Tensor dots(Tensor x, Tensor y) {
        Tensor dots = Tensor.empty(DType.F32, Device.CPU, count());
        try (var call = new KernelCall(Device.CPU)) {
            KernelCall.check(KernelsHeader.hw_sparse_dots(
                    entries(call), call.matrix("x", x), call.matrix("y", y), call.vector("values", dots)));
        }
        return dots;
    }

    private MemorySegment entries(KernelCall call) {
        MemorySegment view = call.active(rows, columns, values);
        hw_active.count(view, count());
        return view;
    }
}
