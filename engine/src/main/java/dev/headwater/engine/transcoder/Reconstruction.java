package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.Arrays;

/**
 * What active features write, summed by position: decoder rows of a block of entries are gathered, and a small matrix
 * that has each entry's activation at its position adds them up. Every decoder row is read once, for all the layers it
 * writes to.
 */
final class Reconstruction {
    /** Elements of a block of decoder rows: 32 MiB. */
    private static final long BLOCK = 8L << 20;

    private static final int MAX_ENTRIES = 1024;

    private Reconstruction() {}

    /**
     * out += activations · decoder.
     *
     * @param out F32 [P, decoder.columns]; may be a view
     */
    static void add(SparseActivations activations, WeightMatrix decoder, Tensor out) {
        int entries = Math.min(Math.clamp(BLOCK / decoder.columns(), 1, MAX_ENTRIES), activations.count());
        try (var scope = TensorScope.open()) {
            Tensor room = Tensor.empty(DType.F32, out.device(), entries, decoder.columns());
            for (int from = 0; from < activations.count(); from += entries) {
                int to = Math.min(from + entries, activations.count());
                int next = Math.min(to + entries, activations.count());
                decoder.willNeed(Arrays.copyOfRange(activations.feature(), to, next));
                add(activations, from, to, decoder, TorchShape.narrow(room, 0, 0, to - from), out);
            }
        }
    }

    private static void add(
            SparseActivations activations, int from, int to, WeightMatrix decoder, Tensor rows, Tensor out) {
        int first = activations.position()[from];
        int positions = activations.position()[to - 1] - first + 1;
        int entries = to - from;
        float[] scale = new float[positions * entries];
        for (int i = 0; i < entries; i++) {
            scale[(activations.position()[from + i] - first) * entries + i] =
                    activations.value()[from + i];
        }
        try (var scope = TensorScope.open()) {
            decoder.gather(Arrays.copyOfRange(activations.feature(), from, to), null, null, rows);
            Tensor values = Torch.to(Tensor.ofFloats(scale, positions, entries), out.device());
            FloatProduct.into(TorchShape.narrow(out, 0, first, positions), values, rows, 1);
        }
    }
}
