package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Rows of a matrix that lies on a GPU whole, in the type of its file.
 *
 * @param matrix [rows, all columns], contiguous
 * @param first  the first of the columns that rows have here
 */
public record ResidentRows(Tensor matrix, long first) {
    /**
     * out[i] = scale[i] · gain · row index[i] as float32; nothing leaves the GPU or comes there.
     *
     * @param index on the matrix's device
     * @param scale F32 [n] or null
     * @param gain  F32 [width] or null
     * @param out   F32 [n, width]
     */
    public void gather(RowNumbers index, @Nullable Tensor scale, @Nullable Tensor gain, Tensor out) {
        if (index.limit() > matrix.size(0) || first + out.size(1) > matrix.size(1)) {
            throw new IllegalArgumentException("row " + (index.limit() - 1) + " is not in " + matrix);
        }
        Kernels.gatherRows(matrix, first, matrix.size(1), 1, index, scale, gain, out);
    }
}
