package dev.headwater.engine.attribution;

import dev.headwater.benchmarks.BenchmarkModel;
import dev.headwater.benchmarks.SweepWork;
import dev.headwater.benchmarks.Work;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.model.Trace;
import java.util.List;
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

/** The adjoint sweep; in this package because nobody else may call it. */
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
    private Trace trace;
    private TensorScope scope;
    private AdjointSweep sweep;
    private FrozenPrompt prompt;
    private TargetVectors vectors;
    private int[] nodes;
    private int firstOutput;
    private double gflop;

    @Setup
    public void freeze() {
        BenchmarkModel random = BenchmarkModel.of(shape);
        model = ReplacementModel.open(
                random.checkpoint(), random.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        scope = TensorScope.open();
        trace = model.trace(random.tokens(POSITIONS));
        LocalReplacement local =
                LocalReplacement.of(model, List.of(trace), done -> {}).getFirst();
        FrozenWeights weights = FrozenWeights.of(model.model(), model.transcoders(), model.products());
        FrozenModel frozen = FrozenModel.of(weights, model.model(), trace, model.transcoders());
        Sources sources = new Sources(
                local.active(),
                model.transcoders(),
                frozen.outputNorms(),
                local.errors(),
                trace.tokenVectors(),
                MEMORY);
        vectors = new TargetVectors(model, frozen, local.active(), POSITIONS);
        vectors.choose(OutputTargets.SALIENT, trace);
        prompt = FrozenPrompt.of(frozen, sources, 0);
        sweep = new AdjointSweep(weights, MEMORY, (long) targets * (POSITIONS + 1) / 2);
        firstOutput = sources.columns(0);
        ActiveFeatures active = local.active();
        int count = Math.min(targets, active.count());
        nodes = IntStream.range(0, count)
                .map(i -> (int) ((long) i * active.count() / count))
                .toArray();
        gflop = SweepWork.gflop(model.model().config(), active, POSITIONS, nodes, 0);
    }

    @TearDown
    public void free() {
        sweep.close();
        trace.close();
        scope.close();
        model.close();
    }

    @Benchmark
    public void rows(Work work) {
        work.gflop += gflop;
        try (var inner = TensorScope.open()) {
            sweep.rows(
                            List.of(new AdjointSweep.Wanted(prompt, vectors.of(nodes, firstOutput))),
                            done -> {},
                            () -> false)
                    .forEach(EdgeRows::close);
        }
    }
}
