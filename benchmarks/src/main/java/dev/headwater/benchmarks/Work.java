package dev.headwater.benchmarks;

import dev.headwater.bindings.Tensor;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What an invocation did; JMH divides by the time, so that it shows GFLOP/s and GB/s beside the invocations per second.
 * A shared machine is now fast, now slow, so its limits are measured after each iteration: their sums over {@link
 * #looks}.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Work {
    public double gflop;
    public double gigabytes;
    public double sgemm;
    public double copy;
    public double looks;

    private Tensor from;
    private Tensor to;

    @Setup(Level.Trial)
    public void open() {
        from = MachineLimits.toCopy();
        to = MachineLimits.toCopy();
    }

    @TearDown(Level.Iteration)
    public void look() {
        sgemm += MachineLimits.sgemmNow();
        copy += MachineLimits.copyNow(from, to);
        looks++;
    }

    @TearDown(Level.Trial)
    public void close() {
        from.close();
        to.close();
    }
}
