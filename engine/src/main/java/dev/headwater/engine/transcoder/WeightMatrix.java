package dev.headwater.engine.transcoder;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.weights.WeightFile;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A matrix in a weight file, of any floating-point type, used where it is mapped: element (r, c) lies
 * {@code offset + r·rowStride + c·columnStride} elements from the start of the tensor. One of the strides is 1.
 */
record WeightMatrix(
        WeightFile file, String name, long rows, long columns, long offset, long rowStride, long columnStride) {
    static WeightMatrix stored(WeightFile file, String name, long rows, long columns) {
        return new WeightMatrix(file, name, rows, columns, 0, columns, 1);
    }

    /** Of a tensor [columns, rows]. */
    static WeightMatrix transposed(WeightFile file, String name, long rows, long columns) {
        return new WeightMatrix(file, name, rows, columns, 0, 1, rows);
    }

    /** Of a tensor [rows, slices, width], the columns that slices first, first+1, … take. */
    static WeightMatrix slices(WeightFile file, String name, long rows, long slices, long width, long first) {
        return new WeightMatrix(file, name, rows, (slices - first) * width, first * width, slices * width, 1);
    }

    WeightMatrix columns(long first, long count) {
        return new WeightMatrix(file, name, rows, count, offset + first * columnStride, rowStride, columnStride);
    }

    WeightMatrix transpose() {
        return new WeightMatrix(file, name, columns, rows, offset, columnStride, rowStride);
    }

    /** In its own type. */
    long bytes() {
        return rows * columns * dtype().bytes();
    }

    DType dtype() {
        return file.info(name).dtype();
    }

    /**
     * Some rows in their own type [count, columns]: a view of the mapping, which must not leave this package or outlive
     * the file, or a copy where the mapping does not suit native code.
     */
    Tensor view(long first, long count) {
        MemorySegment data = data();
        try (var scope = TensorScope.open()) {
            if (!isAligned(data)) {
                return scope.keep(copyOut(data, first, count));
            }
            if (columnStride == 1) {
                Tensor whole = Tensor.borrow(data, dtype(), rows, rowStride);
                return scope.keep(TorchShape.narrow(TorchShape.narrow(whole, 0, first, count), 1, offset, columns));
            }
            Tensor whole = Tensor.borrow(data, dtype(), columns, columnStride);
            return scope.keep(TorchShape.t(TorchShape.narrow(whole, 1, first, count)));
        }
    }

    /** A copy of all of it as float32 [rows, columns]. */
    Tensor copy(Device device) {
        try (var scope = TensorScope.open()) {
            Tensor copy = Tensor.empty(DType.F32, device, rows, columns);
            Torch.copy(copy, view(0, rows));
            return scope.keep(copy);
        }
    }

    /**
     * out[i] = scale[i] · gain · row index[i] as float32, reading those rows only.
     *
     * @param scale n numbers or null
     * @param gain  F32 [columns] on out's device, or null
     * @param out   F32 [n, columns], any device
     */
    void gather(int[] index, float @Nullable [] scale, @Nullable Tensor gain, Tensor out) {
        for (int row : index) {
            if (row < 0 || row >= rows) {
                throw new IllegalArgumentException("feature %d of %d".formatted(row, rows));
            }
        }
        if (out.device().isCpu()) {
            gatherOnHost(index, scale, gain, out);
            return;
        }
        // The mapping is host memory: rows are gathered here and sent over as one block.
        try (var scope = TensorScope.open()) {
            Tensor block = Tensor.empty(DType.F32, Device.CPU, out.shape());
            gatherOnHost(index, scale, gain == null ? null : Torch.to(gain, Device.CPU), block);
            Torch.copy(out, block);
        }
    }

    /** Has rows read from the disk while something else goes on; they are to be viewed next. */
    void willNeed(long first, long count) {
        long size = dtype().bytes();
        if (columnStride == 1) {
            Kernels.willNeed(
                    data(),
                    new long[] {(offset + first * rowStride) * size},
                    ((count - 1) * rowStride + columns) * size);
        } else {
            long[] from = new long[Math.toIntExact(columns)];
            Arrays.setAll(from, c -> (offset + first * rowStride + c * columnStride) * size);
            Kernels.willNeed(data(), from, count * size);
        }
    }

    /** The same of rows that are to be gathered; ascending numbers are best. */
    void willNeed(int[] index) {
        if (columnStride == 1) { // of a transposed matrix, each row is in every page
            long size = dtype().bytes();
            long[] from = new long[index.length];
            Arrays.setAll(from, i -> (offset + index[i] * rowStride) * size);
            Kernels.willNeed(data(), from, columns * size);
        }
    }

    private void gatherOnHost(int[] index, float @Nullable [] scale, @Nullable Tensor gain, Tensor out) {
        MemorySegment data = data();
        long[] row = new long[index.length];
        try (var scope = TensorScope.open()) {
            if (isAligned(data)) {
                Arrays.setAll(row, i -> index[i]);
                Kernels.gatherRows(
                        data.asSlice(offset * dtype().bytes()),
                        dtype(),
                        rowStride,
                        columnStride,
                        row,
                        scale,
                        gain,
                        out);
            } else {
                Arrays.setAll(row, i -> i);
                Tensor copied = copyOut(data, index);
                Kernels.gatherRows(copied, row, scale, gain, out);
            }
        }
    }

    private MemorySegment data() {
        return file.unaligned(name);
    }

    private boolean isAligned(MemorySegment data) {
        return data.address() % dtype().bytes() == 0;
    }

    private Tensor copyOut(MemorySegment data, long first, long count) {
        long size = dtype().bytes();
        boolean byRow = columnStride == 1;
        Tensor copy = Tensor.empty(dtype(), Device.CPU, byRow ? count : columns, byRow ? columns : count);
        MemorySegment to = copy.data();
        long runs = copy.size(0);
        long run = copy.size(1) * size;
        long from = (offset + first * rowStride) * size;
        long stride = (byRow ? rowStride : columnStride) * size;
        for (long i = 0; i < runs; i++) {
            MemorySegment.copy(data, from + i * stride, to, i * run, run);
        }
        return byRow ? copy : TorchShape.t(copy);
    }

    private Tensor copyOut(MemorySegment data, int[] index) {
        long size = dtype().bytes();
        Tensor copy = Tensor.empty(dtype(), Device.CPU, index.length, columns);
        MemorySegment to = copy.data();
        if (columnStride == 1) {
            for (int i = 0; i < index.length; i++) {
                MemorySegment.copy(
                        data, (offset + index[i] * rowStride) * size, to, i * columns * size, columns * size);
            }
            return copy;
        }
        // Column by column, so that the pages of one serve all rows.
        for (long c = 0; c < columns; c++) {
            for (int i = 0; i < index.length; i++) {
                long from = (offset + index[i] * rowStride + c * columnStride) * size;
                long target = (i * columns + c) * size;
                switch ((int) size) {
                    case 2 -> to.set(JAVA_SHORT_UNALIGNED, target, data.get(JAVA_SHORT_UNALIGNED, from));
                    case 4 -> to.set(JAVA_INT_UNALIGNED, target, data.get(JAVA_INT_UNALIGNED, from));
                    default -> to.set(JAVA_LONG_UNALIGNED, target, data.get(JAVA_LONG_UNALIGNED, from));
                }
            }
        }
        return copy;
    }
}
