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
import dev.headwater.engine.product.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Head loadings of chosen edges: what part of an edge passed through each head of each layer between its ends.
 *
 * <p>The targets' gradients come down the frozen model as in {@link AdjointSweep}, but heads that share a key and value are kept apart; the
 * sources' {@link Contributions} have been carried up. At each layer the two meet: for edge (t, s) and head h the loading is the sum over
 * the positions between source and target of {@code (patternᵀ · W_Oᵀ · gradient of t)[h] · (W_V · contribution of s)[h]}.
 *
 * <p>What does not fit into memory goes in parts: sources from the top layer down, so that a part's sweep of the targets ends early.
 */
final class HeadSweep {
    /** An edge of a graph: a target and a column of {@link Sources}. */
    record Edge(Target target, int column) {}

    /** Takes what was found. */
    @FunctionalInterface
    interface Sink {
        /**
         * @param edge     its number
         * @param loadings by layer from the one above the source to the target's, then head; empty if no attention lies between
         */
        void edge(int edge, float[] loadings);
    }

    private final FrozenModel frozen;
    private final FrozenWeights weights;
    private final Sources sources;
    private final int positions;
    private final int heads;
    private final int headDim;
    private final long floats;

    /** @param bytes that gradients and contributions may take */
    HeadSweep(FrozenModel frozen, Sources sources, long bytes) {
        this.frozen = frozen;
        this.sources = sources;
        weights = frozen.weights();
        positions = (int) sources.tokens().size(0);
        heads = (int) frozen.layer(0).pattern().size(0);
        headDim = weights.headsWidth() / heads;
        floats = bytes / Float.BYTES;
    }

    /**
     * Finds the loadings of all edges, in any order.
     *
     * @param done      hears how many edges are finished
     * @param cancelled asked between layers
     */
    void run(List<Edge> edges, Sink sink, IntConsumer done, BooleanSupplier cancelled) {
        Map<Integer, List<Integer>> byColumn = new HashMap<>();
        int finished = 0;
        for (int e = 0; e < edges.size(); e++) {
            if (passes(edges.get(e))) {
                byColumn.computeIfAbsent(edges.get(e).column, column -> new ArrayList<>())
                        .add(e);
            } else {
                sink.edge(e, new float[0]);
                done.accept(++finished);
            }
        }
        int[] columns = byColumn.keySet().stream()
                .sorted(Comparator.<Integer>comparingInt(column -> -sources.layerOf(column))
                        .thenComparing(column -> column))
                .mapToInt(Integer::intValue)
                .toArray();
        for (int from = 0, to; from < columns.length; from = to) {
            to = end(columns, from, byColumn, edges);
            int[] chosen = Arrays.copyOfRange(columns, from, to);
            int[] part = Arrays.stream(chosen)
                    .boxed()
                    .flatMap(column -> byColumn.get(column).stream())
                    .mapToInt(Integer::intValue)
                    .toArray();
            try (var scope = TensorScope.open()) {
                int top = Arrays.stream(part)
                        .map(e -> edges.get(e).target.layer())
                        .max()
                        .orElseThrow();
                int last = Arrays.stream(part)
                        .map(e -> edges.get(e).target.position())
                        .max()
                        .orElseThrow();
                Contributions up =
                        Contributions.toHeads(frozen, sources, chosen, Math.min(top, frozen.layers() - 1), last + 1);
                new Descent(up, edges, part, sink, cancelled).run();
            }
            finished += part.length;
            done.accept(finished);
        }
    }

    /** Whether attention lies between the ends. */
    private boolean passes(Edge edge) {
        return sources.layerOf(edge.column) < lastLayer(edge.target)
                && sources.positionOf(edge.column) <= edge.target.position();
    }

    /** The highest layer whose attention lies below a target. */
    private int lastLayer(Target target) {
        return weights.parallel() ? target.layer() - 1 : Math.min(target.layer(), frozen.layers() - 1);
    }

    private int end(int[] columns, int from, Map<Integer, List<Integer>> byColumn, List<Edge> edges) {
        long taken = 0;
        int to = from;
        int top = 0;
        while (to < columns.length) {
            top = Math.max(
                    top,
                    byColumn.get(columns[to]).stream()
                            .mapToInt(e -> edges.get(e).target.layer())
                            .max()
                            .orElseThrow());
            taken += Contributions.floats(
                    frozen,
                    positions,
                    sources.layerOf(columns[to]),
                    sources.positionOf(columns[to]),
                    Math.min(top, frozen.layers() - 1));
            if (to > from && taken > floats / 2) {
                break;
            }
            to++;
        }
        return to;
    }

