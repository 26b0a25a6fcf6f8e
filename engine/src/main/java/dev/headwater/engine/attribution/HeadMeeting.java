package dev.headwater.engine.attribution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.linear.FrozenWeights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Targets' gradients and sources' contributions where they meet, at the heads of one layer: for all of both the inner products by head,
 * summed over positions. Graphs keep most pairs that can meet, so whole products pay: with targets from the last position down and sources
 * from the first up, those that are at a position together are a corner of the table.
 */
final class HeadMeeting {
    /** Positions that one product sums over: with one at a time the table's own traffic takes longer than the arithmetic. */
    private static final int BLOCK = 8;

    private final FrozenWeights weights;
    private final int heads;
    private final int kvHeads;
    private final int group;
    private final int headDim;
    private final int[] targetPosition;
    private final long[] targetOffset;
    private final Tensor mixed;
    private final Contributions up;
    /** The place of each target and source in the table's rows and columns. */
    private final int[] targetPlace;

    private final int[] sourcePlace;
    private final int columns;
    private final MemorySegment table;

    /**
     * @param targetPosition of each target
     * @param targetOffset   first row of each target
     * @param mixed          F32 [rows, heads·headDim], gradients with respect to the heads' values
     */
    HeadMeeting(
            FrozenWeights weights,
            int heads,
            int[] targetPosition,
            long[] targetOffset,
            Tensor mixed,
            Contributions up,
            int layer) {
        this.weights = weights;
        this.heads = heads;
        kvHeads = weights.kvHeads();
        group = heads / kvHeads;
        headDim = weights.headsWidth() / heads;
        this.targetPosition = targetPosition;
        this.targetOffset = targetOffset;
        this.mixed = mixed;
        this.up = up;
        int old = up.firstFresh(layer);
        columns = up.firstFresh(layer + 1);
        int[] target = IntStream.range(0, targetPosition.length)
                .boxed()
                .sorted(Comparator.comparingInt(t -> -targetPosition[t]))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] spread = byPosition(0, old);
        int[] fresh = byPosition(old, columns);
        targetPlace = places(target, 0);
        sourcePlace = new int[columns];
        System.arraycopy(places(spread, 0), 0, sourcePlace, 0, old);
        System.arraycopy(places(fresh, old), old, sourcePlace, old, columns - old);
        Tensor all = Tensor.zeros(DType.F32, weights.device(), kvHeads, (long) target.length * group, columns);
        int positions = Arrays.stream(targetPosition).max().orElseThrow() + 1;
        for (int p = 0; p < positions; p += BLOCK) {
            at(p, Math.min(positions, p + BLOCK), target, spread, fresh, all, layer);
        }
        table = Torch.to(all, Device.CPU).data();
    }

    private int[] byPosition(int first, int end) {
        return IntStream.range(first, end)
                .boxed()
                .sorted(Comparator.comparingInt(up::position))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Where each number stands in the order; the numbers are those from {@code first} on. */
    private static int[] places(int[] order, int first) {
        int[] places = new int[first + order.length];
        for (int i = 0; i < order.length; i++) {
            places[order[i]] = first + i;
        }
        return places;
    }

    /** Adds what meets at the positions from {@code first} to before {@code end}. */
    private void at(int first, int end, int[] target, int[] spread, int[] fresh, Tensor all, int layer) {
        int down = reaching(target, first);
        int under = before(spread, end);
        int freshUnder = before(fresh, end);
        int firstFresh = before(fresh, first);
        if (down == 0 || under + freshUnder == firstFresh) {
            return;
        }
        try (var scope = TensorScope.open()) {
            Tensor gradients = gradients(first, end, target, down);
            Tensor old = under == 0 ? null : contributions(first, end, spread, under, layer);
            Tensor own = freshUnder == firstFresh
                    ? null
                    : TorchShape.reshape(
                            pick(
                                    up.freshValues(layer),
                                    IntStream.range(firstFresh, freshUnder)
                                            .mapToLong(i -> fresh[i] - spread.length)
                                            .toArray()),
                            (long) freshUnder - firstFresh,
                            kvHeads,
                            headDim);
            for (int h = 0; h < kvHeads; h++) {
                Tensor rows = TorchShape.select(all, 0, h);
                Tensor left = TorchShape.select(gradients, 0, h);
                if (old != null) {
                    Torch.mmInto(corner(rows, down, 0, under), left, TorchShape.t(TorchShape.select(old, 0, h)), 1);
                }
                // One that enters has its own position only.
                for (int p = first, from = firstFresh, to; own != null && p < end; p++, from = to) {
                    to = before(fresh, p + 1);
                    int here = reaching(target, p);
                    if (to > from && here > 0) {
                        Tensor there = TorchShape.narrow(own, 0, from - firstFresh, to - from);
                        Torch.mmInto(
                                corner(rows, here, spread.length + from, to - from),
                                TorchShape.narrow(
                                        TorchShape.narrow(left, 0, 0, (long) here * group),
                                        1,
                                        (long) (p - first) * headDim,
                                        headDim),
                                TorchShape.t(TorchShape.select(there, 1, h)),
                                1);
                    }
                }
            }
        }
    }

    private Tensor corner(Tensor rows, int targets, int column, int count) {
        return TorchShape.narrow(TorchShape.narrow(rows, 0, 0, (long) targets * group), 1, column, count);
    }

    /** How many targets, the last position first, depend on a position. */
    private int reaching(int[] target, int p) {
        return (int) Arrays.stream(target).filter(t -> targetPosition[t] >= p).count();
    }

    /** How many sources, the first position first, lie before a position. */
    private int before(int[] source, int p) {
        return (int) Arrays.stream(source).filter(s -> up.position(s) < p).count();
    }

    /** Gradients at a block of positions, zero after a target's own, [kvHeads, down·group, block·headDim]. */
    private Tensor gradients(int first, int end, int[] target, int down) {
        int block = end - first;
        long[] row = new long[heads * down * block];
        int i = 0;
        for (int h = 0; h < kvHeads; h++) {
            for (int t = 0; t < down; t++) {
                int last = targetPosition[target[t]];
                for (int g = 0; g < group; g++) {
                    for (int p = first; p < end; p++) {
                        row[i++] = (targetOffset[target[t]] + Math.min(p, last)) * (long) heads + (h * group + g);
                    }
                }
            }
        }
        Tensor found = pick(TorchShape.reshape(mixed, mixed.size(0) * heads, headDim), row);
        Tensor parted = TorchShape.reshape(found, kvHeads, down, group, block, headDim);
        for (int p = first + 1; p < end; p++) {
            zero(parted, reaching(target, p), down, 3, p - first);
        }
        return TorchShape.reshape(found, kvHeads, (long) down * group, (long) block * headDim);
    }

    /** Contributions at a block of positions, zero before a source's own, [kvHeads, under, block·headDim]. */
    private Tensor contributions(int first, int end, int[] source, int under, int layer) {
        int block = end - first;
        long[] row = new long[kvHeads * under * block];
        int i = 0;
        for (int h = 0; h < kvHeads; h++) {
            for (int s = 0; s < under; s++) {
                int own = up.position(source[s]);
                for (int p = first; p < end; p++) {
                    row[i++] = up.row(source[s], Math.max(p, own)) * kvHeads + h;
                }
            }
        }
        Tensor values = up.values(layer);
        Tensor found = pick(TorchShape.reshape(values, values.size(0) * kvHeads, headDim), row);
        Tensor parted = TorchShape.reshape(found, kvHeads, under, block, headDim);
        for (int p = first; p < end - 1; p++) {
            zero(parted, before(source, p + 1), under, 2, p - first);
        }
        return TorchShape.reshape(found, kvHeads, under, (long) block * headDim);
    }

    /** Clears the ends from {@code from} on at a place of the block. */
    private static void zero(Tensor parted, int from, int end, int blockDimension, int place) {
        if (end > from) {
            Torch.zeroInPlace(
                    TorchShape.narrow(TorchShape.narrow(parted, 1, from, end - from), blockDimension, place, 1));
        }
    }

    private Tensor pick(Tensor from, long[] index) {
        return TorchShape.indexSelect(from, 0, Torch.to(Tensor.ofLongs(index, index.length), weights.device()));
    }

    /**
     * Puts the loadings of a target's edges where they belong.
     *
     * @param sources of the edges; those that have not entered are passed over
     * @param into    for each edge its loadings
     * @param at      for each edge where the layer's first head goes, negative to pass it over
     */
    void read(int target, int[] sources, float[][] into, int[] at) {
        long rows = (long) targetPlace.length * group;
        // Rows come out whole: single values of a segment are slow before they are compiled.
        float[] row = new float[columns];
        for (int h = 0; h < heads; h++) {
            long number = (h / group) * rows + (long) targetPlace[target] * group + h % group;
            MemorySegment.copy(table, JAVA_FLOAT, number * columns * Float.BYTES, row, 0, columns);
            for (int e = 0; e < sources.length; e++) {
                if (at[e] >= 0) {
                    into[e][at[e] + h] = row[sourcePlace[sources[e]]];
                }
            }
        }
    }
}
