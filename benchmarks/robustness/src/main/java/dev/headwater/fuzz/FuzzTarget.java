package dev.headwater.fuzz;

import static java.util.Objects.requireNonNull;

import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * Where Jazzer comes in: one reader, named by {@code -Dheadwater.fuzz}, gets one input after the other. Beside the rule
 * for what a reader may do ({@link Rule}) there are bounds here on what one input may cost, in processor time of this
 * thread, so that a busy machine is no finding.
 */
public final class FuzzTarget {
    private static final long MOST_ALLOCATED = 1L << 30;
    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static @Nullable Reader reader;

    private FuzzTarget() {}

    public static void fuzzerInitialize() throws Exception {
        Reader opened = Readers.open(System.getProperty("headwater.fuzz"));
        reader = opened;
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(opened)));
    }

    private static void close(Reader reader) {
        try {
            reader.close();
        } catch (Exception e) {
            // The process ends.
        }
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        String cost = cost(input);
        if (cost != null) {
            // The first use of a class pays for loading and instrumenting it, which is not the input's fault.
            cost = cost(input);
        }
        if (cost != null) {
            throw new AssertionError(input.length + " bytes took " + cost);
        }
    }

    /** What was out of bounds, or null. */
    private static @Nullable String cost(byte[] input) throws Exception {
        Reader opened = requireNonNull(reader, "Jazzer calls fuzzerInitialize first");
        long nanos = THREADS.getCurrentThreadCpuTime();
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        Rule.check(opened, input);
        nanos = THREADS.getCurrentThreadCpuTime() - nanos;
        allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
        return nanos > opened.longest().toNanos()
                ? nanos / 1_000_000 + " ms"
                : allocated > MOST_ALLOCATED ? (allocated >> 20) + " MiB of memory" : null;
    }
}
