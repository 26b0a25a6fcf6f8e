package dev.headwater.robustness;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.Trees;
import dev.headwater.faults.Faults;
import dev.headwater.faults.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "faults",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Kills, stalls, fills, cuts, races, lies to and loads Headwater, and looks what is lost.")
final class FaultsCommand implements Callable<Integer> {
    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "20",
            description = "How often each fault is tried (default ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--minutes",
            paramLabel = "N",
            defaultValue = "20",
            description = "How long slow clients stay (default ${DEFAULT-VALUE}); may be a fraction.")
    private double minutes;

    @Option(
            names = "--soon",
            paramLabel = "SECONDS",
            defaultValue = "1",
            description = "In which an ordinary client is answered meanwhile (default ${DEFAULT-VALUE}).")
    private double soon;

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (rounds < 1 || !(minutes > 0 && minutes < 100_000) || !(soon > 0 && soon < 1000)) {
            throw new UsageException("--rounds, --minutes and --soon are over 0");
        }
        Path work = Files.createDirectories(Robustness.HOME.resolve("benchmarks/robustness/target"));
        Path directory = Files.createTempDirectory(work, "faults");
        List<Row> rows = new ArrayList<>();
        System.out.println("| fault | tried | survived | lost | |");
        System.out.println("|---|---|---|---|---|");
        Faults.run(directory, rounds, millis(60_000 * minutes), millis(1000 * soon), row -> {
            rows.add(row);
            System.out.println(String.format(
                    Locale.ROOT,
                    "| %s | %,d | %,d | %,d | %s |",
                    row.fault(),
                    row.tried(),
                    row.survived(),
                    row.lost(),
                    row.note().replaceAll("[\\p{Cc}|]", " ")));
        });
        boolean fine = rows.stream().allMatch(row -> row.lost() == 0);
        if (fine) {
            Trees.delete(directory);
        }
        return fine ? 0 : 1;
    }

    private static Duration millis(double millis) {
        return Duration.ofMillis((long) millis);
    }
}
