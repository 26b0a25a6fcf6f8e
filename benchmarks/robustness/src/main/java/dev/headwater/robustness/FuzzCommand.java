package dev.headwater.robustness;

import dev.headwater.engine.UsageException;
import dev.headwater.fuzz.Campaign;
import dev.headwater.fuzz.Campaign.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "fuzz",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Fuzzes readers of bytes from outside. What breaks one is left in "
                + "benchmarks/robustness/target/fuzz/READER/crash-*.")
final class FuzzCommand implements Callable<Integer> {
    @Parameters(paramLabel = "READER", description = "Which readers; all of them unless named.")
    private List<String> readers = List.of();

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "60",
            description = "For each reader (default ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(
            names = "--runs",
            paramLabel = "N",
            defaultValue = "-1",
            description = "End with a reader after so many inputs, if that is sooner.")
    private long runs;

    @Option(
            names = "--jobs",
            paramLabel = "N",
            defaultValue = "1",
            description = "Readers at a time (default ${DEFAULT-VALUE}).")
    private int jobs;

    @Option(
            names = "--keep",
            description =
                    "Put what takes new ways through the readers into benchmarks/robustness/corpus, which is committed.")
    private boolean keep;

    @Override
    public Integer call() throws InterruptedException, ExecutionException {
        for (String reader : readers) {
            if (!Campaign.names().contains(reader)) {
                throw new UsageException(
                        "there is no reader '" + reader + "'; there are " + String.join(", ", Campaign.names()));
            }
        }
        if (seconds < 1 || jobs < 1) {
            throw new UsageException("--seconds and --jobs are at least 1");
        }
        System.out.println("| reader | inputs | seconds | edges covered | corpus | findings |");
        System.out.println("|---|---|---|---|---|---|");
        Campaign campaign = new Campaign(Robustness.HOME.resolve("benchmarks/robustness"), seconds, runs);
        boolean fine = true;
        try (ExecutorService threads = Executors.newFixedThreadPool(jobs)) {
            List<Future<Outcome>> outcomes = new ArrayList<>();
            for (String reader : readers.isEmpty() ? Campaign.names() : readers) {
                outcomes.add(threads.submit(() -> fuzz(campaign, reader)));
            }
            for (Future<Outcome> outcome : outcomes) {
                fine &= outcome.get().findings().isEmpty();
            }
        }
        return fine ? 0 : 1;
    }

    private Outcome fuzz(Campaign campaign, String reader) throws IOException, InterruptedException {
        Outcome outcome = campaign.run(reader);
        if (keep) {
            campaign.keep(reader);
        }
        System.out.println(String.format(
                Locale.ROOT,
                "| %s | %,d | %d | %d | %d | %s |",
                reader,
                outcome.inputs(),
                outcome.seconds(),
                outcome.edges(),
                outcome.corpus(),
                outcome.findings().isEmpty() ? "none" : String.join(", ", outcome.findings())));
        return outcome;
    }
}
