package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Encodes one layer in tiles of features, so that memory is bounded whatever their number: a tile of the encoder is
 * brought to float32 (or used in place if it is), multiplied, and compacted to its active entries before the next one.
 */
final class SparseEncoder {
    /** Elements of an encoder tile and of its pre-activations: 16 MiB each. */
    static final long TILE = 4L << 20;
    /** How much larger tiles are of an encoder that lies on a GPU. */
    private static final long RESIDENT_TILES = 16;
    /** Positions that share a tile's pre-activations, at most. */
    private static final long BLOCK = 4096;

    /** Active entries of one tile of features for one block of positions. */
    private record Part(int firstPosition, int positions, int firstFeature, int features, Kernels.Active active) {}

    private final LayerTranscoder layer;
    private final @Nullable ResidentEncoder resident;
    private final Tensor x;
    private final int firstPosition;
    private final int positions;
    private final long tileElements;
    private final List<Part> parts = new ArrayList<>();

    private SparseEncoder(
            LayerTranscoder layer, @Nullable ResidentEncoder resident, Tensor x, int firstPosition, long tileElements) {
        this.layer = layer;
        this.resident = resident;
        this.x = x;
        this.firstPosition = firstPosition;
        this.positions = (int) x.size(0);
        this.tileElements = tileElements;
    }

    /**
     * @param resident      the encoder on x's device, or null to take it from its file
     * @param x             F32 [P, d]
     * @param firstPosition positions before it have no active features
     * @param tileElements  {@link #TILE}
     */
    static SparseActivations encode(
            LayerTranscoder layer, @Nullable ResidentEncoder resident, Tensor x, int firstPosition, long tileElements) {
        if (firstPosition >= x.size(0)) {
            return new SparseActivations(new int[0], new int[0], new float[0]);
        }
        SparseEncoder encoder = new SparseEncoder(layer, resident, x, firstPosition, tileElements);
        encoder.run();
        if (!(layer.activation() instanceof Activation.TopK(int k, boolean positive))) {
            return encoder.all();
        }
        SparseActivations largest = encoder.tiles() > 1 ? encoder.largest(k) : encoder.all();
        return positive ? positive(largest) : largest;
    }

    private void run() {
        int features = layer.features();
        int width = layer.width();
        int rows = positions - firstPosition;
        // A whole layer at a time where it is there already: fewer waits, and products that fill a GPU.
        long most = resident == null ? tileElements : RESIDENT_TILES * tileElements;
        long tile = Math.clamp(most / Math.max(width, Math.min(rows, BLOCK)), 1, features);
        long block = Math.min(rows, Math.max(1, most / tile));
        try (var scope = TensorScope.open()) {
            boolean asIs = resident != null && resident.matrix().dtype() == DType.F32;
            Tensor weights = Tensor.empty(DType.F32, x.device(), asIs ? 0 : tile * width);
            Tensor products = Tensor.empty(DType.F32, x.device(), tile * block);
            for (int feature = 0; feature < features; feature += (int) tile) {
                int count = (int) Math.min(tile, features - feature);
                if (resident == null && feature + count < features) {
                    layer.encoder().willNeed(feature + count, Math.min(tile, features - feature - count));
                }
                try (var inner = TensorScope.open()) {
                    Tensor rowsOfTile = float32(
                            resident == null
                                    ? layer.encoder().view(feature, count)
                                    : TorchShape.narrow(resident.matrix(), 0, feature, count),
                            weights);
                    for (int position = firstPosition; position < positions; position += (int) block) {
                        encode(
                                feature,
                                count,
                                rowsOfTile,
                                position,
                                (int) Math.min(block, positions - position),
                                products);
                    }
                }
            }
        }
    }

    /** The tile as float32 on x's device: itself, or a copy in the given room. */
    private Tensor float32(Tensor tile, Tensor room) {
        if (tile.dtype() == DType.F32 && tile.device().equals(x.device())) {
            return tile;
        }
        Tensor copy = TorchShape.reshape(TorchShape.narrow(room, 0, 0, tile.numel()), tile.shape());
        if (tile.device().equals(x.device())) {
            Torch.copy(copy, tile);
            return copy;
        }
        // Moved first, so that fewer bytes are: a copy that also converts does so before it moves.
        Tensor there = Tensor.empty(tile.dtype(), x.device(), tile.shape());
        Shipment.copy(there, tile);
        Torch.copy(copy, there);
        return copy;
    }

    private void encode(int feature, int count, Tensor tile, int position, int block, Tensor room) {
        try (var scope = TensorScope.open()) {
            Tensor pre = TorchShape.reshape(TorchShape.narrow(room, 0, 0, (long) block * count), block, count);
            FloatProduct.into(pre, TorchShape.narrow(x, 0, position, block), TorchShape.t(tile), 0);
            requireFinite(pre, feature, position);
            Tensor bias = resident == null
                    ? vector(layer.encoderBias(), feature, count)
                    : TorchShape.narrow(resident.bias(), 0, feature, count);
            parts.add(new Part(
                    position,
                    block,
                    feature,
                    count,
                    switch (layer.activation()) {
                        case Activation.Relu() -> Kernels.encodeThreshold(pre, bias, null, 0);
                        case Activation.JumpRelu(float[] threshold) ->
                            Kernels.encodeThreshold(pre, bias, threshold(threshold, feature, count), 0);
                        case Activation.TopK(int k, boolean _) -> Kernels.encodeTopK(pre, bias, Math.min(k, count), 0);
                    }));
        }
    }

