package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.product.Weight;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What chosen sources add to the residual stream, carried up through the frozen model: the counterpart of {@link
 * AdjointSweep}. At each layer it leaves what the heads read of every source, W_V · contribution.
 *
 * <p>A source reaches the layers above its own and the positions from its own on, so the rows are ragged: one for each
 * position from the last down to its own. Counted that way the mixing of positions is the adjoint of a mirrored
 * pattern, and the sweep's kernels do it. Sources are sorted by layer, so that those that have entered are a prefix of
 * the rows; one that enters has a row at its own position only.
 *
 * <p>All tensors belong to the scope in which this was made.
 */
final class Contributions {
    private final FrozenModel frozen;
    private final Sources sources;
    private final int positions;
    /** Columns of {@link #sources} by layer, tokens first. */
    private final int[] column;

    private final int[] position;
    /** First row of each source [sources + 1]. */
    private final long[] offset;
    /** How many sources lie below each layer's attention [top + 2]; those from before[l] to before[l + 1] enter at layer l. */
    private final int[] before;

    private final Ragged ragged;
    private final Tensor stream;
    private final Tensor[] spread;
    private final Tensor[] fresh;
    /** Memory for what a layer needs and the next does not; null to take it anew. */
    private final @Nullable Tensor scratch;

    private final boolean keeps;

