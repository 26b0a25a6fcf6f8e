package dev.headwater.benchmarks;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.attribution.FeatureRounds;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeBuffer;
import dev.headwater.engine.graph.EdgeLayout;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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

/** The phases after the sweep, and the ranking within it. Edges are counted as read once. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class GraphPhaseBenchmark {
    /** All rounds of ranking of one attribution, with rows that cost nothing. */
    @State(Scope.Thread)
    public static class Rounds {
        /** What the comparison takes. */
        private static final int WANTED = 2000;
        /** Features that fire there: 60 for each of 63 tokens and 12 layers. */
        private static final int FEATURES = 45_000;

        /** Batch size 16 at update interval 4: thirty rankings; 256: two. */
        @Param({"64", "1024"})
        public int perRound;

        private final SyntheticGraph shape = new SyntheticGraph(ModelShape.BENCH.layers(), 64, FEATURES);
        private Tensor values;
        private long read;

        @Setup
        public void fill() {
            // All batches get these: a row's values matter as little as which row they are in.
            values = SyntheticGraph.values((long) perRound * shape.firstLogit());
        }

        @TearDown
        public void free() {
            values.close();
        }

        private EdgeRows rows(int[] nodes) {
            var layout = new EdgeLayout(shape.firstLogit() + shape.targets().size());
            for (int node : nodes) {
                shape.row(node, layout);
            }
            read += Float.BYTES * layout.size();
            EdgeBuffer buffer = layout.buffer();
            try (Tensor used = TorchShape.narrow(values, 0, 0, layout.size())) {
                Torch.copy(buffer.values(), used);
            }
            return buffer.finish(() -> {});
        }
    }

    @State(Scope.Thread)
    public static class Graph {
        /** Of the comparison's graph, and of the largest that people make. */
        @Param({"3000", "10000"})
        public int nodes;

        private AttributionGraph graph;
        private Pruning pruning;
        private Path folder;
        private double gigabytes;

        @Setup
        public void build() throws IOException {
            graph = SyntheticGraph.ofSize(nodes).build();
            pruning = Pruning.of(graph, 0.8, 0.98);
            folder = Files.createTempDirectory("headwater-benchmark");
            gigabytes = 1e-9 * Float.BYTES * graph.edges().size();
        }

        @TearDown
        public void free() throws IOException {
            graph.close();
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }

    @Benchmark
    public void rank(Rounds in, Work work) {
        in.read = 0;
        int others = in.shape.firstLogit() - Rounds.FEATURES;
        try (var rounds = new FeatureRounds(Rounds.FEATURES, others, in.shape.targets(), Rounds.WANTED, in.perRound)) {
            for (int[] due = rounds.next(); due.length > 0; due = rounds.next()) {
                rounds.add(in.rows(due));
            }
            rounds.selection().edges().close();
        }
        work.gigabytes += 1e-9 * in.read;
    }

    /** Of a graph whose order is known already; {@code graph-functions} takes a new one each time. */
    @Benchmark
    public Object prune(Graph in, Work work) {
        work.gigabytes += in.gigabytes;
        return Pruning.of(in.graph, 0.8, 0.98);
    }

    @Benchmark
    public Object scores(Graph in, Work work) {
        work.gigabytes += in.gigabytes;
        return Scores.of(in.graph);
    }

    /** Counted by the bytes that it writes. */
    @Benchmark
    public Path json(Graph in, Work work) throws IOException {
        Path file = GraphJson.write(in.graph, in.pruning, GraphJson.Options.of("benchmark"), in.folder);
        work.gigabytes += 1e-9 * Files.size(file);
        return file;
    }
}
