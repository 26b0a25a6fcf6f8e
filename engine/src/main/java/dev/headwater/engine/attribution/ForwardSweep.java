package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.EdgeSlots;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.linear.FrozenModel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes rows of an edge matrix from the other end than {@link AdjointSweep}: carries what every source adds to the residual stream up
 * the frozen model, see {@link Contributions}, and takes its inner product with the vectors of all targets on the way.
 *
 * <p>A target's gradient meets all layers below it and all positions up to its own, a source's contribution all layers above it and all
 * positions from its own on. The neurons with the largest effects are in the upper layers and at the last tokens, so that as
 * targets they are far from where gradients end, and as sources close to where contributions end: the same edges for a
 * fraction of the work. All targets have to be known at the start.
 */
final class ForwardSweep {
    private final FrozenModel frozen;
    private final Sources sources;
    private final SweepPlan plan;
    /** How many times fewer rows have to be carried on a GPU. */
    private static final int DETOUR = 4;
    /** How many positions targets reach, and the last layer that has one. */
    private final int positions;

    private final int top;
    /** Targets of each layer, the last position first. */
    private final int[][] target;

    /** Edges that are held at a time before they go where they belong. */
    private final long mostValues;

    private ForwardSweep(FrozenPrompt prompt, List<Target> targets, SweepPlan plan, long scratchBytes) {
        mostValues = scratchBytes / Float.BYTES / 8;
        this.plan = plan;
        frozen = prompt.model();
        sources = prompt.sources();
        positions = reach(targets);
        top = top(targets);
        target = IntStream.rangeClosed(0, top)
                .mapToObj(layer -> IntStream.range(0, targets.size())
                        .filter(t -> targets.get(t).layer() == layer)
                        .boxed()
                        .sorted(Comparator.comparingInt(t -> -targets.get(t).position()))
                        .mapToInt(Integer::intValue)
                        .toArray())
                .toArray(int[][]::new);
    }

    private static int reach(List<Target> targets) {
        return targets.stream().mapToInt(Target::position).max().orElse(-1) + 1;
    }

    private static int top(List<Target> targets) {
        return targets.stream().mapToInt(Target::layer).max().orElse(-1);
    }

    /** Whether fewer rows have to be carried up than down. Outputs of the model, which read what no layer does, are left to the other sweep. */
    static boolean pays(FrozenPrompt prompt, List<Target> targets) {
        Sources sources = prompt.sources();
        int top = top(targets);
        if (targets.isEmpty() || top >= prompt.model().layers()) {
            return false;
        }
        int positions = reach(targets);
        long up = 0;
        for (int column = 0; column < sources.columns(0); column++) {
            up += (long) Math.max(0, top - sources.layerOf(column))
                    * Math.max(0, positions - sources.positionOf(column));
        }
        long down = 0;
        for (Target one : targets) {
            down += one.layer() * (one.position() + 1L);
        }
        // From a GPU its edges go to the host layer by layer: that has to pay too.
        return prompt.model().device().isCpu() ? up < down : DETOUR * up < down;
    }

    /**
     * The rows of some targets for which it {@linkplain #pays pays}, over all columns of the graph. The caller closes them.
     *
     * @param scratch      takes floats, and makes room for them
     * @param scratchBytes that this may be; more sources than fit are carried up in several batches
     * @param done         hears about how many targets' worth of work is done
     * @param cancelled    asked between layers
     */
    static EdgeRows rows(
            AdjointSweep.Wanted wanted,
            LongFunction<Tensor> scratch,
            long scratchBytes,
            MemoryBudget memory,
            LongConsumer done,
            BooleanSupplier cancelled) {
        SweepPlan plan = new SweepPlan(wanted.prompt(), wanted.targets(), memory, Device.CPU);
        try (var _ = TensorScope.open()) {
            new ForwardSweep(wanted.prompt(), wanted.targets(), plan, scratchBytes)
                    .run(scratch, scratchBytes, done, cancelled);
            return plan.finish();
        } catch (RuntimeException | Error e) {
            plan.abandon();
            throw e;
        }
    }

    private void run(LongFunction<Tensor> scratch, long scratchBytes, LongConsumer done, BooleanSupplier cancelled) {
        Tensor[] vectors = new Tensor[top + 1];
        Segments[] segments = new Segments[top + 1];
        for (int layer = 0; layer <= top; layer++) {
            if (target[layer].length > 0) {
                vectors[layer] = vectors(target[layer]);
                segments[layer] = segments(target[layer]);
            }
        }
        long perRow = Contributions.scratchFloats(frozen.weights());
        int[] columns = columns();
        for (int from = 0; from < columns.length; ) {
            long rows = 0;
            int to = from;
            while (to < columns.length) {
                long more = (long) positions - sources.positionOf(columns[to]);
                if (to > from && (rows + more) * perRow * Float.BYTES > scratchBytes) {
                    break;
                }
                rows += more;
                to++;
            }
            try (var _ = TensorScope.open()) {
                int[] batch = Arrays.copyOfRange(columns, from, to);
                var up = new Contributions(
                        frozen, sources, batch, top + 1, positions, scratch.apply(rows * perRow), false);
                for (int layer = 0; layer <= top; layer++) {
                    if (cancelled.getAsBoolean()) {
                        throw new CancellationException("attribution was cancelled");
                    }
                    carry(up, layer, vectors[layer], segments[layer]);
                }
            }
            from = to;
            done.accept((long) plan.targets.size() * from / columns.length);
        }
    }

