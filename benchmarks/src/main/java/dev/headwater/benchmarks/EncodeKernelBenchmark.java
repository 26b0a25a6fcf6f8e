package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.NativeArena;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

/**
 * What follows an encoder's matrix product, and the reading of weight rows: both move memory and compute nothing to
 * speak of.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class EncodeKernelBenchmark {
    /** A prompt of the usual length; every position is independent, so a longer one costs in proportion. */
    private static final int POSITIONS = 64;

    @State(Scope.Thread)
    public static class PreActivations {
        /** A layer's number of features decides the length of a row and how sparse the outcome is. */
        @Param({"BENCH", "GEMMA_2_2B", "LLAMA_3_2_1B", "ATLAS"})
        public Shape shape;

        private TensorScope scope;
        private Tensor pre;
        private Tensor threshold;
        private int active;
        private double gigabytes;

        @Setup
        public void fill() {
            scope = TensorScope.open();
            ModelShape sizes = shape.sizes();
            active = sizes.active();
            pre = RandomTensors.normal(POSITIONS, sizes.features());
            double cut = BenchmarkModel.normalQuantile(1 - (double) sizes.active() / sizes.features());
            threshold = Tensor.full(cut, DType.F32, Device.CPU, sizes.features());
            gigabytes = 1e-9 * POSITIONS * sizes.features() * Float.BYTES;
        }

        @TearDown
        public void free() {
            scope.close();
        }
    }

    @State(Scope.Thread)
    public static class Rows {
        @Param({"BENCH", "GEMMA_2_2B", "LLAMA_3_2_1B", "ATLAS"})
        public Shape shape;

        /** Public sets are stored in bfloat16, our own benchmark's in float32. */
        @Param({"F32", "BF16"})
        public DType type;

        private Arena arena;
        private TensorScope scope;
        private MemorySegment source;
        private long width;
        private long[] index;
        private float[] scale;
        private Tensor out;
        private double gigabytes;

        @Setup
        public void fill() {
            scope = TensorScope.open();
            arena = NativeArena.open();
            ModelShape sizes = shape.sizes();
            width = sizes.width();
            source = arena.allocate(sizes.features() * width * type.bytes(), 64).fill((byte) 0x3f);
            SplittableRandom random = new SplittableRandom(5);
            index = random.longs((long) POSITIONS * sizes.active(), 0, sizes.features())
                    .toArray();
            scale = new float[index.length];
            java.util.Arrays.fill(scale, 0.5f);
            out = Tensor.empty(DType.F32, Device.CPU, index.length, width);
            gigabytes = 1e-9 * index.length * width * (type.bytes() + Float.BYTES);
        }

        @TearDown
        public void free() {
            scope.close();
            arena.close();
        }
    }

    @Benchmark
    public Object encodeThreshold(PreActivations in, Work work) {
        work.gigabytes += in.gigabytes;
        return Kernels.encodeThreshold(in.pre, null, in.threshold, 0);
    }

    @Benchmark
    public Object encodeTopK(PreActivations in, Work work) {
        work.gigabytes += in.gigabytes;
        return Kernels.encodeTopK(in.pre, null, in.active, 0);
    }

    @Benchmark
    public void gatherRows(Rows in, Work work) {
        work.gigabytes += in.gigabytes;
        Kernels.gatherRows(in.source, in.type, in.width, 1, in.index, in.scale, null, in.out);
    }
}
