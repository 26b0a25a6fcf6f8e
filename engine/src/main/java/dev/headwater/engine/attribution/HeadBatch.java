package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.product.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Gradients of some targets of a {@link HeadSweep} on their way down, from the top layer on; those that have entered are a prefix. Belongs
 * to the scope in which it is made.
 */
final class HeadBatch {
    private final FrozenModel frozen;
    private final FrozenWeights weights;
    private final TwoLayers twoLayers;
    private final Contributions up;
    private final int heads;
    private final List<Target> targets;
    private final List<int[][]> edges;
    private final long[] offset;
    private final float[][][] loadings;
    private final int lowest;
    /** Rows of the whole batch, written anew at each layer: fresh memory costs page faults. */
    private final Tensor gradient;

    private final Tensor atHeads;
    private final Tensor mixed;
    /** What the heads that share a value have together. */
    private final Tensor shared;
    /** The targets from here on started in the attention layer above. */
    private int firstRecent;
    /** F32 [recent, heads·headDim], what they had at that layer's heads; null if none started. */
    private @Nullable Tensor recent;

    /**
     * @param targets from the top layer down
     * @param edges   for each target the numbers of its edges and of their sources in {@code up}
     */
    HeadBatch(FrozenModel frozen, TwoLayers twoLayers, Contributions up, List<Target> targets, List<int[][]> edges) {
        this.frozen = frozen;
        this.twoLayers = twoLayers;
        this.up = up;
        this.targets = targets;
        this.edges = edges;
        weights = frozen.weights();
        heads = (int) frozen.layer(0).pattern().size(0);
        offset = new long[targets.size() + 1];
        loadings = new float[targets.size()][][];
        int low = Integer.MAX_VALUE;
        for (int t = 0; t < targets.size(); t++) {
            offset[t + 1] = offset[t] + targets.get(t).position() + 1;
            int last = HeadSweep.lastLayer(frozen, targets.get(t));
            loadings[t] = Arrays.stream(edges.get(t)[1])
                    .mapToObj(s -> new float[(last - up.firstLayer(s) + 1) * heads])
                    .toArray(float[][]::new);
            low = Math.min(
                    low,
                    Arrays.stream(edges.get(t)[1]).map(up::firstLayer).min().orElseThrow());
        }
        lowest = low;
        long rows = offset[targets.size()];
        gradient = Tensor.empty(DType.F32, frozen.device(), rows, weights.width());
        atHeads = Tensor.empty(DType.F32, frozen.device(), rows, weights.headsWidth());
        mixed = Tensor.empty(DType.F32, frozen.device(), rows, weights.headsWidth());
        shared = weights.kvHeads() == heads
                ? mixed
                : Tensor.empty(DType.F32, frozen.device(), rows, weights.valueWidth());
    }

    /** Float32 values that a target takes among some sources. */
    static long floats(FrozenWeights weights, int heads, Target target, int sources) {
        return (weights.width() + 3L * weights.headsWidth() + weights.valueWidth()) * (target.position() + 1)
                + (long) heads * sources;
    }

