package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.weights.WeightFile;
import java.lang.foreign.MemorySegment;

/**
 * A matrix in a weight file, of any floating-point type, used where it is mapped: element (r, c) lies
 * {@code offset + r·rowStride + c·columnStride} elements from the start of the tensor.
 */
record WeightMatrix(WeightFile file, String name, long rows, long columns, long offset, long rowStride, long columnStride) {
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

    DType dtype() {
        return file.info(name).dtype();
    }

    /** Some rows in their own type: a view of the mapping, which must not leave this package or outlive the file. */
    Tensor view(long first, long count) {
        DType type = dtype();
        MemorySegment data = file.data(name);
        try (var scope = TensorScope.open()) {
            if (columnStride == 1) {
                Tensor whole = Tensor.borrow(data, type, rows, rowStride);
                return scope.keep(Torch.narrow(Torch.narrow(whole, 0, first, count), 1, offset, columns));
            }
            Tensor whole = Tensor.borrow(data, type, columns, columnStride);
            return scope.keep(Torch.t(Torch.narrow(whole, 1, first, count)));
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
    void gather(int[] index, float[] scale, Tensor gain, Tensor out) {
        long[] row = new long[index.length];
        for (int i = 0; i < row.length; i++) {
            if (index[i] < 0 || index[i] >= rows) {
                throw new IllegalArgumentException("feature %d of %d".formatted(index[i], rows));
            }
            row[i] = index[i];
        }
        MemorySegment source = file.data(name).asSlice(offset * dtype().bytes());
        if (out.device().isCpu()) {
            Kernels.gatherRows(source, dtype(), rowStride, columnStride, row, scale, gain, out);
            return;
        }
        // The mapping is host memory: rows are gathered here and sent over as one block.
        try (var scope = TensorScope.open()) {
            Tensor block = Tensor.empty(DType.F32, Device.CPU, out.shape());
            Kernels.gatherRows(source, dtype(), rowStride, columnStride, row, scale, gain == null ? null : Torch.to(gain, Device.CPU), block);
            Torch.copy(out, block);
        }
    }
}