    /**
     * @param columns    of {@code sources}
     * @param attentions how many layers' attention is asked for, from the first on
     * @param positions  how many are asked for, from the first on; no source lies beyond
     * @param scratch    {@link #scratchFloats} for each row, undefined; null to take memory when it is needed
     * @param keeps      whether what heads read is asked for after the layer, or lies in the scratch memory too
     */
    Contributions(
            FrozenModel frozen,
            Sources sources,
            int[] columns,
            int attentions,
            int positions,
            @Nullable Tensor scratch,
            boolean keeps) {
        this.scratch = scratch;
        this.keeps = keeps;
        this.frozen = frozen;
        this.sources = sources;
        this.positions = positions;
        column = Arrays.stream(columns)
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(sources::layerOf).thenComparing(c -> c))
                .mapToInt(Integer::intValue)
                .toArray();
        position = Arrays.stream(column).map(sources::positionOf).toArray();
        int count = column.length;
        offset = new long[count + 1];
        for (int i = 0; i < count; i++) {
            offset[i + 1] = offset[i] + positions - position[i];
        }
        before = new int[attentions + 2];
        for (int l = 0; l < before.length; l++) {
            int layer = l;
            before[l] = (int) Arrays.stream(column)
                    .filter(c -> sources.layerOf(c) < layer - 1)
                    .count();
        }
        ragged = Ragged.of(
                Arrays.copyOf(offset, count),
                Arrays.stream(position).map(p -> positions - 1 - p).toArray(),
                frozen.device());
        spread = new Tensor[attentions];
        fresh = new Tensor[attentions];
        stream = scratch(0, offset[count], frozen.width());
    }

    /** Float32 values for each row: the stream, the values that heads read, as every head reads them, and mixed. */
    static long scratchFloats(FrozenWeights weights) {
        return weights.scratchFloatsPerRow() + weights.headsWidth();
    }

    /** A matrix whose columns come after {@code before} others in the scratch memory. */
    private Tensor scratch(long before, long rows, long columns) {
        return scratch == null
                ? Tensor.empty(DType.F32, frozen.device(), rows, columns)
                : TorchShape.reshape(
                        TorchShape.narrow(scratch, 0, before * offset[column.length], rows * columns), rows, columns);
    }

    /**
     * What the heads read of some sources.
     *
     * @param columns   of {@code sources}
     * @param top       the last layer whose heads are asked for
     * @param positions how many are asked for, from the first on; no source lies beyond
     */
    static Contributions toHeads(FrozenModel frozen, Sources sources, int[] columns, int top, int positions) {
        try (var scope = TensorScope.open()) {
            long rows = Arrays.stream(columns)
                    .mapToLong(column -> positions - sources.positionOf(column))
                    .sum();
            // Fresh memory at each layer would cost page faults.
            Tensor scratch = Tensor.empty(DType.F32, frozen.device(), rows * scratchFloats(frozen.weights()));
            Contributions up = new Contributions(frozen, sources, columns, top + 1, positions, scratch, true);
            for (int l = 0; l <= top; l++) {
                up.enter(l);
                if (l < top) {
                    up.attend(l, false);
                    up.skip(l);
                }
            }
            Stream.of(up.spread, up.fresh)
                    .flatMap(Arrays::stream)
                    .filter(Objects::nonNull)
                    .forEach(scope::keep);
            return up;
        }
    }

    /**
     * What some sources add to the stream that enters a layer, F32 [n, d] in the order of the columns, in the innermost open scope.
     *
     * @param columns of {@code sources}, of lower layers and no later positions
     */
    static Tensor toStream(FrozenModel frozen, Sources sources, int[] columns, int layer, int position) {
        try (var scope = TensorScope.open()) {
            Contributions up = new Contributions(frozen, sources, columns, layer, position + 1, null, false);
            for (int l = 0; l < layer; l++) {
                up.enter(l);
                up.attend(l, l == layer - 1);
                up.skip(l);
            }
            int old = up.before[layer];
            up.writeAgain(old, layer - 1);
            if (old < up.column.length) {
                up.enter(old, up.column.length, up.written(old, up.column.length, layer - 1, layer - 1));
            }
            long[] row = Arrays.stream(columns)
                    .mapToLong(wanted -> up.row(
                            IntStream.range(0, up.column.length)
                                    .filter(s -> up.column[s] == wanted)
                                    .findFirst()
                                    .orElseThrow(),
                            position))
                    .toArray();
            return scope.keep(
                    TorchShape.indexSelect(up.stream, 0, Torch.to(Tensor.ofLongs(row, row.length), frozen.device())));
        }
    }

    /** Float32 values that a source at a position takes on its way from its layer to the top, and of what is left of it. */
    static long floats(FrozenModel frozen, int positions, int layer, int position, int top) {
        FrozenWeights weights = frozen.weights();
        return (positions - position)
                * (weights.width() + 3L * weights.headsWidth() + (long) weights.valueWidth() * (top - layer + 1));
    }

    /** Lets in the sources of the layer below, and finds what the layer's heads read of all, in the innermost open scope. */
    void enter(int l) {
        int old = before[l];
        int entered = before[l + 1];
        if (entered == 0) {
            return;
        }
        try (var scope = TensorScope.open()) {
            Weight value = frozen.weights().layer(l).value().transposed();
            if (old > 0) {
                writeAgain(old, l - 1);
                spread[l] = keeps
                        ? Tensor.empty(DType.F32, frozen.device(), offset[old], value.columns())
                        : scratch(frozen.width(), offset[old], value.columns());
                value.product(spread[l], rows(0, old), 0);
                scope.keep(spread[l]);
            }
            if (entered > old) {
                Tensor own = written(old, entered, l - 1, l - 1);
                fresh[l] = Tensor.empty(DType.F32, frozen.device(), entered - old, value.columns());
                value.product(fresh[l], own, 0);
                scope.keep(fresh[l]);
                enter(old, entered, own);
            }
        }
    }

    /**
     * Carries all that have entered through the layer's attention, and where the MLP reads what that reads through the affine skip.
     *
     * @param last whether of the stream above only the rows at the last position are asked for
     */
    void attend(int l, boolean last) {
        FrozenWeights.Layer weights = frozen.weights().layer(l);
        int old = before[l];
        int entered = before[l + 1];
        if (entered == 0) {
            return;
        }
        try (var _ = TensorScope.open()) {
            Tensor back = mirrored(mirrored(frozen.layer(l).pattern(), 1), 2);
            Tensor pattern = Torch.contiguous(TorchShape.transpose(back, 1, 2));
            int heads = weights.output().columns();
            long before = frozen.width() + (long) frozen.weights().valueWidth();
            Tensor mixed = scratch(before, offset[entered], heads);
            if (old > 0) {
                Tensor read = byHead(spread[l], scratch(before + heads, offset[old], heads));
                Kernels.patternAdjoint(
                        read, pattern, heads(), part(0, old), TorchShape.narrow(mixed, 0, 0, offset[old]));
            }
            if (frozen.weights().parallel()) {
                addSkip(l);
            }
            Weight output = weights.output().transposed();
            Tensor room = Tensor.empty(DType.F32, frozen.device(), entered - old, heads);
            Tensor own = entered == old ? room : byHead(fresh[l], room);
            if (last && weights.skip() == null) {
                if (entered > old) {
                    Kernels.patternAdjointSingle(own, pattern, heads(), part(old, entered), mixed);
                }
                Tensor there = Tensor.empty(DType.F32, frozen.device(), entered, frozen.width());
                Tensor row = Torch.to(Tensor.ofLongs(Arrays.copyOf(offset, entered), entered), frozen.device());
                output.product(there, TorchShape.indexSelect(mixed, 0, row), 0);
                Kernels.addRows(stream, RowNumbers.of(Arrays.copyOf(offset, entered), frozen.device()), there);
                return;
            }
            if (old > 0) {
                output.product(rows(0, old), TorchShape.narrow(mixed, 0, 0, offset[old]), 1);
            }
            if (entered > old) {
                Tensor there = TorchShape.indexSelect(
                        stream, 0, Torch.to(Tensor.ofLongs(ownRows(old, entered), entered - old), frozen.device()));
                new FirstAttention(pattern)
                        .spread(
                                own,
                                output.toFloat32(),
                                part(old, entered),
                                (offset[entered] - offset[old]) * heads,
                                stream);
                Kernels.addRows(stream, RowNumbers.of(ownRows(old, entered), frozen.device()), there);
            }
        }
    }

    /** Carries all that have entered through the layer's affine skip, where it reads what attention has added to. */
    void skip(int l) {
        if (!frozen.weights().parallel() && before[l + 1] > 0) {
            addSkip(l);
        }
    }

    private void addSkip(int l) {
        Weight skip = frozen.weights().layer(l).skip();
        Tensor scale = frozen.layer(l).skipScale();
        if (skip == null || scale == null) {
            return;
        }
        try (var _ = TensorScope.open()) {
            Tensor reached = rows(0, before[l + 1]);
            Kernels.addScaledRows(
                    reached, Torch.linear(reached, skip.toFloat32(), null), part(0, before[l + 1]), mirrored(scale, 0));
        }
    }

    private void enter(int first, int end, Tensor own) {
        Torch.zeroInPlace(rows(first, end));
        Kernels.addRows(stream, RowNumbers.of(ownRows(first, end), frozen.device()), own);
    }

    private int heads() {
        return (int) frozen.layer(0).pattern().size(0);
    }

    private Tensor rows(int first, int end) {
        return TorchShape.narrow(stream, 0, offset[first], offset[end] - offset[first]);
    }

    /** What some sources have in the stream, positions counted from the last. */
    Ragged part(int first, int end) {
        return ragged.range(first, end - first);
    }

    /** Positions counted from the last. */
    private Tensor mirrored(Tensor tensor, int dimension) {
        int[] back = IntStream.range(0, positions).map(p -> positions - 1 - p).toArray();
        return TorchShape.indexSelect(tensor, dimension, Torch.to(Tensor.ofInts(back, positions), frozen.device()));
    }

    /** Values [n, kvHeads·headDim] as every head reads them, [n, heads·headDim]; in {@code room} if they are not there already. */
    private Tensor byHead(Tensor values, Tensor room) {
        int kvHeads = frozen.weights().kvHeads();
        int group = heads() / kvHeads;
        if (group == 1) {
            return values;
        }
        long count = values.size(0);
        Tensor read = TorchShape.unsqueeze(TorchShape.reshape(values, count, kvHeads, -1), 2);
        Torch.copy(TorchShape.reshape(room, count, kvHeads, group, -1), read);
        return room;
    }

    private long[] ownRows(int first, int end) {
        return IntStream.range(first, end).mapToLong(i -> offset[i + 1] - 1).toArray();
    }

    /** What features of lower layers write at a further layer. */
    private void writeAgain(int end, int to) {
        for (int first = 0, next; sources.crossLayer() && first < end; first = next) {
            int from = sources.layerOf(column[first]);
            next = first;
            while (next < end && sources.layerOf(column[next]) == from) {
                next++;
            }
            int features = first;
            while (features < next && column[features] < sources.firstError(0)) {
                features++;
            }
            if (from >= 0 && features > first) {
                Kernels.addRows(
                        stream,
                        RowNumbers.of(ownRows(first, features), frozen.device()),
                        written(first, features, from, to));
            }
        }
    }

    /** What sources of one layer write, F32 [n, d]. */
    private Tensor written(int first, int end, int from, int to) {
        return sources.written(Arrays.copyOfRange(column, first, end), from, to);
    }

    int count() {
        return column.length;
    }

    /** How many sources have entered when a layer's attention is done: a prefix of them. */
    int entered(int layer) {
        return before[layer + 1];
    }

    /** F32 [rows, d]. */
    Tensor stream() {
        return stream;
    }

    /** Its number in {@link Sources}. */
    int column(int source) {
        return column[source];
    }

    /** The lowest layer whose attention a source passes. */
    int firstLayer(int source) {
        return sources.layerOf(column[source]) + 1;
    }

    int position(int source) {
        return position[source];
    }

    /** The row of {@link #values} for a source that has a row for each position. */
    long row(int source, int at) {
        return offset[source] + positions - 1 - at;
    }

    /** F32 [rows, kvHeads·headDim] of the sources that entered below the layer. */
    Tensor values(int layer) {
        return spread[layer];
    }

    /** F32 [n, kvHeads·headDim] of those that enter at the layer, from {@link #firstFresh} on, each at its own position. */
    Tensor freshValues(int layer) {
        return fresh[layer];
    }

    int firstFresh(int layer) {
        return before[layer];
    }
}
