package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.benchmarks.OnceCommand.Figures;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.product.ProductTrial;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The same attribution by circuit-tracer and by Headwater, turn by turn, each in a process of its own. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Side by side with circuit-tracer: the same random model, prompt, settings and threads, alternating, medians of several processes.",
            "Prints times, memory and ratios, and whether both made the same graph."
        })
final class CompareCommand implements Callable<Integer> {
    private static final String MIB = "peak memory, MiB";

    @Spec
    private CommandSpec spec;

    @Mixin
    private Reference reference;

    @Mixin
    private final RealModel real = new RealModel();

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            defaultValue = "bench",
            description = "Random model (default: ${DEFAULT-VALUE}).")
    private String model;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "Length of the prompt (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            defaultValue = "2000",
            description = "Features in the graph (default: ${DEFAULT-VALUE}).")
    private int maxFeatures;

    @Option(
            names = "--batch-sizes",
            split = ",",
            paramLabel = "N",
            defaultValue = "16,256",
            description = "Batch sizes; give circuit-tracer's best beside its default (default: ${DEFAULT-VALUE}).")
    private List<Integer> batchSizes;

    @Option(
            names = "--dtypes",
            split = ",",
            paramLabel = "TYPE",
            defaultValue = "float32",
            description =
                    "Headwater's modes: float32, bf16x6, bfloat16; circuit-tracer runs in float32 (default: ${DEFAULT-VALUE}).")
    private List<String> dtypes;

    @Option(
            names = "--repeat",
            split = ",",
            paramLabel = "N",
            defaultValue = "5",
            description = "Processes of each; one number, or one for each batch size (default: ${DEFAULT-VALUE}).")
    private List<Integer> repeats;

    @Option(names = "--cold", description = "No short attribution before the measured one, in either.")
    private boolean cold;

    @Option(
            names = "--heap",
            paramLabel = "SIZE",
            defaultValue = "512m",
            description = "Headwater's Java heap, at most (default: ${DEFAULT-VALUE}).")
    private String heap;

    @Option(
            names = "--record",
            paramLabel = "SECTION",
            arity = "0..1",
            description = "Keep the tables in RESULTS.md, under the command's name or another section that is there.")
    private @Nullable String record;

    /** One who takes part: circuit-tracer at a batch size, or Headwater in a mode with the same settings. */
    private record Contender(int batchSize, @Nullable String dtype) {
        boolean isReference() {
            return dtype == null;
        }

        @Override
        public String toString() {
            return isReference() ? "circuit-tracer" : "Headwater, " + dtype;
        }
    }

    @Override
    public Integer call() throws IOException {
        if (repeats.stream().anyMatch(repeat -> repeat < 1) || tokens < 2) {
            throw new UsageException("--repeat must be at least 1 and --tokens at least 2");
        }
        if (repeats.size() != 1 && repeats.size() != batchSizes.size()) {
            throw new UsageException(
                    "--repeat has " + repeats.size() + " numbers for " + batchSizes.size() + " batch sizes");
        }
        reference.check();
        dtypes.forEach(OnceCommand::products);
        System.setProperty("headwater.threads", Integer.toString(reference.threads()));
        real.wanted();
        Path folder = Files.createTempDirectory("headwater-compare");
        try {
            Path ids = folder.resolve("ids.txt");
            Files.writeString(
                    ids,
                    IntStream.of(real.tokens(model, tokens))
                            .mapToObj(Integer::toString)
                            .collect(Collectors.joining(" ")));
            List<Contender> contenders = new ArrayList<>();
            for (int batchSize : batchSizes) {
                contenders.add(new Contender(batchSize, null));
                dtypes.forEach(dtype -> contenders.add(new Contender(batchSize, dtype)));
            }
            MachineLimits limits = MachineLimits.measure();
            Map<Contender, List<Figures>> runs = new LinkedHashMap<>();
            for (int round = 1; round <= Collections.max(repeats); round++) {
                for (Contender contender : contenders) {
                    int repeat = repeat(contender.batchSize);
                    if (round > repeat) {
                        continue;
                    }
                    Figures figures = run(contender, ids, folder, round == repeat);
                    runs.computeIfAbsent(contender, _ -> new ArrayList<>()).add(figures);
                    System.err.printf(
                            Locale.ROOT,
                            "round %d of %d, batch size %d, %s: %.2f s, %d MiB%n",
                            round,
                            repeat,
                            contender.batchSize,
                            contender,
                            figures.total(),
                            figures.peak() >> 20);
                }
            }
            String body = report(runs, folder, limits.best(MachineLimits.measure()));
            System.out.print(body);
            if (record != null) {
                Benchmarks.RESULTS.put(
                        record.isEmpty() ? "compare" : record,
                        Benchmarks.commandLine(
                                spec, spec.commandLine().getParseResult().originalArgs()),
                        body);
            }
            return 0;
        } finally {
            Trees.delete(folder);
        }
    }

    private Figures run(Contender contender, Path ids, Path folder, boolean keep) throws IOException {
        Path json = folder.resolve("figures.json");
        List<String> arguments = new ArrayList<>(List.of(contender.isReference() ? "attribute" : "once"));
        arguments.addAll(real.options(model));
        arguments.addAll(List.of(
                "--ids",
                ids.toString(),
                "--max-features",
                Integer.toString(maxFeatures),
                "--batch-size",
                Integer.toString(contender.batchSize),
                "--json",
                json.toString()));
        if (cold) {
            arguments.add("--cold");
        }
        if (keep) {
            arguments.addAll(List.of("--graph", graph(contender, folder).toString()));
        }
        String dtype = contender.dtype;
        long seen;
        if (dtype == null) {
            seen = reference.run(arguments);
        } else {
            arguments.addAll(List.of("--dtype", dtype));
            seen = ChildProcess.run(
                    ChildProcess.ownCommand(
                            List.of("-Xmx" + heap, "-Dheadwater.threads=" + reference.threads()), arguments),
                    Map.of());
        }
        // Writing the kept graph takes memory too: that of the process up to the end of attribution is what it says
        // itself.
        Figures figures = Figures.read(json, keep ? 0 : seen);
        Files.delete(json);
        return figures;
    }

    private static Path graph(Contender contender, Path folder) {
        return folder.resolve(
                contender.batchSize + "-" + (contender.isReference() ? "reference" : contender.dtype) + ".safetensors");
    }

    private int repeat(int batchSize) {
        return repeats.get(repeats.size() == 1 ? 0 : batchSizes.indexOf(batchSize));
    }

    /** Batch sizes change little but the speed: so each side is also shown at its own best. */
    private String atTheirBest(Map<Contender, List<Figures>> runs) {
        Contender reference = fastest(runs, null);
        StringBuilder text = new StringBuilder();
        for (String dtype : dtypes) {
            Contender own = fastest(runs, dtype);
            double theirs = sample(runs, reference, Figures::total).median();
            double ours = sample(runs, own, Figures::total).median();
            text.append("\n%s at its best batch size, %d: %.2f s; circuit-tracer at its best, %d: %.2f s; ratio %.1f.  "
                    .formatted(own, own.batchSize, ours, reference.batchSize, theirs, theirs / ours));
        }
        return text.append('\n').toString();
    }

    private Contender fastest(Map<Contender, List<Figures>> runs, @Nullable String dtype) {
        return batchSizes.stream()
                .map(batchSize -> new Contender(batchSize, dtype))
                .min(Comparator.comparingDouble(
                        contender -> sample(runs, contender, Figures::total).median()))
                .orElseThrow();
    }

    private String report(Map<Contender, List<Figures>> runs, Path folder, MachineLimits limits) throws IOException {
        Map<String, ToDoubleFunction<Figures>> rows = new LinkedHashMap<>();
        rows.put("forward pass, encoding, s", f -> f.phase("setup", "forward pass", "encode"));
        rows.put("logit rows, s", f -> f.phase("logit rows"));
        rows.put("feature rows, s", f -> f.phase("feature rows"));
        rows.put("rest, s", f -> f.total() - f.phase("setup", "forward pass", "encode", "logit rows", "feature rows"));
        rows.put("**attribution, s**", Figures::total);
        rows.put("attribution, CPU s", Figures::cpu);
        rows.put("loading the model, s", Figures::load);
        rows.put(MIB, f -> f.peak() / 1048576.0);

        StringBuilder text = new StringBuilder();
        text.append("Model: ")
                .append(real.name(model))
                .append(". ")
                .append(tokens)
                .append(" tokens, ")
                .append(maxFeatures)
                .append(" features, ")
                .append(reference.threads())
                .append(" threads; processes in turn, ")
                .append(batchSizes.stream()
                        .map(size -> repeat(size) + " of each at batch size " + size)
                        .collect(Collectors.joining(", ")))
                .append("; medians (least to greatest).\n");
        for (int batchSize : batchSizes) {
            Contender theirs = new Contender(batchSize, null);
            List<Contender> ours = dtypes.stream()
                    .map(dtype -> new Contender(batchSize, dtype))
                    .toList();
            List<String> columns = new ArrayList<>(List.of("batch size " + batchSize, theirs.toString()));
            ours.forEach(contender -> columns.addAll(List.of(contender.toString(), "ratio")));
            Table table = new Table(columns);
            rows.forEach((name, figure) -> {
                String format = name.equals(MIB) ? "%.0f" : "%.3f";
                Sample reference = sample(runs, theirs, figure);
                List<String> cells = new ArrayList<>(List.of(name, reference.spread(format)));
                for (Contender contender : ours) {
                    Sample own = sample(runs, contender, figure);
                    cells.add(own.spread(format));
                    cells.add(
                            own.median() < 5e-4
                                    ? ""
                                    : String.format(Locale.ROOT, "%.1f", reference.median() / own.median()));
                }
                table.row(cells);
            });
            text.append("\n").append(table.print(Table.Format.MARKDOWN)).append("\n");
            for (Contender contender : ours) {
                text.append(contender)
                        .append(": ")
                        .append(difference(graph(theirs, folder), graph(contender, folder)))
                        .append("  \n");
                Figures figures = requireNonNull(runs.get(contender)).getFirst();
                double rate = figures.gflop()
                        / sample(runs, contender, f -> f.phase("logit rows", "feature rows"))
                                .median();
                text.append(String.format(
                        Locale.ROOT,
                        "Rows over the causal cone: %.0f GFLOP, %.0f GFLOP/s, %.0f %% of a float32 matrix product right after; "
                                + "error of a product against float64 %.1e.  %n",
                        figures.gflop(),
                        rate,
                        100 * rate / sample(runs, contender, Figures::sgemm).median(),
                        error(contender)));
            }
        }
        return text.append(atTheirBest(runs))
                .append("\nLimits of the machine: ")
                .append(limits)
                .append(".\n")
                .toString();
    }

    /** What was measured stands, also where lower precision chose other targets. */
    private static String difference(Path theirs, Path ours) {
        try {
            return GraphDifference.between(theirs, ours).toString();
        } catch (HeadwaterException e) {
            return "another graph: its targets, the likeliest next tokens up to a sum of 95 %, are not the same ones";
        }
    }

    private double error(Contender contender) throws IOException {
        Products products = OnceCommand.products(requireNonNull(contender.dtype));
        return requireNonNull(ProductTrial.run(real.width(model), products).get(products))
                .error();
    }

    private static Sample sample(
            Map<Contender, List<Figures>> runs, Contender contender, ToDoubleFunction<Figures> figure) {
        return Sample.of(requireNonNull(runs.get(contender)).stream()
                .map(figure::applyAsDouble)
                .toList());
    }
}
