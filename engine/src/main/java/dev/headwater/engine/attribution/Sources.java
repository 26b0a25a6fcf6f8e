package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.IndexArray;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.linear.FrozenNorm;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.ResidentRows;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a graph's edges come from: the active features' decoder vectors scaled by their activations, the error vectors
 * and the token vectors, each as it is added to the residual stream. Columns are in node order: features by (layer,
 * position, feature), errors layer by layer, tokens, then the targets.
 *
 * <p>Decoder vectors are kept in memory when all of them fit into {@code cacheBytes}, else gathered from the mapped
 * files each time they are asked for. Tensors belong to the scope in which this was made.
 */
final class Sources implements AutoCloseable {
    private final ActiveFeatures active;
    private final FeatureBasis basis;
    private final List<FrozenNorm> outputNorms;
    private final List<Tensor> errors;
    private final Tensor tokens;
    private final Device device;
    private final int layers;
    private final int positions;
    /** First feature of each layer among the active ones, [layers + 1]. */
    private final int[] layerStart;
    /** For each layer, how many of its features are before each position, [positions + 1]. */
    private final long[][] before;

    private final Segments[] segments;
    private final Segments onePerPosition;
    private final Tensor[][] cache;
    /** For each layer the features that are active anywhere, ascending; made when needed. */
    private final int[][] distinct;

    private final MemoryBudget.@Nullable Reservation reserved;
    /** By layer: where its features are, which they are, and how far from 0, on a GPU that has all decoders; else null. */
    private final Resident @Nullable [] resident;

    /** @param activation F32 [n, 1] */
    private record Resident(RowNumbers feature, IndexArray position, Shipment.Rows activation) {}

