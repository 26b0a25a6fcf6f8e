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
        for (int p = 0; p < positions; p++) {
            at(p, target, spread, fresh, all, layer);
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

    private void at(int p, int[] target, int[] spread, int[] fresh, Tensor all, int layer) {
        int down =
                (int) Arrays.stream(target).filter(t -> targetPosition[t] >= p).count();
        int under = (int) Arrays.stream(spread).filter(s -> up.position(s) <= p).count();
        int firstHere =
                (int) Arrays.stream(fresh).filter(s -> up.position(s) < p).count();
        int here = (int) Arrays.stream(fresh).filter(s -> up.position(s) == p).count();
        if (down == 0 || under + here == 0) {
            return;
        }
        try (var scope = TensorScope.open()) {
            Tensor gradients = pick(mixed, IntStream.range(0, down).mapToLong(i -> targetOffset[target[i]] + p));
            gradients = Torch.contiguous(
                    TorchShape.permute(TorchShape.reshape(gradients, down, kvHeads, group, headDim), 1, 0, 2, 3));
            gradients = TorchShape.reshape(gradients, kvHeads, (long) down * group, headDim);
            Tensor old = under == 0
                    ? null
                    : byHead(pick(up.values(layer), IntStream.range(0, under).mapToLong(i -> up.row(spread[i], p))));
            Tensor own = here == 0
                    ? null
                    : byHead(pick(
                            up.freshValues(layer),
                            IntStream.range(firstHere, firstHere + here).mapToLong(i -> fresh[i] - spread.length)));
            for (int h = 0; h < kvHeads; h++) {
                Tensor rows = TorchShape.narrow(TorchShape.select(all, 0, h), 0, 0, (long) down * group);
                Tensor left = TorchShape.select(gradients, 0, h);
                if (old != null) {
                    Torch.mmInto(TorchShape.narrow(rows, 1, 0, under), left, TorchShape.select(old, 0, h), 1);
                }
                if (own != null) {
                    Torch.mmInto(
                            TorchShape.narrow(rows, 1, spread.length + firstHere, here),
                            left,
                            TorchShape.select(own, 0, h),
                            1);
                }
            }
        }
    }

    private Tensor pick(Tensor from, java.util.stream.LongStream rows) {
        long[] index = rows.toArray();
        return TorchShape.indexSelect(from, 0, Torch.to(Tensor.ofLongs(index, index.length), weights.device()));
    }

    /** Values [n, kvHeads·headDim] as [kvHeads, headDim, n]. */
    private Tensor byHead(Tensor values) {
        return TorchShape.permute(TorchShape.reshape(values, values.size(0), kvHeads, headDim), 1, 2, 0);
    }

    /** Puts the loadings of an edge's heads into {@code into} from {@code at} on. */
    void read(int target, int source, float[] into, int at) {
        long rows = (long) targetPlace.length * group;
        for (int h = 0; h < heads; h++) {
            long row = (h / group) * rows + (long) targetPlace[target] * group + h % group;
            into[at + h] = table.getAtIndex(JAVA_FLOAT, row * columns + sourcePlace[source]);
        }
    }
}
