package dev.headwater.benchmarks;

import dev.headwater.benchmarks.OnceCommand.Figures;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Long texts traced whole: time, and memory beside what is said of it beforehand. */
@Command(
        name = "answers",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Traces a text's own tokens at more and more of its last positions, within a stated memory, each time in a process of its own.",
            "plan is what 'headwater plan' says, with the features that it guesses and with as many as were active."
        })
final class AnswersCommand implements Callable<Integer> {
    @Mixin
    private final GraphOptions graphs = new GraphOptions(2000, 2048);

    @Mixin
    private final RealModel real = new RealModel();

    @Mixin
    private final TableOptions tables = new TableOptions(1);

    @Option(
            names = "--outputs",
            split = ",",
            paramLabel = "N",
            defaultValue = "1,256",
            description = "Positions that are explained (default: ${DEFAULT-VALUE}).")
    private List<Integer> outputs;

    @Option(
            names = "--memory",
            paramLabel = "GB",
            defaultValue = "0.5",
            description = "Memory for gradients and decoder vectors (default: ${DEFAULT-VALUE}).")
    private double memory;

    @Option(
            names = "--heap",
            paramLabel = "SIZE",
            defaultValue = "1g",
            description = "Java heap (default: ${DEFAULT-VALUE}).")
    private String heap;

    @Override
    public Integer call() throws IOException {
        real.wanted();
        if (!(memory > 0 && memory < 1e6) || outputs.stream().anyMatch(count -> count < 1)) {
            throw new UsageException("--memory is a number of gigabytes above 0, --outputs are numbers of at least 1");
        }
        Table table = new Table(
                "tokens",
                "outputs",
                "active",
                "features",
                "forward s",
                "rows s",
                "total s",
                "plan, guessed MiB",
                "plan MiB",
                "peak MiB");
        for (int length : graphs.tokens) {
            for (int count : outputs) {
                for (int round = 0; round < tables.repeat(); round++) {
                    System.err.printf("%d tokens, %d outputs%n", length, count);
                    row(table, length, count);
                }
            }
        }
        String remark = String.format(
                Locale.ROOT,
                "%s; %.3g GB for gradients and decoder vectors, a Java heap of up to %s; %d threads. The peak is the whole process's, Java and what it maps of the weights included.",
                real.name(graphs.model),
                memory,
                heap,
                Runtime.getRuntime().availableProcessors());
        System.out.print(table.print(Table.Format.MARKDOWN) + "\n" + remark + "\n");
        tables.record(table.print(Table.Format.MARKDOWN) + "\n" + remark);
        return 0;
    }

    private void row(Table table, int length, int count) throws IOException {
        Path folder = Files.createTempDirectory("headwater-answers");
        try {
            Path ids = folder.resolve("ids.txt");
            Files.writeString(
                    ids,
                    IntStream.of(real.tokens(graphs.model, length))
                            .mapToObj(Integer::toString)
                            .collect(Collectors.joining(" ")));
            Path json = folder.resolve("figures.json");
            List<String> arguments = new ArrayList<>(List.of("once"));
            arguments.addAll(real.options(graphs.model));
            arguments.addAll(List.of(
                    "--ids",
                    ids.toString(),
                    "--max-features",
                    Integer.toString(graphs.features),
                    "--outputs",
                    Integer.toString(count),
                    "--memory",
                    Long.toString((long) (memory * 1e9)),
                    "--finish",
                    "--json",
                    json.toString()));
            long seen = ChildProcess.run(ChildProcess.ownCommand(List.of("-Xmx" + heap), arguments), Map.of());
            Figures figures = Figures.read(json, seen);
            var planned = BoundedJson.read(json);
            table.row(
                    Integer.toString(length),
                    Integer.toString(count),
                    Long.toString(figures.active()),
                    Long.toString(figures.selected()),
                    String.format(Locale.ROOT, "%.2f", figures.phase("forward pass")),
                    String.format(Locale.ROOT, "%.2f", figures.phase("logit rows", "feature rows")),
                    String.format(Locale.ROOT, "%.2f", figures.total()),
                    mebibytes(planned.path("guess").asLong()),
                    mebibytes(planned.path("plan").asLong()),
                    mebibytes(figures.peak()));
        } finally {
            Trees.delete(folder);
        }
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.0f", bytes / 1048576.0);
    }
}