    private Tensor threshold(float[] values, int from, int count) {
        return resident == null || resident.threshold() == null
                ? vector(values, from, count)
                : TorchShape.narrow(resident.threshold(), 0, from, count);
    }

    private Tensor vector(float[] values, int from, int count) {
        return Torch.to(Tensor.ofFloats(Arrays.copyOfRange(values, from, from + count), count), x.device());
    }

    /**
     * Encoders are too large to be checked when a set is opened; a NaN in one shows here, and would otherwise pass for
     * inactive.
     */
    private void requireFinite(Tensor pre, int feature, int position) {
        if (!x.device().isCpu()) {
            // One number comes from a GPU, and all of them only if that one is bad.
            Tensor columns = TorchReduce.sum(pre, 0, false);
            if (Float.isFinite(TorchReduce.sum(columns, 0, false).item())) {
                return;
            }
        }
        float[] sums = TorchReduce.sum(pre, 0, false).toFloats();
        for (int i = 0; i < sums.length; i++) {
            if (!Float.isFinite(sums[i])) {
                boolean input = !Float.isFinite(
                        TorchReduce.sum(TorchReduce.sum(x, 0, false), 0, false).item());
                throw new HeadwaterException(
                        input
                                ? "The model's activations at the transcoders' input hold a NaN or an infinity"
                                : "%s: the row of feature %d in '%s' holds a NaN or an infinity, or overflows at position %d or later"
                                        .formatted(
                                                layer.encoder().file().path(),
                                                feature + i,
                                                layer.encoder().name(),
                                                position));
            }
        }
    }

    private static SparseActivations positive(SparseActivations all) {
        int[] kept =
                IntStream.range(0, all.count()).filter(i -> all.value()[i] > 0).toArray();
        float[] value = new float[kept.length];
        for (int i = 0; i < kept.length; i++) {
            value[i] = all.value()[kept[i]];
        }
        return new SparseActivations(
                Arrays.stream(kept).map(i -> all.position()[i]).toArray(),
                Arrays.stream(kept).map(i -> all.feature()[i]).toArray(),
                value);
    }

    private int tiles() {
        return (int) parts.stream().mapToInt(Part::firstFeature).distinct().count();
    }

    /** Parts come tile by tile; a counting sort by position leaves the features of each in order. */
    private SparseActivations all() {
        int[] next = new int[positions + 1];
        for (Part part : parts) {
            for (int row : part.active().rows()) {
                next[part.firstPosition() + row + 1]++;
            }
        }
        for (int p = 0; p < positions; p++) {
            next[p + 1] += next[p];
        }
        int count = next[positions];
        int[] position = new int[count];
        int[] feature = new int[count];
        float[] value = new float[count];
        for (Part part : parts) {
            Kernels.Active active = part.active();
            for (int i = 0; i < active.values().length; i++) {
                int p = part.firstPosition() + active.rows()[i];
                int slot = next[p]++;
                position[slot] = p;
                feature[slot] = part.firstFeature() + active.columns()[i];
                value[slot] = active.values()[i];
            }
        }
        return new SparseActivations(position, feature, value);
    }

    /**
     * The k largest of each position out of the k largest of each tile. Zeros are not reported but take their places
     * among the k: a tile's missing candidates are zeros, larger than any negative one.
     */
    private SparseActivations largest(int k) {
        int[] zeros = new int[positions];
        for (Part part : parts) {
            for (int row = 0; row < part.positions(); row++) {
                zeros[part.firstPosition() + row] += Math.min(k, part.features());
            }
            for (int row : part.active().rows()) {
                zeros[part.firstPosition() + row]--;
            }
        }
        SparseActivations candidates = all();
        int[] kept = new int[candidates.count()];
        int count = 0;
        for (int from = 0, to; from < candidates.count(); from = to) {
            int position = candidates.position()[from];
            to = from;
            while (to < candidates.count() && candidates.position()[to] == position) {
                to++;
            }
            count = keepLargest(candidates, from, to, k, zeros[position], kept, count);
        }
        int[] position = new int[count];
        int[] feature = new int[count];
        float[] value = new float[count];
        for (int i = 0; i < count; i++) {
            position[i] = candidates.position()[kept[i]];
            feature[i] = candidates.feature()[kept[i]];
            value[i] = candidates.value()[kept[i]];
        }
        return new SparseActivations(position, feature, value);
    }

    /** Appends the candidates from..to-1 that are among the k largest, in their order. */
    private static int keepLargest(
            SparseActivations candidates, int from, int to, int k, int zeros, int[] kept, int count) {
        long[] order = new long[to - from];
        int positive = 0;
        for (int i = from; i < to; i++) {
            float value = candidates.value()[i];
            positive += value > 0 ? 1 : 0;
            // Ascending keys: larger values first, then lower features.
            int bits = Float.floatToIntBits(value);
            int ascending = bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
            order[i - from] = (long) ~ascending << 32 | i - from;
        }
        Arrays.sort(order);
        int room = positive >= k ? k : positive + Math.clamp(k - positive - zeros, 0, order.length - positive);
        int[] chosen = new int[room];
        for (int i = 0; i < room; i++) {
            chosen[i] = from + (int) order[i];
        }
        Arrays.sort(chosen);
        System.arraycopy(chosen, 0, kept, count, room);
        return count + room;
    }
}
