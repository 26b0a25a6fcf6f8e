package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_exec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * Headwater's own kernels ({@code native/include/headwater/kernels.h}), with shapes, types and bounds checked before
 * each
 * downcall. All tensors of a call lie on one device and are contiguous unless said otherwise.
 *
 * <p>Ragged batches: target t has the rows {@code offset[t] .. offset[t] + position[t]} of a gradient matrix, one for
 * each
 * position up to its own.
 */
public final class Kernels {
    static final int ABI_VERSION = 1;

    private Kernels() {}

    /** Active entries of a layer, in (row, column) order: all three have the same length. */
    public record Active(int[] rows, int[] columns, float[] values) {}

    /** Instruction set of the CPU kernels: avx512, avx2 or baseline. */
    public static String instructionSet() {
        NativeLibraries.load();
        return KernelsHeader.hw_isa().getString(0);
    }

    /** True if the CUDA kernels are compiled in. */
    public static boolean hasCuda() {
        NativeLibraries.load();
        return KernelsHeader.hw_has_cuda() == 1;
    }

    /**
     * ReLU (threshold null) or JumpReLU (x > threshold) of x = pre + bias, compacted.
     *
     * @param pre       F32 [rows, columns]
     * @param bias      F32 [columns] or null
     * @param threshold F32 [columns] or null
     * @param firstRow  rows before it are skipped
     */
    public static Active encodeThreshold(Tensor pre, Tensor bias, Tensor threshold, long firstRow) {
        return encode(pre, bias, threshold, 0, firstRow);
    }

    /** The k largest of each row of x = pre + bias, negative ones included, zeros left out. */
    public static Active encodeTopK(Tensor pre, Tensor bias, long k, long firstRow) {
        if (k < 1 || k > pre.size(1)) {
            throw new IllegalArgumentException("k = " + k + " of " + pre.size(1) + " features");
        }
        return encode(pre, bias, null, k, firstRow);
    }

    private static Active encode(Tensor pre, Tensor bias, Tensor threshold, long k, long firstRow) {
        matrix("pre", pre, DType.F32, -1, -1);
        long rows = pre.size(0);
        long columns = pre.size(1);
        optionalVector("bias", bias, columns, pre.device());
        optionalVector("threshold", threshold, columns, pre.device());
        require(firstRow >= 0, () -> "first row " + firstRow + " is negative");
        long capacity = k > 0 ? rows * k : Math.min(rows * columns, 64 + rows * 256);
        while (true) {
            try (Arena arena = Arena.ofConfined();
                    var scope = TensorScope.open()) {
                Tensor outRows = Tensor.empty(DType.I32, pre.device(), capacity);
                Tensor outColumns = Tensor.empty(DType.I32, pre.device(), capacity);
                Tensor outValues = Tensor.empty(DType.F32, pre.device(), capacity);
                MemorySegment count = arena.allocate(JAVA_LONG);
                MemorySegment exec = exec(arena, pre.device());
                check(
                        k > 0
                                ? KernelsHeader.hw_encode_topk(
                                        exec,
                                        pre.data(),
                                        rows,
                                        columns,
                                        columns,
                                        pointer(bias),
                                        k,
                                        firstRow,
                                        outRows.data(),
                                        outColumns.data(),
                                        outValues.data(),
                                        capacity,
                                        count)
                                : KernelsHeader.hw_encode_threshold(
                                        exec,
                                        pre.data(),
                                        rows,
                                        columns,
                                        columns,
                                        pointer(bias),
                                        pointer(threshold),
                                        firstRow,
                                        outRows.data(),
                                        outColumns.data(),
                                        outValues.data(),
                                        capacity,
                                        count));
                long found = count.get(JAVA_LONG, 0);
                if (found > capacity) {
                    capacity = found;
                    continue;
                }
                return new Active(
                        Torch.narrow(outRows, 0, 0, found).toInts(),
                        Torch.narrow(outColumns, 0, 0, found).toInts(),
                        Torch.narrow(outValues, 0, 0, found).toFloats());
            }
        }
    }

