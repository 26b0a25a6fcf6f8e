package dev.headwater.cli.report;

import java.util.OptionalDouble;

/** Seconds from lap to lap. */
public final class Stopwatch {
    private long last = System.nanoTime();

    public double lap() {
        long now = System.nanoTime();
        double seconds = (now - last) / 1e9;
        last = now;
        return seconds;
    }

    /** Seconds since the launcher started the Java virtual machine, where it says when. */
    public static OptionalDouble sinceLaunch() {
        String started = System.getProperty("headwater.started", "");
        return started.matches("\\d+\\.\\d+")
                ? OptionalDouble.of(System.currentTimeMillis() / 1e3 - Double.parseDouble(started))
                : OptionalDouble.empty();
    }
}
