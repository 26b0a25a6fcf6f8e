package dev.headwater.engine.attribution;

import dev.headwater.bindings.Traffic;
import dev.headwater.engine.Progress;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tells the listener which phase of an attribution runs and what it moves to and from a GPU, and keeps how long each took. */
final class PhaseClock {
    private final Progress progress;
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private @Nullable String phase;
    private long start;
    private Traffic before = Traffic.NONE;

    PhaseClock(Progress progress) {
        this.progress = progress;
    }

    /** A clock that goes on from here, for another listener. */
    PhaseClock with(Progress other) {
        PhaseClock next = new PhaseClock(other);
        next.seconds.putAll(seconds);
        return next;
    }

    /** Ends the phase before and begins one of {@code total} steps. */
    void begin(String name, long total) {
        end();
        phase = name;
        start = System.nanoTime();
        before = Traffic.now();
        progress.phase(name, total);
    }

    /** A step of the phase is over. */
    void step() {
        Traffic now = Traffic.now();
        Traffic moved = now.since(before);
        before = now;
        if (!moved.equals(Traffic.NONE)) {
            progress.traffic(moved);
        }
    }

    void end() {
        if (phase != null) {
            step();
            seconds.merge(phase, (System.nanoTime() - start) / 1e9, Double::sum);
        }
        phase = null;
    }

    /** By phase, in order. */
    Map<String, Double> seconds() {
        return seconds;
    }
}