    /** The sources that reach a target and are not 0, by layer. */
    private int[] columns() {
        boolean[][] zero = new boolean[top][];
        for (int layer = 0; layer < top; layer++) {
            float[] size =
                    TorchReduce.sum(Torch.abs(sources.errors(layer)), 1, false).toFloats();
            zero[layer] = new boolean[size.length];
            for (int p = 0; p < size.length; p++) {
                zero[layer][p] = size[p] == 0;
            }
        }
        return IntStream.range(0, sources.columns(0))
                .filter(column -> sources.layerOf(column) < top && sources.positionOf(column) < positions)
                .filter(column -> column < sources.firstError(0)
                        || column >= sources.firstToken()
                        || !zero[sources.layerOf(column)][sources.positionOf(column)])
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(sources::layerOf).thenComparing(column -> column))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** F32 [n, d]. */
    private Tensor vectors(int[] numbers) {
        try (var scope = TensorScope.open()) {
            Tensor all = plan.targets.get(numbers[0]).vectors();
            int[] rows =
                    Arrays.stream(numbers).map(t -> plan.targets.get(t).row()).toArray();
            return scope.keep(
                    TorchShape.indexSelect(all, 0, Torch.to(Tensor.ofInts(rows, rows.length), frozen.device())));
        }
    }

    /** Where the targets of each position begin, positions counted from the last. */
    private Segments segments(int[] numbers) {
        long[] start = new long[positions + 1];
        for (int t : numbers) {
            start[positions - plan.targets.get(t).position()]++;
        }
        Arrays.parallelPrefix(start, Long::sum);
        return Segments.of(start, frozen.device());
    }

    private void carry(Contributions up, int layer, @Nullable Tensor vectors, @Nullable Segments segments) {
        if (up.entered(layer) == 0) {
            return;
        }
        try (var _ = TensorScope.open()) {
            up.enter(layer);
            boolean parallel = frozen.weights().parallel();
            if (parallel) {
                read(up, layer, vectors, segments);
            }
            if (!parallel || layer < top) {
                up.attend(layer, false);
            }
            if (!parallel) {
                read(up, layer, vectors, segments);
            }
            if (layer < top) {
                up.skip(layer);
            }
        }
    }

    /** Edges of the layer's targets, which stand in the stream as it is now; of so many sources at a time as there is memory for. */
    private void read(Contributions up, int layer, @Nullable Tensor vectors, @Nullable Segments segments) {
        if (vectors == null || segments == null) {
            return;
        }
        int count = up.entered(layer);
        int together = Math.clamp(mostValues / target[layer].length, 1, count);
        for (int first = 0; first < count; first += together) {
            try (var _ = TensorScope.open()) {
                read(up, first, Math.min(together, count - first), target[layer], vectors, segments);
            }
        }
    }

    private void read(Contributions up, int first, int count, int[] targets, Tensor vectors, Segments segments) {
        int width = targets.length;
        long[] base = new long[count];
        for (int s = 0; s < count; s++) {
            base[s] = (long) s * width;
        }
        Tensor met = Tensor.empty(DType.F32, frozen.device(), (long) count * width);
        Kernels.edgeContract(
                up.stream(), vectors, EdgeSlots.of(up.part(first, first + count), segments, base), met, false);
        Tensor rows = Torch.to(Torch.contiguous(TorchShape.t(TorchShape.reshape(met, count, width))), Device.CPU);
        MemorySegment from = rows.data();
        MemorySegment to = plan.out.data();
        for (Group group : groups(up, first, first + count)) {
            for (int row = 0; row < width; row++) {
                int t = targets[row];
                int reached = group.upTo(plan.targets.get(t).position());
                if (reached > 0) {
                    MemorySegment.copy(
                            from,
                            ((long) row * count + group.first - first) * Float.BYTES,
                            to,
                            (group.base[t] + group.skipped) * Float.BYTES,
                            (long) reached * Float.BYTES);
                }
            }
        }
    }

    /**
     * Neighbouring columns of one run.
     *
     * @param first    source in the batch
     * @param position of each source
     * @param base     where each target's run begins
     * @param skipped  columns of the run that come before
     */
    private record Group(int first, int[] position, long[] base, int skipped) {
        /** How many of its sources are at the first positions. */
        int upTo(int last) {
            int at = Arrays.binarySearch(position, last);
            if (at < 0) {
                return -at - 1;
            }
            while (at < position.length && position[at] == last) {
                at++;
            }
            return at;
        }
    }

    private List<Group> groups(Contributions up, int from, int to) {
        List<Group> groups = new ArrayList<>();
        for (int first = from, end; first < to; first = end) {
            int column = up.column(first);
            int layer = sources.layerOf(column);
            boolean feature = column < sources.firstError(0);
            end = first + 1;
            while (end < to
                    && up.column(end) == column + end - first
                    && sources.layerOf(up.column(end)) == layer
                    && up.column(end) < sources.firstError(0) == feature) {
                end++;
            }
            int start = layer < 0
                    ? sources.firstToken()
                    : feature ? sources.firstFeature(layer) : sources.firstError(layer);
            long[] base = layer < 0 ? plan.tokenBase : feature ? plan.featureBase[layer] : plan.errorBase[layer];
            groups.add(new Group(
                    first, IntStream.range(first, end).map(up::position).toArray(), base, column - start));
        }
        return groups;
    }
}
