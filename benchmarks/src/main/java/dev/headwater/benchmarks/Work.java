package dev.headwater.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What an invocation did; JMH divides by the time, so that it shows GFLOP/s and GB/s beside the invocations per second. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Work {
    public double gflop;
    public double gigabytes;
}
