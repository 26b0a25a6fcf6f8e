package dev.headwater.benchmarks;

import dev.headwater.bindings.Device;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.SweepProbe;
import dev.headwater.engine.graph.ActiveFeatures;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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

/** The adjoint sweep. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class SweepPhaseBenchmark {
    /** The comparison's prompt. */
    private static final int POSITIONS = 64;
    /** Gradients of a batch and decoder vectors: more than these models need. */
    private static final long MEMORY = 2L << 30;

    /** As {@code ModelPhaseBenchmark} says. */
    @Param({"bench", "gemma-2-2b", "llama-3.2-1b:features=16384", "atlas"})
    public String shape;

    /** A round at the comparison's best batch size, and one at the default. */
    @Param({"64", "1024"})
    public int targets;

    private ReplacementModel model;
    private SweepProbe sweep;
    private int[] nodes;
    private double gflop;

    @Setup
    public void freeze() {
        BenchmarkModel random = BenchmarkModel.of(shape);
        model = ReplacementModel.open(
                random.checkpoint(), random.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        sweep = new SweepProbe(model, model.prompt(random.tokens(POSITIONS)), targets, MEMORY);
        ActiveFeatures active = sweep.active();
        int count = Math.min(targets, active.count());
        nodes = IntStream.range(0, count)
                .map(i -> (int) ((long) i * active.count() / count))
                .toArray();
        gflop = SweepWork.gflop(model.model().config(), active, POSITIONS, nodes, 0);
    }

    @TearDown
    public void free() {
        sweep.close();
        model.close();
    }

    @Benchmark
    public void rows(Work work) {
        work.gflop += gflop;
        sweep.rows(nodes).close();
    }
}