    /**
     * @param outputNorms for each layer the norm between the transcoder's output site and the residual stream
     * @param errors      for each layer F32 [P, d] at the transcoder's output site
     * @param tokens      F32 [P, d]
     */
    Sources(
            ActiveFeatures active,
            FeatureBasis basis,
            List<FrozenNorm> outputNorms,
            List<Tensor> errors,
            Tensor tokens,
            long cacheBytes,
            MemoryBudget memory) {
        this.active = active;
        this.basis = basis;
        this.outputNorms = outputNorms;
        this.tokens = tokens;
        device = tokens.device();
        layers = errors.size();
        positions = (int) tokens.size(0);
        layerStart = new int[layers + 1];
        before = new long[layers][positions + 1];
        for (int i = 0; i < active.count(); i++) {
            layerStart[active.layer()[i] + 1]++;
            before[active.layer()[i]][active.position()[i] + 1]++;
        }
        segments = new Segments[layers];
        Shipment shipment = new Shipment(device);
        for (int layer = 0; layer < layers; layer++) {
            layerStart[layer + 1] += layerStart[layer];
            Arrays.parallelPrefix(before[layer], Long::sum);
            segments[layer] = Segments.of(before[layer], shipment);
        }
        onePerPosition = Segments.onePerPosition(positions, shipment);
        resident = allResident() ? residents(shipment) : null;
        shipment.send();
        this.errors = new java.util.ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            this.errors.add(Torch.contiguous(toResidual(layer, errors.get(layer))));
        }
        long bytes = 0;
        for (int to = 0; to < layers; to++) {
            for (int from = firstSourceLayer(to); from <= to; from++) {
                bytes += (long) features(from) * width() * Float.BYTES;
            }
        }
        cache = new Tensor[layers][layers];
        distinct = new int[layers][];
        reserved = bytes <= cacheBytes ? memory.reserve("decoder vectors", Place.DEVICE, bytes) : null;
        if (reserved != null) {
            for (int to = 0; to < layers; to++) {
                for (int from = firstSourceLayer(to); from <= to; from++) {
                    cache[from][to] = gather(from, to);
                }
            }
        }
    }

    private boolean allResident() {
        for (int to = 0; to < layers; to++) {
            for (int from = firstSourceLayer(to); from <= to; from++) {
                if (features(from) > 0 && basis.residentDecoder(from, to) == null) {
                    return false;
                }
            }
        }
        return true;
    }

    private Resident[] residents(Shipment shipment) {
        Resident[] all = new Resident[layers];
        for (int layer = 0; layer < layers; layer++) {
            int first = layerStart[layer];
            int end = layerStart[layer + 1];
            float[] activation = Arrays.copyOfRange(active.activation(), first, end);
            all[layer] = new Resident(
                    RowNumbers.of(shipment.longs(Arrays.copyOfRange(active.feature(), first, end))),
                    shipment.longs(Arrays.copyOfRange(active.position(), first, end)),
                    shipment.rows(Tensor.ofFloats(activation, activation.length, 1)));
        }
        return all;
    }

    private int width() {
        return (int) tokens.size(1);
    }

    private Tensor toResidual(int layer, Tensor vectors) {
        FrozenNorm norm = outputNorms.get(layer);
        Tensor pulled = norm.pullBack(vectors);
        return norm.reciprocal() == null ? pulled : Torch.mul(pulled, TorchShape.unsqueeze(norm.reciprocal(), 1));
    }

    /** The features, with how far their activations lie from what effects count from. */
    ActiveFeatures active() {
        return active;
    }

    /** Number of columns with {@code targets} targets. */
    int columns(int targets) {
        return firstToken() + positions + targets;
    }

    int features(int layer) {
        return layerStart[layer + 1] - layerStart[layer];
    }

    int firstFeature(int layer) {
        return layerStart[layer];
    }

    /** How many features of the layer are at the first {@code count} positions. */
    int featuresUpTo(int layer, int count) {
        return (int) before[layer][count];
    }

    int firstError(int layer) {
        return layerStart[layers] + layer * positions;
    }

    int firstToken() {
        return layerStart[layers] + layers * positions;
    }

    /** The layer of a column's source; -1 for a token. */
    int layerOf(int column) {
        return column >= firstToken()
                ? -1
                : column >= layerStart[layers] ? (column - layerStart[layers]) / positions : active.layer()[column];
    }

    int positionOf(int column) {
        return column >= layerStart[layers] ? (column - layerStart[layers]) % positions : active.position()[column];
    }

    /** True if features write to later layers too, so that an edge is a sum over layers. */
    boolean crossLayer() {
        return basis.crossLayer();
    }

    /** The lowest layer whose features write at this layer. */
    int firstSourceLayer(int layer) {
        return crossLayer() ? 0 : layer;
    }

    /** F32 [features of layer from, d]: what the features of layer {@code from} write at layer {@code to}. */
    Tensor decoders(int from, int to) {
        return cache[from][to] != null ? cache[from][to] : gather(from, to);
    }

    /** Has what {@link #decoders} will gather for a layer read from the disk meanwhile. */
    void willNeed(int to) {
        for (int from = firstSourceLayer(to); from <= to; from++) {
            if (cache[from][to] == null && resident == null) {
                basis.willNeedDecoderRows(from, to, distinct(from));
            }
        }
    }

    private int[] distinct(int layer) {
        if (distinct[layer] == null) {
            distinct[layer] = Arrays.stream(active.feature(), layerStart[layer], layerStart[layer + 1])
                    .sorted()
                    .distinct()
                    .toArray();
        }
        return distinct[layer];
    }

    private Tensor gather(int from, int to) {
        FrozenNorm norm = outputNorms.get(to);
        Tensor rows = Tensor.empty(DType.F32, device, features(from), width());
        ResidentRows there = resident == null ? null : basis.residentDecoder(from, to);
        if (resident != null && there != null) {
            try (var _ = TensorScope.open()) {
                Resident of = resident[from];
                Tensor scale = TorchShape.reshape(of.activation().tensor(), -1);
                if (norm.reciprocal() != null) {
                    scale = Torch.mul(
                            TorchShape.indexSelect(
                                    norm.reciprocal(), 0, of.position().tensor()),
                            scale);
                }
                there.gather(of.feature(), scale, norm.gain(), rows);
            }
            return centred(norm, rows);
        }
        int[] position = Arrays.copyOfRange(active.position(), layerStart[from], layerStart[from + 1]);
        int[] feature = Arrays.copyOfRange(active.feature(), layerStart[from], layerStart[from + 1]);
        float[] scale = norm.reciprocals(position);
        for (int i = 0; i < scale.length; i++) {
            scale[i] *= active.activation()[layerStart[from] + i];
        }
        basis.decoderRows(from, to, feature, scale, norm.gain(), rows);
        return centred(norm, rows);
    }

    private static Tensor centred(FrozenNorm norm, Tensor rows) {
        if (!norm.centres()) {
            return rows;
        }
        try (var scope = TensorScope.open()) {
            return scope.keep(Torch.sub(rows, TorchReduce.mean(rows, -1, true)));
        }
    }

    /**
     * What some of one layer's sources write to the stream, F32 [n, d].
     *
     * @param column features in front of errors; or tokens
     * @param from   their layer, -1 for tokens
     * @param to     the layer that features write at; errors write at their own
     */
    Tensor written(int[] column, int from, int to) {
        if (from < 0) {
            return pick(tokens, column, 0, column.length, firstToken());
        }
        int features = 0;
        while (features < column.length && column[features] < layerStart[layers]) {
            features++;
        }
        if (features == column.length) {
            return pick(decoders(from, to), column, 0, features, firstFeature(from));
        }
        Tensor error = pick(errors(from), column, features, column.length, firstError(from));
        return features == 0
                ? error
                : TorchShape.cat(List.of(pick(decoders(from, to), column, 0, features, firstFeature(from)), error), 0);
    }

    private Tensor pick(Tensor vectors, int[] column, int first, int end, int base) {
        int[] index = new int[end - first];
        Arrays.setAll(index, i -> column[first + i] - base);
        return TorchShape.indexSelect(vectors, 0, Torch.to(Tensor.ofInts(index, index.length), device));
    }

    /** Where each position's features begin among those of the layer. */
    Segments segments(int layer) {
        return segments[layer];
    }

    /** F32 [P, d]. */
    Tensor errors(int layer) {
        return errors.get(layer);
    }

    /** F32 [P, d]. */
    Tensor tokens() {
        return tokens;
    }

    Segments onePerPosition() {
        return onePerPosition;
    }

    /** Gives back what was reserved; the tensors go with their scope. */
    @Override
    public void close() {
        if (reserved != null) {
            reserved.close();
        }
    }
}
