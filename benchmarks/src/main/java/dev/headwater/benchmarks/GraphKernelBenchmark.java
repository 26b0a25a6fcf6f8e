package dev.headwater.benchmarks;

import dev.headwater.bindings.EdgeRuns;
import dev.headwater.bindings.NativeArena;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LinkText;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The kernels of graph mathematics. Each is counted as reading every edge once; what reads them more often shows a
 * lower rate.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class GraphKernelBenchmark {
    /**
     * Of the comparison's graph (2,842 nodes; its edges fit a large cache), and of the largest that people make (they
     * don't).
     */
    @Param({"3000", "10000"})
    public int nodes;

    /** As many as a graph file's text is made of at once. */
    private static final int LINKS = 1 << 16;

    private final NativeArena arena = NativeArena.open();
    private EdgeRuns edges;
    private long[] order;
    private long[] node;
    private double[] weight;
    private double[] coefficient;
    private double gigabytes;
    private double cut;
    private EdgeRuns.Selected strong;
    private int[] targets;
    private LinkText links;

    @Setup
    public void fill() {
        edges = new EdgeRuns(nodes);
        try (AttributionGraph graph = SyntheticGraph.ofSize(nodes).build()) {
            EdgeRows rows = graph.edges();
            MemorySegment values = arena.allocate(Float.BYTES * rows.size(), 64);
            for (long i = 0; i < rows.size(); i++) {
                values.setAtIndex(ValueLayout.JAVA_FLOAT, i, rows.value(i));
            }
            int[] start = new int[nodes + 1];
            List<long[]> runs = new ArrayList<>();
            for (int r = 0; r < nodes; r++) {
                rows.forEachRun(r, (first, count, offset) -> runs.add(new long[] {first, count, offset}));
                start[r + 1] = runs.size();
            }
            edges.add(
                    start,
                    runs.stream().mapToInt(run -> (int) run[0]).toArray(),
                    runs.stream().mapToInt(run -> (int) run[1]).toArray(),
                    runs.stream().mapToLong(run -> run[2]).toArray(),
                    values);
            weight = graph.targetWeights();
            gigabytes = 1e-9 * Float.BYTES * rows.size();
        }
        node = LongStream.range(0, nodes).toArray();
        order = LongStream.range(0, nodes).map(i -> nodes - 1 - i).toArray();
        double[] scale = unknown();
        coefficient = edges.influence(order, node, weight, null, 1e-10, scale);
        for (int r = 0; r < nodes; r++) {
            coefficient[r] = (coefficient[r] + weight[r]) * scale[r];
        }
        cut = edges.cut(coefficient, null, 0.98);
        strong = edges.above(coefficient, null, cut);
        targets = IntStream.range(0, nodes)
                .flatMap(r -> IntStream.range(strong.rowStart()[r], strong.rowStart()[r + 1])
                        .map(e -> r))
                .toArray();
        links = new LinkText(
                IntStream.range(0, nodes).mapToObj(i -> "11_" + i + "_63").toArray(String[]::new));
    }

    private double[] unknown() {
        double[] scale = new double[nodes];
        Arrays.fill(scale, -1);
        return scale;
    }

    @TearDown
    public void free() {
        edges.close();
        arena.close();
    }

    @Benchmark
    public Object rowSums(Work work) {
        work.gigabytes += gigabytes;
        return edges.rowSums(null);
    }

    /** With the row sums, as a graph's influence needs them. */
    @Benchmark
    public Object influence(Work work) {
        work.gigabytes += gigabytes;
        return edges.influence(order, node, weight, null, 1e-10, unknown());
    }

    @Benchmark
    public double cut(Work work) {
        work.gigabytes += gigabytes;
        return edges.cut(coefficient, null, 0.98);
    }

    @Benchmark
    public Object above(Work work) {
        work.gigabytes += gigabytes;
        return edges.above(coefficient, null, cut);
    }

    /** Counted by the text's bytes. */
    @Benchmark
    public Object links(Work work) {
        ByteBuffer text = links.of(strong.column(), targets, strong.value(), 0, LINKS);
        work.gigabytes += 1e-9 * text.remaining();
        return text;
    }
}
