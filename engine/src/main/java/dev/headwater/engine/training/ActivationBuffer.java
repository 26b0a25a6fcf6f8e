package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.ArrayList;
import java.util.List;

/**
 * Activations of some layers at both sites, scaled and rounded to bfloat16: 4 · d bytes a row and layer. Rows lie in slots, one of which is
 * filled anew at a time.
 */
final class ActivationBuffer implements AutoCloseable {
    private final int firstLayer;
    private final int slotRows;
    private final int[] filled;
    private final List<Tensor> inputs = new ArrayList<>();
    private final List<Tensor> outputs = new ArrayList<>();

    /** @param slotRows rows of a slot at most */
    ActivationBuffer(int firstLayer, int layers, int width, int slots, int slotRows) {
        this.firstLayer = firstLayer;
        this.slotRows = slotRows;
        filled = new int[slots];
        for (int layer = 0; layer < layers; layer++) {
            inputs.add(TensorScope.release(Tensor.empty(DType.BF16, Device.CPU, (long) slots * slotRows, width)));
            outputs.add(TensorScope.release(Tensor.empty(DType.BF16, Device.CPU, (long) slots * slotRows, width)));
        }
    }

    static long bytes(int layers, int width, long rows) {
        return rows * layers * width * 2 * DType.BF16.bytes();
    }

    /** A sink that fills a slot with activations as they come; those of other layers are passed over. */
    ActivationReader.Sink filling(int slot, List<Scaling> scalings) {
        return (output, layer, first, rows) -> {
            int index = layer - firstLayer;
            if (index < 0 || index >= inputs.size()) {
                return;
            }
            if (first + rows.size(0) > slotRows) {
                throw new IllegalStateException("%d rows for a slot of %d".formatted(first + rows.size(0), slotRows));
            }
            try (var _ = TensorScope.open()) {
                Scaling scaling = scalings.get(index);
                Tensor scaled = output ? scaling.output(rows) : scaling.input(rows);
                Torch.copy(
                        TorchShape.narrow(
                                (output ? outputs : inputs).get(index),
                                0,
                                (long) slot * slotRows + first,
                                rows.size(0)),
                        scaled);
            }
        };
    }

    /** Says how many rows a slot has. */
    void filled(int slot, int rows) {
        filled[slot] = rows;
    }

    /** The numbers of all rows that there are, in order. */
    long[] rows() {
        int count = 0;
        for (int rows : filled) {
            count += rows;
        }
        long[] numbers = new long[count];
        int next = 0;
        for (int slot = 0; slot < filled.length; slot++) {
            for (int row = 0; row < filled[slot]; row++) {
                numbers[next++] = (long) slot * slotRows + row;
            }
        }
        return numbers;
    }

    /** Rows as F32 [n, d]. */
    Tensor input(int layer, long[] rows) {
        return gathered(inputs.get(layer - firstLayer), rows);
    }

    /** Rows as F32 [n, d]. */
    Tensor output(int layer, long[] rows) {
        return gathered(outputs.get(layer - firstLayer), rows);
    }

    private static Tensor gathered(Tensor source, long[] rows) {
        Tensor out = Tensor.empty(DType.F32, Device.CPU, rows.length, source.size(1));
        Kernels.gatherRows(source, rows, null, null, out);
        return out;
    }

    @Override
    public void close() {
        inputs.forEach(Tensor::close);
        outputs.forEach(Tensor::close);
    }
}
