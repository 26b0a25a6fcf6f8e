package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.features.FeatureBuild;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How fast {@code features build} reads and writes, beside the matrix product. */
@Command(
        name = "feature-build",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Times gathering evidence about features from short documents: tokens a second beside what the matrix product allows, and writing.")
final class FeatureBuildCommand implements Callable<Integer> {
    @Option(
            names = "--checkpoint",
            paramLabel = "FILE",
            description = "The model; with --transcoders (default: the bundled one).")
    private @Nullable Path checkpoint;

    @Option(names = "--transcoders", paramLabel = "DIR", description = "The model's transcoders.")
    private @Nullable Path transcoders;

    @Option(
            names = "--corpus",
            paramLabel = "FILE",
            description = "A document a line (default: the lines of this repository's documents).")
    private @Nullable Path corpus;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "20000",
            description = "Of the text (default: ${DEFAULT-VALUE}).")
    private long tokens;

    @Mixin
    private final TableOptions tables = new TableOptions(3);

    /** Seconds and units of the phases that a build goes through. */
    private static final class Clock implements Progress {
        private final Map<String, Double> seconds = new LinkedHashMap<>();
        private final Map<String, Long> units = new LinkedHashMap<>();
        private String current = "start";
        private long since = System.nanoTime();
        private long done;

        @Override
        public void phase(String name, long total) {
            end();
            current = name.split(" ")[0];
            units.merge(current + " of", Math.max(0, total), Long::sum);
        }

        @Override
        public void advance(long now) {
            done = now;
        }

        void end() {
            seconds.merge(current, (System.nanoTime() - since) / 1e9, Double::sum);
            units.merge(current, done, Long::sum);
            since = System.nanoTime();
            done = 0;
        }

        double seconds(String phase) {
            return seconds.getOrDefault(phase, 0.0);
        }

        long units(String phase) {
            return units.getOrDefault(phase, 0L);
        }
    }

    @Override
    public Integer call() throws IOException {
        if ((checkpoint == null) != (transcoders == null)) {
            throw new UsageException("A model of your own needs --checkpoint and --transcoders");
        }
        Path folder = Files.createTempDirectory("headwater-features");
        try (ReplacementModel model = checkpoint != null && transcoders != null
                ? ReplacementModel.open(checkpoint, transcoders, ReplacementModel.Options.DEFAULT)
                : ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT)) {
            Corpus text = new Corpus(List.of(corpus != null ? corpus : documents(folder)));
            List<Double> reading = new ArrayList<>();
            List<Double> writing = new ArrayList<>();
            List<Double> share = new ArrayList<>();
            Clock clock = new Clock();
            for (int round = 0; round <= tables.repeat(); round++) {
                clock = new Clock();
                FeatureBuild.run(
                        model,
                        text,
                        FeatureBuild.Options.DEFAULT.withMaxTokens(tokens),
                        folder.resolve("out" + round),
                        clock);
                clock.end();
                if (round > 0) { // the first wakes Java up
                    double rate = clock.units("tokens") / clock.seconds("activations");
                    reading.add(rate);
                    share.add(100 * rate * operations(model) / (1e9 * MachineLimits.sgemmNow()));
                    writing.add(1000 * clock.seconds("records") / clock.units("records of"));
                }
                Trees.delete(folder.resolve("out" + round));
            }
            Table table =
                    new Table("tokens", "windows", "features", "tokens a second", "% of the product", "ms a feature");
            table.row(
                    Long.toString(clock.units("tokens")),
                    Long.toString(clock.units("activations of")),
                    Long.toString(clock.units("records of")),
                    Sample.of(reading).spread("%.0f"),
                    Sample.of(share).spread("%.0f"),
                    Sample.of(writing).spread("%.2f"));
            String body = table.print(Table.Format.MARKDOWN)
                    + String.format(
                            Locale.ROOT,
                            "%n%s, %d threads; %d builds after one that does not count.%n",
                            checkpoint == null ? "atlas" : checkpoint.getFileName(),
                            Runtime.getRuntime().availableProcessors(),
                            tables.repeat());
            System.out.print(body);
            tables.record(body);
            return 0;
        } finally {
            Trees.delete(folder);
        }
    }

    /** Multiplications and additions that a token costs: all weights but the embeddings, and the encoders. */
    private static double operations(ReplacementModel model) {
        var config = model.model().config();
        long embeddings = (long) config.width() * config.vocab() * (config.tied() ? 1 : 2);
        return 2.0 * (config.parameters() - embeddings)
                + 2.0 * model.layers() * model.basis().features() * config.width();
    }

    private static Path documents(Path folder) throws IOException {
        List<Path> files = new ArrayList<>(List.of(Benchmarks.HOME.resolve("README.md")));
        try (Stream<Path> docs = Files.list(Benchmarks.HOME.resolve("engine/docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(files::add);
        }
        List<String> lines = new ArrayList<>();
        for (Path file : files) {
            lines.addAll(Files.readAllLines(file));
        }
        if (lines.isEmpty()) {
            throw new HeadwaterException("This repository has no documents in " + Benchmarks.HOME);
        }
        return Files.writeString(
                folder.resolve("corpus.txt"),
                lines.stream().filter(line -> line.length() > 20).collect(Collectors.joining("\n")));
    }
}
