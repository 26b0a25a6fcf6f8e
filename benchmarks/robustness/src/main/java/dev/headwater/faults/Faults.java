package dev.headwater.faults;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** All faults, one after the other. */
public final class Faults {
    /** A part of them. */
    private interface Part {
        List<Row> rows() throws IOException, InterruptedException;
    }

    private Faults() {}

    /**
     * @param directory for everything that is written
     * @param rounds    of each kind
     * @param load      how long slow clients stay
     * @param soon      in which an ordinary client is answered meanwhile
     * @param report    takes each row when it is known
     */
    public static void run(Path directory, int rounds, Duration load, Duration soon, Consumer<Row> report)
            throws IOException, InterruptedException {
        Trial trial = new Trial(directory);
        for (Part part : List.<Part>of(
                new Kills(trial, rounds)::rows,
                new Disks(trial, rounds)::rows,
                new Races(trial, Math.min(20, 4 * rounds))::rows,
                new Lies(trial, 5 * rounds)::rows,
                new Load(trial, load, soon)::rows)) {
            part.rows().forEach(report);
        }
    }
}
