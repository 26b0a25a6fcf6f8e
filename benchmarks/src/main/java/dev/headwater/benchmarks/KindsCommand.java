package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.benchmarks.OnceCommand.Figures;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Graphs of one prompt with features of different kinds: transcoders' by influence, by total effect, the model's own neurons. */
@Command(
        name = "kinds",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Times graphs of equally many features: transcoders' features chosen by influence and by total effect, and neurons.",
            "Says how much of the first choice the second has, and what becomes of scores. Repetitions alternate."
        })
final class KindsCommand implements Callable<Integer> {
    private static final int TOP = 100;

    @Mixin
    private final GraphOptions graphs = new GraphOptions(7500, 64);

    @Mixin
    private final RealModel real = new RealModel();

    @Mixin
    private final TableOptions tables = new TableOptions(3);

    /** How features come about. */
    private enum Kind {
        INFLUENCE("transcoders, by influence", List.of()),
        TOTAL("transcoders, by total effect", List.of("--rank", "total")),
        NEURONS("neurons", List.of("--neurons"));

        final String label;
        final List<String> options;

        Kind(String label, List<String> options) {
            this.label = label;
            this.options = options;
        }
    }

    /**
     * What one process made.
     *
     * @param chosen features of the graph, the most influential first
     */
    private record Made(Figures figures, double replacement, double completeness, List<String> chosen) {
        static Made read(Path json, long seen) {
            JsonNode all = BoundedJson.read(json);
            List<JsonNode> chosen = new ArrayList<>();
            all.path("chosen").forEach(chosen::add);
            chosen.sort(Comparator.comparingDouble(feature -> -feature.get(1).asDouble()));
            return new Made(
                    Figures.read(json, seen),
                    all.path("replacement").asDouble(),
                    all.path("completeness").asDouble(),
                    chosen.stream().map(feature -> feature.get(0).asText()).toList());
        }

        /** Share of the other's most influential features that are among ours. */
        double overlap(Made other, int most) {
            List<String> theirs = other.chosen.subList(0, Math.min(most, other.chosen.size()));
            Set<String> ours = Set.copyOf(chosen.subList(0, Math.min(most, chosen.size())));
            return theirs.stream().filter(ours::contains).count() / (double) theirs.size();
        }
    }

    @Override
    public Integer call() throws IOException {
        real.wanted();
        int repeat = tables.repeat();
        Table table = new Table(
                "tokens",
                "features",
                "active",
                "choice s",
                "rows s",
                "rows GFLOP",
                "total s",
                "spread",
                "times the first",
                "CPU s",
                "CPU, times the first",
                "peak MiB",
                "replacement",
                "completeness",
                "same features",
                "same of the top " + TOP);
        for (int length : graphs.tokens) {
            rows(table, length, repeat);
        }
        String remark = real.name(graphs.model) + "; " + graphs.features + " features in a graph; "
                + Runtime.getRuntime().availableProcessors() + " threads.";
        System.out.print(table.print(Table.Format.MARKDOWN) + "\n" + remark + "\n");
        tables.record(table.print(Table.Format.MARKDOWN) + "\n" + remark);
        return 0;
    }

    private void rows(Table table, int length, int repeat) throws IOException {
        Path folder = Files.createTempDirectory("headwater-kinds");
        try {
            Path ids = folder.resolve("ids.txt");
            Files.writeString(
                    ids,
                    IntStream.of(real.tokens(graphs.model, length))
                            .mapToObj(Integer::toString)
                            .collect(Collectors.joining(" ")));
            Map<Kind, List<Made>> made = new LinkedHashMap<>();
            for (int round = 1; round <= repeat; round++) {
                for (Kind kind : Kind.values()) {
                    System.err.printf("round %d of %d: %d tokens, %s%n", round, repeat, length, kind.label);
                    made.computeIfAbsent(kind, _ -> new ArrayList<>()).add(run(kind, ids, folder));
                }
            }
            List<Made> bases = requireNonNull(made.get(Kind.INFLUENCE));
            Made first = bases.getFirst();
            double base = median(bases, Figures::total);
            double baseCpu = median(bases, Figures::cpu);
            made.forEach((kind, all) -> {
                Sample total =
                        Sample.of(all.stream().map(one -> one.figures.total()).toList());
                Made one = all.getFirst();
                boolean comparable = kind == Kind.TOTAL;
                table.row(
                        Integer.toString(one.figures.positions()),
                        kind.label,
                        Long.toString(one.figures.active()),
                        number("%.3f", median(all, f -> f.phase("encode", "total effects"))),
                        number("%.3f", median(all, f -> f.phase("logit rows", "feature rows"))),
                        number("%.0f", one.figures.gflop()),
                        number("%.3f", total.median()),
                        number("%.3f to ", total.min()) + number("%.3f", total.sorted()[total.sorted().length - 1]),
                        number("%.2f", total.median() / base),
                        number("%.3f", median(all, Figures::cpu)),
                        number("%.2f", median(all, Figures::cpu) / baseCpu),
                        number("%.0f", median(all, f -> f.peak() / 1048576.0)),
                        number("%.4f", one.replacement),
                        number("%.4f", one.completeness),
                        comparable ? number("%.1f %%", 100 * one.overlap(first, Integer.MAX_VALUE)) : "",
                        comparable ? number("%.0f %%", 100 * one.overlap(first, TOP)) : "");
            });
        } finally {
            Trees.delete(folder);
        }
    }

    private Made run(Kind kind, Path ids, Path folder) throws IOException {
        Path json = folder.resolve("figures.json");
        List<String> arguments = new ArrayList<>(List.of("once"));
        arguments.addAll(real.options(graphs.model));
        arguments.addAll(List.of(
                "--ids",
                ids.toString(),
                "--max-features",
                Integer.toString(graphs.features),
                "--choice",
                "--json",
                json.toString()));
        arguments.addAll(kind.options);
        return Made.read(json, ChildProcess.run(ChildProcess.ownCommand(List.of("-Xmx4g"), arguments), Map.of()));
    }

    private static double median(List<Made> made, ToDoubleFunction<Figures> figure) {
        return Sample.of(made.stream()
                        .map(one -> figure.applyAsDouble(one.figures))
                        .toList())
                .median();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
