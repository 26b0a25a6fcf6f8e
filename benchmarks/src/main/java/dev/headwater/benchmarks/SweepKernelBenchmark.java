package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.EdgeSlots;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
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

/** The kernels of the adjoint sweep beside its matrix product, at one layer with all targets above it. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SweepKernelBenchmark {
    /** Enough targets that their gradients leave every cache, as those of a real batch do. */
    private static final int TARGETS = 128;

    /** Heads, their width and the residual stream's set the shape of every product. */
    @Param({"BENCH", "GEMMA_2_2B", "LLAMA_3_2_1B", "ATLAS"})
    public Shape shape;

    /** The usual length, and one at which attention costs four times as much for each row. */
    @Param({"64", "256"})
    public int positions;

    private TensorScope scope;
    private ModelShape sizes;
    private Ragged ragged;
    private Tensor gradient;
    private Tensor heads;
    private Tensor own;
    private Tensor mixed;
    private Tensor pattern;
    private Tensor output;
    private Tensor sources;
    private Tensor edges;
    private EdgeSlots slots;
    /** Gradient rows, and pairs of a query and a key up to it, of all targets together. */
    private double rows;

    private double pairs;

    @Setup
    public void fill() {
        scope = TensorScope.open();
        sizes = shape.sizes();
        SplittableRandom random = new SplittableRandom(9);
        int[] position = random.ints(TARGETS, 0, positions).toArray();
        long[] offset = new long[TARGETS];
        for (int t = 1; t < TARGETS; t++) {
            offset[t] = offset[t - 1] + position[t - 1] + 1;
        }
        ragged = Ragged.of(offset, position, Device.CPU);
        rows = Arrays.stream(position).mapToDouble(p -> p + 1).sum();
        pairs = Arrays.stream(position)
                .mapToDouble(p -> 0.5 * (p + 1) * (p + 2))
                .sum();
        gradient = RandomTensors.normal((long) rows, sizes.width());
        heads = RandomTensors.normal((long) rows, sizes.headsWidth());
        own = RandomTensors.normal(TARGETS, sizes.headsWidth());
        mixed = Tensor.zeros(DType.F32, Device.CPU, (long) rows, sizes.valueWidth());
        pattern = Tensor.full(1.0 / positions, DType.F32, Device.CPU, sizes.heads(), positions, positions);
        output = RandomTensors.normal(sizes.width(), sizes.headsWidth());

        long count = (long) positions * sizes.active();
        sources = RandomTensors.normal(count, sizes.width());
        long[] starts = new long[positions + 1];
        Arrays.setAll(starts, q -> (long) q * sizes.active());
        edges = Tensor.zeros(DType.F32, Device.CPU, TARGETS, count);
        long[] first = new long[TARGETS];
        Arrays.setAll(first, t -> t * count);
        slots = EdgeSlots.of(ragged, Segments.of(starts, Device.CPU), first);
    }

    @TearDown
    public void free() {
        scope.close();
    }

    /** The larger of a layer's two products, at its own shape: what the kernels stand beside. */
    @Benchmark
    public void matrixProduct(Work work) {
        work.gflop += 2e-9 * rows * sizes.width() * sizes.headsWidth();
        Torch.mmInto(heads, gradient, output, 0);
    }

    @Benchmark
    public void patternAdjoint(Work work) {
        work.gflop += 2e-9 * pairs * sizes.headsWidth();
        Kernels.patternAdjoint(heads, pattern, sizes.kvHeads(), ragged, mixed);
    }

    /** Writes a row for each position from one row for each target: memory is its limit. */
    @Benchmark
    public void patternAdjointSingle(Work work) {
        work.gigabytes += 1e-9 * Float.BYTES * (rows * sizes.valueWidth() + (double) TARGETS * sizes.headsWidth());
        Kernels.patternAdjointSingle(own, pattern, sizes.kvHeads(), ragged, mixed);
    }

    @Benchmark
    public void edgeContract(Work work) {
        work.gflop += 2e-9 * rows * sizes.active() * sizes.width();
        Kernels.edgeContract(gradient, sources, slots, edges, false);
    }
}
