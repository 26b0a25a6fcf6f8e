package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_active;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Headwater's own kernels ({@code native/include/headwater/kernels.h}), with shapes, types and bounds checked before each
 * downcall. All tensors of a call lie on one device and are contiguous; index arrays come as values that were checked when they
 * were made. What does not fit is an {@link IllegalArgumentException}, a tensor that was closed an {@link IllegalStateException}.
 */
public final class Kernels {
    private Kernels() {}

    /**
     * Active entries of a layer, in (row, column) order: all three have the same length.
     *
     * @param rows    positions
     * @param columns features
     * @param values  activations
     */
    public record Active(int[] rows, int[] columns, float[] values) {
        /** @param found rows, columns and the bits of values, one after the other */
        static Active of(int[] found) {
            int count = found.length / 3;
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = Float.intBitsToFloat(found[2 * count + i]);
            }
            return new Active(Arrays.copyOf(found, count), Arrays.copyOfRange(found, count, 2 * count), values);
        }
    }

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
     * @param threshold F32 [columns] or null; rows before {@code firstRow} are skipped
     */
    public static Active encodeThreshold(Tensor pre, @Nullable Tensor bias, @Nullable Tensor threshold, long firstRow) {
        return encode(pre, bias, threshold, 0, firstRow);
    }

    /**
     * The k largest of each row of x = pre + bias, negative ones included, zeros left out.
     *
     * @param pre      F32 [rows, columns]
     * @param bias     F32 [columns] or null
     * @param k        1 .. columns; rows before {@code firstRow} are skipped
     */
    public static Active encodeTopK(Tensor pre, @Nullable Tensor bias, long k, long firstRow) {
        if (k < 1 || k > pre.size(-1)) {
            throw new IllegalArgumentException("k = " + k + " of " + pre.size(-1) + " features");
        }
        return encode(pre, bias, null, k, firstRow);
    }

    private static Active encode(Tensor pre, @Nullable Tensor bias, @Nullable Tensor threshold, long k, long firstRow) {
        rank("pre", pre, 2);
        long rows = pre.size(0);
        long columns = pre.size(1);
        same("bias", bias, columns);
        same("threshold", threshold, columns);
        if (firstRow < 0 || rows > Integer.MAX_VALUE || columns > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("first row " + firstRow + " of " + pre);
        }
        long capacity = k > 0 ? rows * k : Math.min(rows * columns, 64 + rows * 256);
        while (true) {
            try (var scope = TensorScope.open();
                    var call = new KernelCall(pre.device())) {
                Tensor room = Tensor.empty(DType.I32, pre.device(), 3, capacity);
                MemorySegment out = call.active(room);
                MemorySegment x = call.matrix("pre", pre);
                MemorySegment biases = call.vector("bias", bias);
                KernelCall.check(
                        k > 0
                                ? KernelsHeader.hw_encode_topk(call.exec(), x, biases, k, firstRow, out)
                                : KernelsHeader.hw_encode_threshold(
                                        call.exec(), x, biases, call.vector("threshold", threshold), firstRow, out));
                Traffic.waited(pre.device());
                long found = hw_active.count(out);
                if (found > capacity) {
                    capacity = found;
                    continue;
                }
                return Active.of(TorchShape.narrow(room, 1, 0, found).toInts());
            }
        }
    }

    /**
     * out[i] = scale[i] · gain · source row index[i], converted to float32, on the CPU. The source is memory that may be a
     * mapped file, with element (r, c) at {@code r·rowStride + c·columnStride} elements; it stays until the call ends.
     *
     * @param source of a {@link NativeArena}
     * @param out    F32 [n, width] on the CPU, n = index.length
     * @param scale  n numbers or null
     * @param gain   F32 [width] or null
     */
    public static void gatherRows(
            MemorySegment source,
            DType type,
            long rowStride,
            long columnStride,
            long[] index,
            float @Nullable [] scale,
            @Nullable Tensor gain,
            Tensor out) {
        RowGather.ofMemory(source, type, rowStride, columnStride, index, scale, gain, out);
    }

    /**
     * out[i] = scale[i] · gain · source row index[i], converted to float32, where the matrix is.
     *
     * @param source floating-point numbers [rows, width]
     * @param out    F32 [n, width], n = index.length
     * @param scale  n numbers or null
     * @param gain   F32 [width] or null
     */
    public static void gatherRows(
            Tensor source, long[] index, float @Nullable [] scale, @Nullable Tensor gain, Tensor out) {
        RowGather.ofTensor(source, index, scale, gain, out);
    }

    /**
     * The same with all that it needs on the device already: nothing goes there. Element (r, c) of the source's rows lies
     * {@code offset + r·rowStride + c·columnStride} elements from its beginning.
     *
     * @param source floating-point numbers, contiguous, of any shape
     * @param index  n 64-bit numbers
     * @param scale  F32 [n] or null
     * @param gain   F32 [width] or null
     * @param out    F32 [n, width]
     */
    public static void gatherRows(
            Tensor source,
            long offset,
            long rowStride,
            long columnStride,
            RowNumbers index,
            @Nullable Tensor scale,
            @Nullable Tensor gain,
            Tensor out) {
        RowGather.there(source, offset, rowStride, columnStride, index, scale, gain, out);
    }

    /**
     * Asks the system to read parts of a mapped file before they are needed, and does not wait for it.
     *
     * @param mapping memory; nothing happens where it is no mapping of a file
     * @param offset  where each part begins, in bytes, best ascending
     * @param bytes   of each part, which must be in it ({@link IndexOutOfBoundsException})
     */
    public static void willNeed(MemorySegment mapping, long[] offset, long bytes) {
        if (!mapping.isNative() || bytes < 0) {
            throw new IllegalArgumentException("parts of native memory are needed");
        }
        for (long from : offset) {
            Objects.checkFromIndexSize(from, bytes, mapping.byteSize());
        }
        if (offset.length > 0) {
            NativeLibraries.load();
            // The mapping is an argument of the call, which keeps it until it returns.
            try (Arena arena = Arena.ofConfined()) {
                KernelCall.check(KernelsHeader.hw_will_need(
                        mapping,
                        mapping.byteSize(),
                        arena.allocateFrom(ValueLayout.JAVA_LONG, offset),
                        offset.length,
                        bytes));
            }
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
        try (var call = new KernelCall(o.device())) {
            adjoint(o, pattern, kvHeads, ragged, v);
            atLeast("o", o, ragged.rows());
            KernelCall.check(KernelsHeader.hw_pattern_adjoint(
                    call.exec(),
                    call.matrix("o", o),
                    call.pattern(pattern),
                    kvHeads,
                    call.ragged(ragged),
                    call.matrix("v", v)));
        }
    }

    /** The same for targets with a gradient at their own position only: o is F32 [targets, heads·headDim]. */
    public static void patternAdjointSingle(Tensor o, Tensor pattern, long kvHeads, Ragged ragged, Tensor v) {
        try (var call = new KernelCall(o.device())) {
            adjoint(o, pattern, kvHeads, ragged, v);
            if (o.size(0) != ragged.targets()) {
                throw new IllegalArgumentException(
                        "o is " + o + ", not a row for each of " + ragged.targets() + " targets");
            }
            KernelCall.check(KernelsHeader.hw_pattern_adjoint_single(
                    call.exec(),
                    call.matrix("o", o),
                    call.pattern(pattern),
                    kvHeads,
                    call.ragged(ragged),
                    call.matrix("v", v)));
        }
    }

    private static void adjoint(Tensor o, Tensor pattern, long kvHeads, Ragged ragged, Tensor v) {
        rank("o", o, 2);
        rank("pattern", pattern, 3);
        rank("v", v, 2);
        long heads = pattern.size(0);
        if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
            throw new IllegalArgumentException(heads + " heads do not divide among " + kvHeads + " key/value heads");
        }
        if (o.size(1) == 0 || o.size(1) % heads != 0 || v.size(1) != o.size(1) / heads * kvHeads) {
            throw new IllegalArgumentException(
                    "o is " + o + " and v " + v + ", not columns of " + heads + " and of " + kvHeads + " equal heads");
        }
        if (ragged.positions() > pattern.size(1)) {
            throw new IllegalArgumentException("targets at " + ragged.positions() + " positions for " + pattern);
        }
        atLeast("v", v, ragged.rows());
    }

    /**
     * Edges of one layer: for target t, position q up to its own and source s of position q,
     * {@code out[base[t] + s] (+)= g[offset[t] + q] · source[s]}.
     *
     * @param g      F32 [rows, width]
     * @param source F32 [sources, width], ordered by position
     * @param slots  targets, the sources' positions, and where the edges go
     * @param out    F32, any shape
     */
    public static void edgeContract(Tensor g, Tensor source, EdgeSlots slots, Tensor out, boolean accumulate) {
        rank("g", g, 2);
        rank("source", source, 2);
        if (g.size(1) == 0 || source.size(1) != g.size(1)) {
            throw new IllegalArgumentException("source is " + source + ", not as wide as g, " + g);
        }
        atLeast("g", g, slots.ragged().rows());
        atLeast("source", source, slots.segments().sources());
        if (slots.reach() > out.numel()) {
            throw new IllegalArgumentException("edges reach slot " + slots.reach() + " of " + out);
        }
        try (var call = new KernelCall(g.device())) {
            KernelCall.check(KernelsHeader.hw_edge_contract(
                    call.exec(),
                    call.matrix("g", g),
                    call.ragged(slots.ragged()),
                    call.matrix("source", source),
                    call.segments(slots.segments()),
                    call.runs(slots, out),
                    accumulate ? 1 : 0));
        }
    }

    /**
     * g[rows[i]] += x[i].
     *
     * @param g    F32 [rows, width]
     * @param rows ascending, none twice
     * @param x    F32 [rows.count, width]
     */
    public static void addRows(Tensor g, RowNumbers rows, Tensor x) {
        rank("g", g, 2);
        rank("x", x, 2);
        if (!rows.ascending()) {
            throw new IllegalArgumentException("rows to be added to must ascend, none twice");
        }
        if (x.size(0) != rows.count() || x.size(1) != g.size(1)) {
            throw new IllegalArgumentException("x is " + x + " for " + rows.count() + " rows of " + g);
        }
        atLeast("g", g, rows.limit());
        try (var call = new KernelCall(g.device())) {
            KernelCall.check(
                    KernelsHeader.hw_add_rows(call.exec(), call.matrix("g", g), call.rows(rows), call.matrix("x", x)));
        }
    }

    /**
     * g[offset[t] + q] += scale[q] · x[offset[t] + q].
     *
     * @param g     F32 [rows, width]
     * @param x     F32 [rows, width]
     * @param scale F32 [P]
     */
    public static void addScaledRows(Tensor g, Tensor x, Ragged ragged, Tensor scale) {
        rank("g", g, 2);
        rank("x", x, 2);
        rank("scale", scale, 1);
        if (x.size(1) != g.size(1)) {
            throw new IllegalArgumentException("x is " + x + ", not as wide as g, " + g);
        }
        atLeast("g", g, ragged.rows());
        atLeast("x", x, ragged.rows());
        atLeast("scale", scale, ragged.positions());
        try (var call = new KernelCall(g.device())) {
            KernelCall.check(KernelsHeader.hw_add_scaled_rows(
                    call.exec(),
                    call.matrix("g", g),
                    call.matrix("x", x),
                    call.ragged(ragged),
                    call.vector("scale", scale)));
        }
    }

    static void rank(String name, Tensor tensor, int rank) {
        if (tensor.rank() != rank) {
            throw new IllegalArgumentException(name + " is " + tensor + ", not of rank " + rank);
        }
    }

    static void same(String name, @Nullable Tensor vector, long length) {
        if (vector != null && (vector.rank() != 1 || vector.size(0) != length)) {
            throw new IllegalArgumentException(name + " is " + vector + ", not [" + length + "]");
        }
    }

    private static void atLeast(String name, Tensor tensor, long rows) {
        if (tensor.size(0) < rows) {
            throw new IllegalArgumentException(name + " is " + tensor + ", of which row " + (rows - 1) + " is reached");
        }
    }
}
