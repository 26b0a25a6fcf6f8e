package dev.headwater.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a reader was given over all runs, kept in {@code sum} beside its corpus. A run that was killed counts up to the last line of
 * its log, which says how far it was.
 *
 * @param inputs  read
 * @param seconds that took, starts included
 */
public record Sum(long inputs, long seconds) {
    private static final Pattern DONE = Pattern.compile("#(\\d+)\\s+\\w+\\s+cov: (\\d+) ft: \\d+ corp: (\\d+)/");
    private static final Pattern UNITS = Pattern.compile("stat::number_of_executed_units:\\s*(\\d+)");
    private static final String RUNNING = "log";
    private static final String COUNTED = "log.counted";

    /**
     * What one run's log says.
     *
     * @param edges  covered
     * @param corpus inputs that took new ways
     */
    record Run(long inputs, long seconds, long edges, long corpus) {}

    /** {@return inputs each second, 0 if there were none} */
    public double rate() {
        return seconds == 0 ? 0 : (double) inputs / seconds;
    }

    /** Where Jazzer writes what it does. */
    static Path log(Path work) {
        return work.resolve(RUNNING);
    }

    /** The sum so far, with what a killed run left. */
    static Sum read(Path work) throws IOException {
        if (Files.exists(log(work))) {
            count(work);
        }
        Path file = work.resolve("sum");
        if (!Files.exists(file)) {
            return new Sum(0, 0);
        }
        String[] numbers = Files.readString(file).strip().split(" ");
        return new Sum(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]));
    }

    /** Adds the run whose log lies there, once. */
    static Run count(Path work) throws IOException {
        Path log = log(work);
        Run run = run(log);
        Files.move(log, work.resolve(COUNTED), StandardCopyOption.REPLACE_EXISTING);
        Sum before = read(work);
        Path written = Files.writeString(
                work.resolve("sum.new"), (before.inputs + run.inputs) + " " + (before.seconds + run.seconds) + "\n");
        Files.move(written, work.resolve("sum"), StandardCopyOption.ATOMIC_MOVE);
        return run;
    }

    private static Run run(Path log) throws IOException {
        long inputs = 0;
        long edges = 0;
        long corpus = 0;
        for (String line : Files.readAllLines(log, StandardCharsets.ISO_8859_1)) {
            Matcher done = DONE.matcher(line);
            if (done.find()) {
                inputs = Long.parseLong(done.group(1));
                edges = Long.parseLong(done.group(2));
                corpus = Long.parseLong(done.group(3));
            }
            Matcher units = UNITS.matcher(line);
            if (units.find()) {
                inputs = Long.parseLong(units.group(1));
            }
        }
        var times = Files.readAttributes(log, BasicFileAttributes.class);
        long millis = times.lastModifiedTime().toMillis() - times.creationTime().toMillis();
        return new Run(inputs, Math.max(1, millis / 1000), edges, corpus);
    }
}