    /** The gradients of the targets of some edges on their way down to the edges' sources. */
    private final class Descent {
        private final Contributions up;
        private final Sink sink;
        private final BooleanSupplier cancelled;
        private final List<Target> targets;
        /** For each target the numbers of its edges and of their sources in {@link #up}. */
        private final List<int[][]> edges = new ArrayList<>();

        Descent(Contributions up, List<Edge> all, int[] chosen, Sink sink, BooleanSupplier cancelled) {
            this.up = up;
            this.sink = sink;
            this.cancelled = cancelled;
            Map<Integer, Integer> numbers = new HashMap<>();
            for (int i = 0; i < up.count(); i++) {
                numbers.put(up.column(i), i);
            }
            Map<Target, List<Integer>> byTarget = new HashMap<>();
            for (int e : chosen) {
                byTarget.computeIfAbsent(all.get(e).target, target -> new ArrayList<>())
                        .add(e);
            }
            targets = byTarget.keySet().stream()
                    .sorted(Comparator.<Target>comparingInt(target -> -target.layer())
                            .thenComparing(target -> byTarget.get(target).getFirst()))
                    .toList();
            for (Target target : targets) {
                List<Integer> own = byTarget.get(target);
                edges.add(new int[][] {
                    own.stream().mapToInt(Integer::intValue).toArray(),
                    own.stream().mapToInt(e -> numbers.get(all.get(e).column)).toArray()
                });
            }
        }

        void run() {
            long perRow = weights.width() + 3L * weights.headsWidth() + weights.valueWidth();
            for (int from = 0, to; from < targets.size(); from = to) {
                long taken = 0;
                to = from;
                while (to < targets.size()) {
                    taken += perRow * (targets.get(to).position() + 1) + (long) heads * up.count();
                    if (to > from && taken > floats / 2) {
                        break;
                    }
                    to++;
                }
                new Batch(this, from, to).run();
            }
        }
    }

    /** Some targets of a descent, from the top layer down; those that have entered are a prefix. */
    private final class Batch {
        private final Descent descent;
        private final List<Target> targets;
        private final List<int[][]> edges;
        private final long[] offset;
        private final float[][][] loadings;
        private final int lowest;

        Batch(Descent descent, int from, int to) {
            this.descent = descent;
            targets = descent.targets.subList(from, to);
            edges = descent.edges.subList(from, to);
            offset = new long[targets.size() + 1];
            loadings = new float[targets.size()][][];
            int low = Integer.MAX_VALUE;
            for (int t = 0; t < targets.size(); t++) {
                offset[t + 1] = offset[t] + targets.get(t).position() + 1;
                int last = lastLayer(targets.get(t));
                loadings[t] = Arrays.stream(edges.get(t)[1])
                        .mapToObj(s -> new float[(last - descent.up.firstLayer(s) + 1) * heads])
                        .toArray(float[][]::new);
                low = Math.min(
                        low,
                        Arrays.stream(edges.get(t)[1])
                                .map(descent.up::firstLayer)
                                .min()
                                .orElseThrow());
            }
            lowest = low;
        }

        void run() {
            try (var scope = TensorScope.open()) {
                int count = targets.size();
                Ragged ragged = Ragged.of(
                        Arrays.copyOf(offset, count),
                        targets.stream().mapToInt(Target::position).toArray(),
                        frozen.device());
                Tensor gradient = Tensor.empty(DType.F32, frozen.device(), offset[count], weights.width());
                int entered = 0;
                while (entered < count && targets.get(entered).layer() == frozen.layers()) {
                    entered++;
                }
                enter(gradient, 0, entered);
                for (int layer = frozen.layers() - 1; layer >= lowest; layer--) {
                    if (descent.cancelled.getAsBoolean()) {
                        throw new CancellationException("head loadings were cancelled");
                    }
                    int old = entered;
                    while (entered < count && targets.get(entered).layer() == layer) {
                        entered++;
                    }
                    if (weights.parallel()) {
                        if (old > 0) {
                            through(layer, old, old, gradient, ragged);
                        }
                        enter(gradient, old, entered);
                    } else if (entered > 0) {
                        through(layer, old, entered, gradient, ragged);
                    }
                }
            }
            for (int t = 0; t < targets.size(); t++) {
                for (int e = 0; e < loadings[t].length; e++) {
                    descent.sink.edge(edges.get(t)[0][e], loadings[t][e]);
                }
            }
        }