    /**
     * Goes down.
     *
     * @param cancelled asked between layers
     */
    void run(HeadSweep.Sink sink, BooleanSupplier cancelled) {
        try (var scope = TensorScope.open()) {
            int count = targets.size();
            Ragged ragged = Ragged.of(
                    Arrays.copyOf(offset, count),
                    targets.stream().mapToInt(Target::position).toArray(),
                    frozen.device());
            int entered = 0;
            while (entered < count && targets.get(entered).layer() == frozen.layers()) {
                entered++;
            }
            enter(0, entered);
            firstRecent = entered;
            for (int layer = frozen.layers() - 1; layer >= lowest; layer--) {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException("head loadings were cancelled");
                }
                int old = entered;
                while (entered < count && targets.get(entered).layer() == layer) {
                    entered++;
                }
                if (weights.parallel()) {
                    if (old > 0) {
                        through(layer, old, old, ragged);
                    }
                    enter(old, entered);
                    firstRecent = entered;
                } else if (entered > 0) {
                    through(layer, old, entered, ragged);
                    firstRecent = old;
                }
            }
        }
        for (int t = 0; t < targets.size(); t++) {
            for (int e = 0; e < loadings[t].length; e++) {
                sink.edge(edges.get(t)[0][e], loadings[t][e]);
            }
        }
    }

    private void enter(int first, int end) {
        if (end > first) {
            Torch.zeroInPlace(rows(gradient, first, end));
            Kernels.addRows(gradient, ownRows(first, end), vectors(first, end));
        }
    }

    private Tensor rows(Tensor tensor, int first, int end) {
        return TorchShape.narrow(tensor, 0, offset[first], offset[end] - offset[first]);
    }

    private void through(int layer, int old, int entered, Ragged ragged) {
        try (var scope = TensorScope.open()) {
            FrozenWeights.Layer model = weights.layer(layer);
            Tensor pattern = frozen.layer(layer).pattern();
            Tensor fresh = null;
            if (old > 0) {
                Ragged all = part(ragged, 0, old);
                if (!weights.parallel()) {
                    throughSkip(layer, rows(gradient, 0, old), all);
                }
                toHeads(layer, old, ragged);
                if (weights.parallel()) {
                    throughSkip(layer, rows(gradient, 0, old), all);
                }
                Kernels.patternAdjoint(atHeads, pattern, heads, all, mixed);
            }
            if (entered > old) {
                fresh = Tensor.empty(DType.F32, frozen.device(), entered - old, weights.headsWidth());
                model.output().product(fresh, vectors(old, entered), 0);
                Kernels.patternAdjointSingle(fresh, pattern, heads, part(ragged, old, entered), mixed);
            }
            meet(layer, entered);
            if (layer > lowest && old > 0) {
                share(old);
                model.value().product(rows(gradient, 0, old), rows(shared, 0, old), 1);
            }
            if (layer > lowest && fresh != null) {
                new FirstAttention(pattern)
                        .spread(
                                fresh,
                                model.value().toFloat32(),
                                part(ragged, old, entered),
                                room(old, entered),
                                gradient);
                Kernels.addRows(gradient, ownRows(old, entered), vectors(old, entered));
            }
            recent = fresh == null ? null : scope.keep(fresh);
        }
    }

    /** Of the gradients at heads, before and after they are mixed, and as they are read back, a third is free. */
    private long room(int first, int end) {
        return (offset[end] - offset[first]) * weights.headsWidth();
    }

    /** The gradients with respect to what the heads put out. */
    private void toHeads(int layer, int old, Ragged ragged) {
        Weight output = weights.layer(layer).output();
        Weight two = twoLayers.weight(layer);
        int whole = two == null ? old : firstRecent;
        if (whole > 0) {
            output.product(rows(atHeads, 0, whole), rows(gradient, 0, whole), 0);
        }
        if (two != null && recent != null && old > whole) {
            new FirstAttention(frozen.layer(layer + 1).pattern())
                    .spread(recent, two.toFloat32(), part(ragged, whole, old), room(whole, old), atHeads);
            Tensor own = Tensor.empty(DType.F32, frozen.device(), old - whole, weights.headsWidth());
            output.product(own, vectors(whole, old), 0);
            Kernels.addRows(atHeads, ownRows(whole, old), own);
        }
    }

    private void throughSkip(int layer, Tensor gradients, Ragged ragged) {
        Weight skip = weights.layer(layer).skip();
        Tensor scale = frozen.layer(layer).skipScale();
        if (skip != null && scale != null) {
            Tensor skipped = Tensor.empty(DType.F32, frozen.device(), gradients.shape());
            skip.product(skipped, gradients, 0);
            Kernels.addScaledRows(gradients, skipped, ragged, scale);
        }
    }

    /** Sums over the heads that share a value. */
    private void share(int entered) {
        if (shared != mixed) {
            try (var scope = TensorScope.open()) {
                int headDim = weights.headsWidth() / heads;
                Tensor all = rows(mixed, 0, entered);
                Tensor parted =
                        TorchShape.reshape(all, all.size(0), weights.kvHeads(), heads / weights.kvHeads(), headDim);
                Torch.copy(
                        TorchShape.reshape(rows(shared, 0, entered), all.size(0), weights.kvHeads(), headDim),
                        TorchReduce.sum(parted, 2, false));
            }
        }
    }

    private void meet(int layer, int entered) {
        HeadMeeting meeting = new HeadMeeting(
                weights,
                heads,
                targets.subList(0, entered).stream().mapToInt(Target::position).toArray(),
                offset,
                mixed,
                up,
                layer);
        IntStream.range(0, entered).parallel().forEach(t -> {
            int[] source = edges.get(t)[1];
            int[] at = new int[source.length];
            for (int e = 0; e < source.length; e++) {
                at[e] = (layer - up.firstLayer(source[e])) * heads;
            }
            meeting.read(t, source, loadings[t], at);
        });
    }

    private Ragged part(Ragged ragged, int first, int end) {
        return ragged.range(first, end - first);
    }

    private RowNumbers ownRows(int first, int end) {
        return RowNumbers.of(
                IntStream.range(first, end).mapToLong(t -> offset[t + 1] - 1).toArray(), frozen.device());
    }

    /** The targets' vectors, F32 [n, d]. */
    private Tensor vectors(int first, int end) {
        List<Tensor> rows = new ArrayList<>();
        for (int t = first; t < end; t++) {
            rows.add(TorchShape.select(
                    targets.get(t).vectors(), 0, targets.get(t).row()));
        }
        return TorchShape.stack(rows, 0);
    }
}
