package dev.headwater.robustness;

import dev.headwater.engine.UsageException;
import dev.headwater.fuzz.Campaign;
import dev.headwater.fuzz.Campaign.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
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
            description = "For each reader; without it a minute, and with --inputs as long as that takes.")
    private @Nullable Integer seconds;

    @Option(
            names = "--inputs",
            paramLabel = "N",
            description =
                    "Go on until each reader has had so many, those of earlier runs counted: what was ended goes on "
                            + "where it was when it is started again. Readers that were fastest so far come first.")
    private @Nullable Long inputs;

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
    public Integer call() throws IOException, InterruptedException, ExecutionException {
        for (String reader : readers) {
            if (!Campaign.names().contains(reader)) {
                throw new UsageException(
                        "there is no reader '" + reader + "'; there are " + String.join(", ", Campaign.names()));
            }
        }
        if (jobs < 1 || seconds != null && seconds < 1 || inputs != null && inputs < 1) {
            throw new UsageException("--seconds, --inputs and --jobs are at least 1");
        }
        System.out.println("| reader | inputs | over all runs | a second | edges covered | corpus | findings |");
        System.out.println("|---|---|---|---|---|---|---|");
        Campaign campaign = new Campaign(
                Robustness.HOME.resolve("benchmarks/robustness"),
                seconds != null ? seconds : inputs != null ? 0 : 60,
                inputs != null ? inputs : -1);
        Map<String, Double> rates = new LinkedHashMap<>();
        for (String reader : readers.isEmpty() ? Campaign.names() : readers) {
            rates.put(reader, campaign.sum(reader).rate());
        }
        List<String> order = new ArrayList<>(rates.keySet());
        if (inputs != null) {
            order.sort(Comparator.comparing((String reader) -> rates.getOrDefault(reader, 0.0))
                    .reversed());
        }
        boolean fine = true;
        try (ExecutorService threads = Executors.newFixedThreadPool(jobs)) {
            List<Future<Outcome>> outcomes = new ArrayList<>();
            for (String reader : order) {
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
                "| %s | %,d | %,d | %,.0f | %,d | %,d | %s |",
                reader,
                outcome.inputs(),
                outcome.sum().inputs(),
                outcome.sum().rate(),
                outcome.edges(),
                outcome.corpus(),
                outcome.findings().isEmpty() ? "none" : String.join(", ", outcome.findings())));
        return outcome;
    }
}