        private void enter(Tensor gradient, int first, int end) {
            if (end > first) {
                Torch.zeroInPlace(TorchShape.narrow(gradient, 0, offset[first], offset[end] - offset[first]));
                Kernels.addRows(gradient, ownRows(first, end), vectors(first, end));
            }
        }

        private void through(int layer, int old, int entered, Tensor gradient, Ragged ragged) {
            try (var scope = TensorScope.open()) {
                FrozenWeights.Layer model = weights.layer(layer);
                Tensor above = TorchShape.narrow(gradient, 0, 0, offset[old]);
                Tensor mixed = Tensor.empty(DType.F32, frozen.device(), offset[entered], weights.headsWidth());
                Tensor pattern = frozen.layer(layer).pattern();
                if (old > 0) {
                    Ragged all = part(ragged, 0, old);
                    if (!weights.parallel()) {
                        throughSkip(layer, above, all);
                    }
                    Tensor atHeads = Tensor.empty(DType.F32, frozen.device(), offset[old], weights.headsWidth());
                    model.output().product(atHeads, above, 0);
                    if (weights.parallel()) {
                        throughSkip(layer, above, all);
                    }
                    Kernels.patternAdjoint(atHeads, pattern, heads, all, TorchShape.narrow(mixed, 0, 0, offset[old]));
                }
                if (entered > old) {
                    Tensor own = Tensor.empty(DType.F32, frozen.device(), entered - old, weights.headsWidth());
                    model.output().product(own, vectors(old, entered), 0);
                    Kernels.patternAdjointSingle(own, pattern, heads, part(ragged, old, entered), mixed);
                    enter(gradient, old, entered);
                }
                meet(layer, entered, mixed);
                if (layer > lowest) {
                    model.value().product(TorchShape.narrow(gradient, 0, 0, offset[entered]), grouped(mixed), 1);
                }
            }
        }

        private void throughSkip(int layer, Tensor gradients, Ragged ragged) {
            Weight skip = weights.layer(layer).skip();
            if (skip != null) {
                Tensor skipped = Tensor.empty(DType.F32, frozen.device(), gradients.shape());
                skip.product(skipped, gradients, 0);
                Kernels.addScaledRows(
                        gradients, skipped, ragged, frozen.layer(layer).skipScale());
            }
        }

        /** Summed over the heads that share a value, [rows, kvHeads·headDim]. */
        private Tensor grouped(Tensor mixed) {
            int group = heads / weights.kvHeads();
            if (group == 1) {
                return mixed;
            }
            Tensor parted = TorchShape.reshape(mixed, mixed.size(0), weights.kvHeads(), group, headDim);
            return Torch.contiguous(
                    TorchShape.reshape(TorchReduce.sum(parted, 2, false), mixed.size(0), weights.valueWidth()));
        }

        private void meet(int layer, int entered, Tensor mixed) {
            HeadMeeting meeting = new HeadMeeting(
                    weights,
                    heads,
                    targets.subList(0, entered).stream()
                            .mapToInt(Target::position)
                            .toArray(),
                    offset,
                    mixed,
                    descent.up,
                    layer);
            IntStream.range(0, entered).parallel().forEach(t -> {
                int[] source = edges.get(t)[1];
                int[] at = new int[source.length];
                for (int e = 0; e < source.length; e++) {
                    at[e] = (layer - descent.up.firstLayer(source[e])) * heads;
                }
                meeting.read(t, source, loadings[t], at);
            });
        }

        private Ragged part(Ragged ragged, int first, int end) {
            return ragged.range(first, end - first);
        }

        private RowNumbers ownRows(int first, int end) {
            return RowNumbers.of(
                    IntStream.range(first, end)
                            .mapToLong(t -> offset[t + 1] - 1)
                            .toArray(),
                    frozen.device());
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
}