    /**
     * out[i] = scale[i] · gain · source row index[i], converted to float32. The source is a matrix in memory of {@code
     * out}'s
     * device, a mapped file for instance, with element (r, c) at {@code r·rowStride + c·columnStride} elements.
     *
     * @param out   F32 [n, width], n = index.length
     * @param scale n numbers or null
     * @param gain  F32 [width] or null
     */
    public static void gatherRows(
            MemorySegment source,
            DType type,
            long rowStride,
            long columnStride,
            long[] index,
            float[] scale,
            Tensor gain,
            Tensor out) {
        matrix("out", out, DType.F32, index.length, -1);
        long width = out.size(1);
        optionalVector("gain", gain, width, out.device());
        require(scale == null || scale.length == index.length, () -> "as many scales as rows");
        require(rowStride >= 0 && columnStride >= 0, () -> "strides must not be negative");
        int code = switch (type) {
            case F32 -> KernelsHeader.HW_F32();
            case BF16 -> KernelsHeader.HW_BF16();
            case F16 -> KernelsHeader.HW_F16();
            case F64 -> KernelsHeader.HW_F64();
            default -> throw new IllegalArgumentException("rows of type " + type + " are not numbers to gather");
        };
        long elements = source.byteSize() / type.bytes();
        for (long row : index) {
            long last = Math.addExact(Math.multiplyExact(row, rowStride), (width - 1) * columnStride);
            if (row < 0 || last >= elements) {
                throw new IllegalArgumentException(
                        "row " + row + " lies outside the source of " + elements + " elements");
            }
        }
        if (index.length == 0 || width == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined();
                var scope = TensorScope.open()) {
            Tensor rows = Torch.to(Tensor.ofLongs(index, index.length), out.device());
            Tensor factors = scale == null ? null : Torch.to(Tensor.ofFloats(scale, index.length), out.device());
            check(KernelsHeader.hw_gather_rows(
                    exec(arena, out.device()),
                    source,
                    code,
                    rowStride,
                    columnStride,
                    width,
                    rows.data(),
                    index.length,
                    pointer(factors),
                    pointer(gain),
                    out.data(),
                    width));
        }
    }

    /**
     * Asks the system to read parts of a mapped file before they are needed, and does not wait for it.
     *
     * @param mapping memory; nothing happens where it is no mapping of a file
     * @param offset  where each part begins, in bytes, best ascending
     * @param bytes   of each part
     */
    public static void willNeed(MemorySegment mapping, long[] offset, long bytes) {
        require(mapping.isNative() && bytes >= 0, () -> "parts of native memory");
        for (long from : offset) {
            Objects.checkFromIndexSize(from, bytes, mapping.byteSize());
        }
        if (offset.length > 0) {
            try (Arena arena = Arena.ofConfined()) {
                check(KernelsHeader.hw_will_need(
                        mapping, arena.allocateFrom(ValueLayout.JAVA_LONG, offset), offset.length, bytes));
            }
        }
    }

    /** Targets of a ragged batch, on the device: I64 [targets] and I32 [targets]. */
    public record Ragged(Tensor offset, Tensor position) {
        public Ragged {
            vector("offset", offset, DType.I64, -1);
            vector("position", position, DType.I32, offset.size(0));
        }

        public long targets() {
            return offset.size(0);
        }
    }

    /**
     * v = transposed attention mixing of o; see {@code hw_pattern_adjoint}.
     *
     * @param o       F32 [rows, heads·headDim]
     * @param pattern F32 [heads, P, P], query by key
     * @param v       F32 [rows, kvHeads·headDim], overwritten
     */
    public static void patternAdjoint(Tensor o, Tensor pattern, long kvHeads, Ragged ragged, Tensor v) {
        long heads = pattern.size(0);
        long positions = pattern.size(1);
        long headDim = o.size(1) / heads;
        matrix("v", v, DType.F32, -1, kvHeads * headDim);
        matrix("o", o, DType.F32, v.size(0), heads * headDim);
        pattern(pattern, kvHeads);
        try (Arena arena = Arena.ofConfined()) {
            check(KernelsHeader.hw_pattern_adjoint(
                    exec(arena, o.device()),
                    o.data(),
                    pattern.data(),
                    positions,
                    heads,
                    kvHeads,
                    headDim,
                    ragged.targets(),
                    ragged.offset.data(),
                    ragged.position.data(),
                    v.data()));
        }
    }

    /** The same for targets with a gradient at their own position only: o is F32 [targets, heads·headDim]. */
    public static void patternAdjointSingle(Tensor o, Tensor pattern, long kvHeads, Ragged ragged, Tensor v) {
        long heads = pattern.size(0);
        long positions = pattern.size(1);
        long headDim = o.size(1) / heads;
        matrix("o", o, DType.F32, ragged.targets(), heads * headDim);
        matrix("v", v, DType.F32, -1, kvHeads * headDim);
        pattern(pattern, kvHeads);
        try (Arena arena = Arena.ofConfined()) {
            check(KernelsHeader.hw_pattern_adjoint_single(
                    exec(arena, o.device()),
                    o.data(),
                    pattern.data(),
                    positions,
                    heads,
                    kvHeads,
                    headDim,
                    ragged.targets(),
                    ragged.offset.data(),
                    ragged.position.data(),
                    v.data()));
        }
    }

    private static void pattern(Tensor pattern, long kvHeads) {
        require(
                pattern.rank() == 3 && pattern.size(1) == pattern.size(2) && pattern.dtype() == DType.F32,
                () -> "pattern is " + pattern + ", not F32 [heads, P, P]");
        require(
                kvHeads > 0 && pattern.size(0) % kvHeads == 0,
                () -> pattern.size(0) + " heads do not divide among " + kvHeads + " key/value heads");
    }

