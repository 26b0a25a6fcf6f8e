package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
     * @param resident the same on out's device, or null to take it from its file
     * @param out F32 [P, decoder.columns]; may be a view
     */
    static void add(SparseActivations activations, WeightMatrix decoder, @Nullable ResidentRows resident, Tensor out) {
        int entries = Math.min(Math.clamp(BLOCK / decoder.columns(), 1, MAX_ENTRIES), activations.count());
        try (var scope = TensorScope.open()) {
            Tensor room = Tensor.empty(DType.F32, out.device(), entries, decoder.columns());
            for (int from = 0; from < activations.count(); from += entries) {
                int to = Math.min(from + entries, activations.count());
                int next = Math.min(to + entries, activations.count());
                if (resident == null) {
                    decoder.willNeed(Arrays.copyOfRange(activations.feature(), to, next));
                }
                add(activations, from, to, decoder, resident, TorchShape.narrow(room, 0, 0, to - from), out);
            }
        }
    }

    /**
     * The output that a layer has of what was written there.
     *
     * @param written F32 [P, d]
     * @param skip    what adds x · skip, null if nothing does
     */
    static Tensor finished(Tensor bias, @Nullable Tensor skip, Tensor written, Tensor x) {
        Tensor output = Torch.add(written, bias);
        if (skip != null) {
            FloatProduct.into(output, x, skip, 1);
        }
        return output;
    }

    /**
     * Looks at all of them at once: from a GPU that is one wait.
     *
     * @param outputs of neighbouring layers
     * @param first   the first of these layers
     * @param set     that they are of
     */
    static void requireFinite(List<Tensor> outputs, int first, Path set) {
        List<Tensor> sums = outputs.stream()
                .map(output -> TorchReduce.sum(output, 0, false))
                .toList();
        float[] all = TorchReduce.sum(TorchShape.stack(sums, 0), 1, false).toFloats();
        for (int i = 0; i < all.length; i++) {
            if (!Float.isFinite(all[i])) {
                throw new HeadwaterException(
                        "The output of the transcoder set %s at layer %d is not finite: a decoder or skip that writes there holds a NaN or an infinity"
                                .formatted(set, first + i));
            }
        }
    }

    private static void add(
            SparseActivations activations,
            int from,
            int to,
            WeightMatrix decoder,
            @Nullable ResidentRows resident,
            Tensor rows,
            Tensor out) {
        int first = activations.position()[from];
        int positions = activations.position()[to - 1] - first + 1;
        int entries = to - from;
        float[] scale = new float[positions * entries];
        for (int i = 0; i < entries; i++) {
            scale[(activations.position()[from + i] - first) * entries + i] =
                    activations.value()[from + i];
        }
        try (var scope = TensorScope.open()) {
            int[] feature = Arrays.copyOfRange(activations.feature(), from, to);
            Shipment shipment = new Shipment(out.device());
            Shipment.Rows values = shipment.rows(Tensor.ofFloats(scale, positions, entries));
            if (resident == null) {
                shipment.send();
                decoder.gather(feature, null, null, rows);
            } else {
                RowNumbers numbers = RowNumbers.of(shipment.longs(feature));
                shipment.send();
                resident.gather(numbers, null, null, rows);
            }
            FloatProduct.into(TorchShape.narrow(out, 0, first, positions), values.tensor(), rows, 1);
        }
    }
}
