package dev.headwater.engine.evaluation;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.ReplacementModel;
import java.util.ArrayList;
import java.util.List;

/**
 * Windows that go through the model together, their rows one below the other.
 *
 * @param windows token ids of each
 * @param zeros   positions at the start of each where features count as 0
 * @param judged  whether features count, by row
 */
record WindowRows(List<int[]> windows, int[] zeros, boolean[] judged) {
    /** Rows together, but for a window that has more. */
    static final int MOST = 1024;

    /** All windows in their order. */
    static List<WindowRows> batches(ReplacementModel model, List<int[]> windows, long mostRows) {
        List<WindowRows> batches = new ArrayList<>();
        for (int from = 0, to; from < windows.size(); from = to) {
            long rows = windows.get(from).length;
            for (to = from + 1; to < windows.size() && rows + windows.get(to).length <= mostRows; to++) {
                rows += windows.get(to).length;
            }
            batches.add(of(model, windows.subList(from, to), (int) rows));
        }
        return batches;
    }

    private static WindowRows of(ReplacementModel model, List<int[]> windows, int rows) {
        int[] zeros = new int[windows.size()];
        boolean[] judged = new boolean[rows];
        int row = 0;
        for (int i = 0; i < zeros.length; i++) {
            zeros[i] = model.zeroPositions(windows.get(i));
            for (int p = 0; p < windows.get(i).length; p++) {
                judged[row++] = p >= zeros[i];
            }
        }
        return new WindowRows(windows, zeros, judged);
    }

    /** {@code changed} where features count, {@code own} elsewhere; both F32 [rows, d], {@code changed} may be one row for all. */
    Tensor where(Tensor changed, Tensor own) {
        float[] mask = new float[judged.length];
        for (int row = 0; row < mask.length; row++) {
            mask[row] = judged[row] ? 1 : 0;
        }
        return Torch.where(Torch.gt(Torch.to(Tensor.ofFloats(mask, mask.length, 1), own.device()), 0), changed, own);
    }
}