    /**
     * Edges of one layer: for target t, position q up to its own and source s of position q,
     * {@code out[base[t] + s] (+)= g[offset[t] + q] · source[s]}.
     *
     * @param g       F32 [rows, width]
     * @param source  F32 [sources, width], ordered by position
     * @param segment I64 [P+1]: sources of position q are segment[q] .. segment[q+1]-1
     * @param out     F32, any shape
     * @param base    I64 [targets]
     */
    public static void edgeContract(
            Tensor g, Ragged ragged, Tensor source, Tensor segment, Tensor out, Tensor base, boolean accumulate) {
        matrix("g", g, DType.F32, -1, -1);
        matrix("source", source, DType.F32, -1, g.size(1));
        vector("segment", segment, DType.I64, -1);
        vector("base", base, DType.I64, ragged.targets());
        require(out.dtype() == DType.F32, () -> "edges are float32");
        if (source.size(0) == 0 || ragged.targets() == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            check(KernelsHeader.hw_edge_contract(
                    exec(arena, g.device()),
                    g.data(),
                    g.size(1),
                    ragged.targets(),
                    ragged.offset.data(),
                    ragged.position.data(),
                    source.data(),
                    segment.size(0) - 1,
                    segment.data(),
                    out.data(),
                    base.data(),
                    accumulate ? 1 : 0));
        }
    }

    /** g[row[i]] += x[i]; g F32 [rows, width], row I64 [n] distinct, x F32 [n, width]. */
    public static void addRows(Tensor g, Tensor row, Tensor x) {
        vector("row", row, DType.I64, -1);
        matrix("x", x, DType.F32, row.size(0), -1);
        matrix("g", g, DType.F32, -1, x.size(1));
        try (Arena arena = Arena.ofConfined()) {
            check(KernelsHeader.hw_add_rows(
                    exec(arena, g.device()), g.data(), g.size(1), row.size(0), row.data(), x.data()));
        }
    }

    /** g[offset[t] + q] += scale[q] · x[offset[t] + q]; scale F32 [P], x like g F32 [rows, width]. */
    public static void addScaledRows(Tensor g, Tensor x, Ragged ragged, Tensor scale) {
        matrix("g", g, DType.F32, -1, -1);
        matrix("x", x, DType.F32, -1, g.size(1));
        vector("scale", scale, DType.F32, -1);
        try (Arena arena = Arena.ofConfined()) {
            check(KernelsHeader.hw_add_scaled_rows(
                    exec(arena, g.device()),
                    g.data(),
                    x.data(),
                    g.size(1),
                    ragged.targets(),
                    ragged.offset.data(),
                    ragged.position.data(),
                    scale.data()));
        }
    }

    private static MemorySegment exec(Arena arena, Device device) {
        MemorySegment exec = hw_exec.allocate(arena);
        hw_exec.device(exec, device.isCpu() ? -1 : device.index());
        // libtorch works on the default stream unless told otherwise; ours joins it, so that calls stay in order.
        hw_exec.stream(exec, MemorySegment.NULL);
        return exec;
    }

    private static MemorySegment pointer(Tensor tensor) {
        return tensor == null ? MemorySegment.NULL : tensor.data();
    }

    private static void matrix(String name, Tensor tensor, DType type, long rows, long columns) {
        require(
                tensor.rank() == 2
                        && tensor.dtype() == type
                        && tensor.isContiguous()
                        && (rows < 0 || tensor.size(0) == rows)
                        && (columns < 0 || tensor.size(1) == columns),
                () -> name + " is " + tensor + ", not contiguous " + type + " [" + (rows < 0 ? "*" : rows) + ", "
                        + (columns < 0 ? "*" : columns) + "]");
    }

    private static void vector(String name, Tensor tensor, DType type, long length) {
        require(
                tensor.rank() == 1
                        && tensor.dtype() == type
                        && tensor.isContiguous()
                        && (length < 0 || tensor.size(0) == length),
                () -> name + " is " + Arrays.toString(tensor.shape()) + " " + tensor.dtype() + ", not contiguous "
                        + type + " [" + (length < 0 ? "*" : length) + "]");
    }

    private static void optionalVector(String name, Tensor tensor, long length, Device device) {
        if (tensor != null) {
            vector(name, tensor, DType.F32, length);
            require(tensor.device().equals(device), () -> name + " is on " + tensor.device() + ", not on " + device);
        }
    }

    /** Messages are made when they are needed: these checks stand before every downcall. */
    private static void require(boolean condition, Supplier<String> message) {
        if (!condition) {
            throw new IllegalArgumentException(message.get());
        }
    }

    static void check(int status) {
        if (status != KernelsHeader.HW_OK()) {
            throw new NativeException("kernel: " + KernelsHeader.hw_last_error().getString(0));
        }
    }
}
