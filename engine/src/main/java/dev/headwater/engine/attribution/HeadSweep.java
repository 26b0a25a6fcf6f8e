package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.linear.TwoLayers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

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
    private final TwoLayers twoLayers;
    private final long floats;
    private final MemoryBudget memory;

    /**
     * @param bytes  that gradients and contributions may take; never less than one source and one target need
     * @param memory where what they do take is reserved
     */
    HeadSweep(FrozenModel frozen, TwoLayers twoLayers, Sources sources, long bytes, MemoryBudget memory) {
        this.memory = memory;
        this.frozen = frozen;
        this.twoLayers = twoLayers;
        this.sources = sources;
        weights = frozen.weights();
        positions = (int) sources.tokens().size(0);
        heads = (int) frozen.layer(0).pattern().size(0);
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
        List<Column> columns = byColumn.entrySet().stream()
                .map(column -> new Column(column.getKey(), column.getValue()))
                .sorted(Comparator.<Column>comparingInt(column -> -sources.layerOf(column.number))
                        .thenComparingInt(Column::number))
                .toList();
        for (int from = 0, to; from < columns.size(); from = to) {
            to = end(columns, from, edges);
            List<Column> some = columns.subList(from, to);
            int[] chosen = some.stream().mapToInt(Column::number).toArray();
            int[] part = some.stream()
                    .flatMap(column -> column.edges.stream())
                    .mapToInt(Integer::intValue)
                    .toArray();
            try (var _ = memory.reserve("contributions of sources", Place.DEVICE, bytes(some, edges));
                    var scope = TensorScope.open()) {
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
                descend(up, edges, part, sink, cancelled);
            }
            finished += part.length;
            done.accept(finished);
        }
    }

    /** Whether attention lies between the ends. */
    private boolean passes(Edge edge) {
        return sources.layerOf(edge.column) < lastLayer(frozen, edge.target)
                && sources.positionOf(edge.column) <= edge.target.position();
    }

    /** The highest layer whose attention lies below a target. */
    static int lastLayer(FrozenModel frozen, Target target) {
        return frozen.weights().parallel() ? target.layer() - 1 : Math.min(target.layer(), frozen.layers() - 1);
    }

    /** A source with the numbers of its edges. */
    private record Column(int number, List<Integer> edges) {}

    private int end(List<Column> columns, int from, List<Edge> edges) {
        long taken = 0;
        int to = from;
        while (to < columns.size()) {
            taken += floats(columns.get(to), edges);
            if (to > from && taken > floats / 2) {
                break;
            }
            to++;
        }
        return to;
    }

    private long bytes(List<Column> chosen, List<Edge> edges) {
        return Float.BYTES
                * chosen.stream().mapToLong(column -> floats(column, edges)).sum();
    }

    private long floats(Column column, List<Edge> edges) {
        int top = column.edges.stream()
                .mapToInt(e -> edges.get(e).target.layer())
                .max()
                .orElseThrow();
        return Contributions.floats(
                frozen,
                positions,
                sources.layerOf(column.number),
                sources.positionOf(column.number),
                Math.min(top, frozen.layers() - 1));
    }

    /** Lets the targets of some edges go down to the edges' sources. */
    private void descend(Contributions up, List<Edge> all, int[] chosen, Sink sink, BooleanSupplier cancelled) {
        Map<Integer, Integer> numbers = new HashMap<>();
        for (int i = 0; i < up.count(); i++) {
            numbers.put(up.column(i), i);
        }
        Map<Target, List<Integer>> byTarget = new HashMap<>();
        for (int e : chosen) {
            byTarget.computeIfAbsent(all.get(e).target, target -> new ArrayList<>())
                    .add(e);
        }
        List<Map.Entry<Target, List<Integer>>> sorted = byTarget.entrySet().stream()
                .sorted(Comparator.<Map.Entry<Target, List<Integer>>>comparingInt(
                                entry -> -entry.getKey().layer())
                        .thenComparing(entry -> entry.getValue().getFirst()))
                .toList();
        List<Target> targets = sorted.stream().map(Map.Entry::getKey).toList();
        List<int[][]> edges = new ArrayList<>();
        for (var entry : sorted) {
            List<Integer> own = entry.getValue();
            edges.add(new int[][] {
                own.stream().mapToInt(Integer::intValue).toArray(),
                own.stream().mapToInt(e -> numbers.get(all.get(e).column)).toArray()
            });
        }
        for (int from = 0, to; from < targets.size(); from = to) {
            long taken = 0;
            to = from;
            while (to < targets.size()) {
                long more = HeadBatch.floats(weights, heads, targets.get(to), up.count());
                if (to > from && taken + more > floats / 2) {
                    break;
                }
                taken += more;
                to++;
            }
            try (var _ = memory.reserve("gradients of head loadings", Place.DEVICE, taken * Float.BYTES);
                    var _ = TensorScope.open()) {
                new HeadBatch(frozen, twoLayers, up, targets.subList(from, to), edges.subList(from, to))
                        .run(sink, cancelled);
            }
        }
    }
}
