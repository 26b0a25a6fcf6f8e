package dev.headwater.cli.report;

import dev.headwater.bindings.Traffic;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** What went between the host's memory and a GPU's, by phase; of rounds all together, and the busiest. */
public final class TrafficReport {
    private final Map<String, Phase> phases = new LinkedHashMap<>();

    /** One phase's steps. */
    private static final class Phase {
        int steps;
        Traffic all = Traffic.NONE;
        long mostCopies;
        long mostWaits;
    }

    /** A step of a phase is over. */
    public void add(String phase, Traffic traffic) {
        Phase of = phases.computeIfAbsent(phase, _ -> new Phase());
        of.steps++;
        of.all = of.all.plus(traffic);
        of.mostCopies = Math.max(of.mostCopies, traffic.copies());
        of.mostWaits = Math.max(of.mostWaits, traffic.waits());
    }

    /** A line for each phase; none where nothing went anywhere. */
    public void print(PrintStream out) {
        phases.forEach((name, phase) -> out.println("traffic      %s: %s to the device (%s), %s back (%s), %s%s"
                .formatted(
                        name,
                        many(phase.all.toDevice(), "copy", "copies"),
                        Text.bytes(phase.all.toDeviceBytes()),
                        Text.count(phase.all.toHost()),
                        Text.bytes(phase.all.toHostBytes()),
                        many(phase.all.waits(), "wait", "waits"),
                        phase.steps < 2
                                ? ""
                                : "; %s rounds, none with more than %s and %s"
                                        .formatted(
                                                Text.count(phase.steps),
                                                many(phase.mostCopies, "copy", "copies"),
                                                many(phase.mostWaits, "wait", "waits")))));
    }

    private static String many(long count, String one, String more) {
        return Text.count(count) + " " + (count == 1 ? one : more);
    }
}
