package dev.headwater.benchmarks;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.Trace;
import java.util.concurrent.TimeUnit;
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

/** The phases before the sweep: the forward pass, and encoding with reconstruction. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class ModelPhaseBenchmark {
    /**
     * The comparison's prompt. Work is in proportion to it, but for the attention that {@link SweepKernelBenchmark}
     * varies.
     */
    private static final int POSITIONS = 64;

    /**
     * The comparison's model; two layers of the large ones (all layers are alike, and all of them would not fit into
     * small machines); Llama's with an eighth of its 131,072 features, which would be 4 GB to write; the bundled
     * model's size, which shows overheads.
     */
    @Param({"bench", "gemma-2-2b", "llama-3.2-1b:features=16384", "atlas"})
    public String shape;

    private ReplacementModel model;
    private ModelShape sizes;
    private int[] tokens;
    private Trace trace;
    private TensorScope scope;

    @Setup
    public void load() {
        sizes = ModelShape.parse(shape);
        BenchmarkModel random = BenchmarkModel.of(shape);
        model = ReplacementModel.open(
                random.checkpoint(), random.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        tokens = random.tokens(POSITIONS);
        scope = TensorScope.open();
        trace = model.trace(tokens);
    }

    @TearDown
    public void free() {
        trace.close();
        scope.close();
        model.close();
    }

    @Benchmark
    public void forward(Work work) {
        double products =
                (double) sizes.width() * (2.0 * sizes.headsWidth() + 2.0 * sizes.valueWidth() + 3.0 * sizes.mlp());
        double attention = 2.0 * POSITIONS * sizes.headsWidth();
        work.gflop +=
                2e-9 * (POSITIONS * sizes.layers() * (products + attention) + (double) sizes.vocab() * sizes.width());
        model.trace(tokens).close();
    }

    @Benchmark
    public int encode(Work work) {
        work.gflop += 2e-9 * POSITIONS * sizes.layers() * sizes.features() * sizes.width();
        int count = 0;
        try (var inner = TensorScope.open()) {
            for (int layer = 0; layer < model.layers(); layer++) {
                count += model.transcoders()
                        .encode(layer, trace.site(model.transcoders().input(), layer), 1)
                        .count();
            }
        }
        return count;
    }
}
