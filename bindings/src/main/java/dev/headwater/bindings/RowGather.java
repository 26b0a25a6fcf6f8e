package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What {@link Kernels#gatherRows} checks of its arguments, and its call: rows of a matrix, wherever they come from. */
final class RowGather {
    private RowGather() {}

    /** Where a matrix's elements lie, counted in elements. */
    private record Source(MemorySegment data, long elements, DType type, long rowStride, long columnStride) {
        void reaches(long rows, long width) {
            if (rowStride < 0
                    || columnStride < 0
                    || rows > 0
                            && width > 0
                            && Math.addExact(
                                            Math.multiplyExact(rows - 1, rowStride),
                                            Math.multiplyExact(width - 1, columnStride))
                                    >= elements) {
                throw new IllegalArgumentException(
                        "row " + (rows - 1) + " lies outside the source of " + elements + " elements");
            }
        }
    }

    static void ofMemory(
            MemorySegment source,
            DType type,
            long rowStride,
            long columnStride,
            long[] index,
            float @Nullable [] scale,
            @Nullable Tensor gain,
            Tensor out) {
        if (!out.device().isCpu()) {
            throw new IllegalArgumentException("out is on " + out.device() + ", not on the CPU as the source is");
        }
        if (!source.isNative() || source.address() % type.bytes() != 0) {
            throw new IllegalArgumentException("the source of rows must be native memory with aligned elements");
        }
        try (var _ = NativeArena.lease(source);
                var _ = TensorScope.open();
                var call = new KernelCall(Device.CPU)) {
            long elements = source.byteSize() / type.bytes();
            gather(call, new Source(source, elements, type, rowStride, columnStride), index, scale, gain, out);
        }
    }

    static void ofTensor(Tensor source, long[] index, float @Nullable [] scale, @Nullable Tensor gain, Tensor out) {
        Kernels.rank("source", source, 2);
        if (source.size(1) != out.size(-1)) {
            throw new IllegalArgumentException("rows of " + source + " do not fit " + out);
        }
        try (var _ = TensorScope.open();
                var call = new KernelCall(source.device())) {
            gather(
                    call,
                    new Source(call.raw("source", source), source.numel(), source.dtype(), source.size(1), 1),
                    index,
                    scale,
                    gain,
                    out);
        }
    }

    private static void gather(
            KernelCall call, Source source, long[] index, float @Nullable [] scale, @Nullable Tensor gain, Tensor out) {
        Kernels.rank("out", out, 2);
        if (out.size(0) != index.length || scale != null && scale.length != index.length) {
            throw new IllegalArgumentException(
                    index.length + " rows and " + (scale == null ? "no" : scale.length) + " scales do not fill " + out);
        }
        Shipment shipment = new Shipment(out.device());
        RowNumbers rows = RowNumbers.of(shipment.longs(index));
        IndexArray factors = scale == null ? null : shipment.floats(scale);
        source.reaches(rows.limit(), out.size(1));
        shipment.send();
        run(call, source, rows, call.vector("scale", factors), gain, out);
    }

    static void there(
            Tensor source,
            long offset,
            long rowStride,
            long columnStride,
            RowNumbers index,
            @Nullable Tensor scale,
            @Nullable Tensor gain,
            Tensor out) {
        Kernels.rank("out", out, 2);
        Kernels.same("scale", scale, index.count());
        if (out.size(0) != index.count() || offset < 0 || offset > source.numel()) {
            throw new IllegalArgumentException(
                    index.count() + " rows from element " + offset + " of " + source + " do not fill " + out);
        }
        try (var call = new KernelCall(source.device())) {
            MemorySegment from =
                    call.raw("source", source).asSlice(offset * source.dtype().bytes());
            Source all = new Source(from, source.numel() - offset, source.dtype(), rowStride, columnStride);
            all.reaches(index.limit(), out.size(1));
            run(call, all, index, call.vector("scale", scale), gain, out);
        }
    }

    private static void run(
            KernelCall call, Source source, RowNumbers rows, MemorySegment scale, @Nullable Tensor gain, Tensor out) {
        Kernels.same("gain", gain, out.size(1));
        KernelCall.check(KernelsHeader.hw_gather_rows(
                call.exec(),
                source.data(),
                call.layout(source.elements(), source.rowStride(), source.columnStride(), source.type()),
                call.rows(rows),
                scale,
                call.vector("gain", gain),
                call.matrix("out", out)));
    }
}
