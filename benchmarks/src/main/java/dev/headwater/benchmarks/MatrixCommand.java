package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.benchmarks.OnceCommand.Figures;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.product.ProductTrial;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedSet;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Whole attributions over models, prompts and settings, each in a process of its own. */
@Command(
        name = "matrix",
        aliases = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Times whole attributions. The first value of each list makes the base; each further value is measured with the others at the base.",
            "Repetitions alternate between configurations; figures are medians with least and greatest."
        })
final class MatrixCommand implements Callable<Integer> {
    @Option(
            names = "--models",
            split = ";",
            paramLabel = "MODEL",
            defaultValue = "bench",
            description =
                    "Random models, separated by ';': bench, small, atlas, or with other sizes as bench:layers=24,features=12288 (default: ${DEFAULT-VALUE}).")
    private List<String> models;

    @Option(
            names = "--tokens",
            split = ",",
            paramLabel = "N",
            defaultValue = "64",
            description = "Prompt lengths (default: ${DEFAULT-VALUE}).")
    private List<String> tokens;

    @Option(
            names = "--max-features",
            split = ",",
            paramLabel = "N",
            defaultValue = "2000",
            description = "Features in the graph (default: ${DEFAULT-VALUE}).")
    private List<String> features;

    @Option(
            names = "--batch-sizes",
            split = ",",
            paramLabel = "N",
            defaultValue = "256",
            description = "Batch sizes (default: ${DEFAULT-VALUE}).")
    private List<String> batchSizes;

    @Option(
            names = "--together",
            split = ",",
            paramLabel = "N",
            defaultValue = "1",
            description =
                    "Prompts side by side, out of as many as the greatest number here; times are for each prompt (default: ${DEFAULT-VALUE}).")
    private List<String> together;

    @Option(
            names = "--dtypes",
            split = ",",
            paramLabel = "TYPE",
            defaultValue = "float32",
            description = "float32, bf16x6, bfloat16 (default: ${DEFAULT-VALUE}).")
    private List<String> dtypes;

    @Option(names = "--threads", split = ",", paramLabel = "N", description = "Threads (default: all processors).")
    private @Nullable List<String> threads;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "cpu, cuda or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(names = "--grid", description = "Measure every combination instead.")
    private boolean grid;

    @Mixin
    private final TableOptions tables = new TableOptions(5);

    @Option(
            names = "--heap",
            paramLabel = "SIZE",
            defaultValue = "2g",
            description = "Java heap of each process, at most (default: ${DEFAULT-VALUE}).")
    private String heap;

    @Option(
            names = "--format",
            defaultValue = "markdown",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Table.Format format;

    /** Values of one run, by name of the list. */
    private record Configuration(Map<String, String> values) {
        String get(String name) {
            return requireNonNull(values.get(name));
        }
    }

    @Override
    public Integer call() throws IOException {
        int repeat = tables.repeat();
        if (threads == null) {
            threads = List.of(Integer.toString(NativeLibraries.threads()));
        }
        Map<String, List<String>> axes = new LinkedHashMap<>();
        axes.put("model", models);
        axes.put("tokens", tokens);
        axes.put("features", features);
        axes.put("batch", batchSizes);
        axes.put("together", together);
        axes.put("dtype", dtypes);
        axes.put("threads", threads);
        List<Configuration> configurations = List.copyOf(grid ? product(axes) : star(axes));
        models.forEach(ModelShape::parse);
        dtypes.forEach(OnceCommand::products);
        MachineLimits limits = MachineLimits.measure();
        System.err.println(limits);
        Map<Configuration, List<Figures>> runs = new LinkedHashMap<>();
        for (int round = 1; round <= repeat; round++) {
            for (Configuration configuration : configurations) {
                System.err.printf("round %d of %d: %s%n", round, repeat, configuration.values);
                runs.computeIfAbsent(configuration, _ -> new ArrayList<>()).add(run(configuration));
            }
        }
        limits = limits.best(MachineLimits.measure());
        Table table = table(configurations, runs, limits, device.equals("cpu") ? errors(configurations) : Map.of());
        System.out.print(table.print(format));
        String growth = grid ? "" : growth(axes, configurations, runs);
        if (format == Table.Format.MARKDOWN) {
            System.out.println("\n" + limits + "\n" + growth);
        }
        tables.record(table.print(Table.Format.MARKDOWN) + "\n" + limits + ".\n" + growth);
        return 0;
    }

    private static SequencedSet<Configuration> product(Map<String, List<String>> axes) {
        Stream<Map<String, String>> all = Stream.of(Map.of());
        for (Map.Entry<String, List<String>> axis : axes.entrySet()) {
            all = all.flatMap(partial -> axis.getValue().stream().map(value -> with(partial, axis.getKey(), value)));
        }
        return all.map(Configuration::new).collect(Collectors.toCollection(java.util.LinkedHashSet::new));
    }

    private static SequencedSet<Configuration> star(Map<String, List<String>> axes) {
        Map<String, String> base = new LinkedHashMap<>();
        axes.forEach((name, values) -> base.put(name, values.getFirst()));
        SequencedSet<Configuration> all = new java.util.LinkedHashSet<>();
        axes.forEach((name, values) -> values.forEach(value -> all.add(new Configuration(with(base, name, value)))));
        return all;
    }

    private static Map<String, String> with(Map<String, String> values, String name, String value) {
        Map<String, String> copy = new LinkedHashMap<>(values);
        copy.put(name, value);
        return copy;
    }

    private Figures run(Configuration configuration) throws IOException {
        BenchmarkModel model = BenchmarkModel.of(configuration.get("model"));
        Path ids = Files.createTempFile("headwater-ids", ".txt");
        Path json = Files.createTempFile("headwater-figures", ".json");
        try {
            int length = Integer.parseInt(configuration.get("tokens"));
            int prompts = together.stream().mapToInt(Integer::parseInt).max().orElseThrow();
            Files.write(
                    ids,
                    IntStream.range(0, prompts)
                            .mapToObj(number -> IntStream.of(model.tokens(length, number))
                                    .mapToObj(Integer::toString)
                                    .collect(Collectors.joining(" ")))
                            .toList());
            long seen = ChildProcess.run(
                    ChildProcess.ownCommand(
                            List.of("-Xmx" + heap, "-Dheadwater.threads=" + configuration.get("threads")),
                            List.of(
                                    "once",
                                    "--model",
                                    model.directory().toString(),
                                    "--ids",
                                    ids.toString(),
                                    "--max-features",
                                    configuration.get("features"),
                                    "--batch-size",
                                    configuration.get("batch"),
                                    "--together",
                                    configuration.get("together"),
                                    "--dtype",
                                    configuration.get("dtype"),
                                    "--device",
                                    device,
                                    "--finish",
                                    "--json",
                                    json.toString())),
                    Map.of());
            return Figures.read(json, seen);
        } catch (NumberFormatException e) {
            throw new HeadwaterException(
                    "--tokens, --max-features, --batch-sizes, --together and --threads are whole numbers", e);
        } finally {
            Files.deleteIfExists(ids);
            Files.deleteIfExists(json);
        }
    }

    private static Table table(
            List<Configuration> configurations,
            Map<Configuration, List<Figures>> runs,
            MachineLimits limits,
            Map<Configuration, Double> errors) {
        Table table = new Table(
                "model",
                "tokens",
                "features",
                "batch",
                "together",
                "dtype",
                "threads",
                "active",
                "load s",
                "forward s",
                "encode s",
                "rows s",
                "total s",
                "spread",
                "prune s",
                "write s",
                "peak MiB",
                "sweep GFLOP",
                "sweep GFLOP/s",
                "share of limit",
                "product error");
        for (Configuration configuration : configurations) {
            List<Figures> figures = requireNonNull(runs.get(configuration));
            double rows = median(figures, f -> f.phase("logit rows", "feature rows"));
            double rate = figures.getFirst().gflop() / rows;
            boolean bf16 = configuration.get("dtype").equals("bfloat16");
            double limit = bf16 ? limits.bf16() : median(figures, Figures::sgemm);
            // The limit of bfloat16 is that of this process's threads, measured before and after all runs.
            boolean comparable = !bf16 || Integer.parseInt(configuration.get("threads")) == NativeLibraries.threads();
            Sample total = Sample.of(figures.stream().map(Figures::total).toList());
            List<String> cells = new ArrayList<>(configuration.values.values());
            cells.add(Long.toString(figures.getFirst().active()));
            for (ToDoubleFunction<Figures> figure : List.<ToDoubleFunction<Figures>>of(
                    Figures::load,
                    f -> f.phase("forward pass"),
                    f -> f.phase("encode"),
                    f -> f.phase("logit rows", "feature rows"),
                    Figures::total)) {
                cells.add(number("%.3f", median(figures, figure)));
            }
            cells.add(number("%.3f to ", total.min()) + number("%.3f", total.sorted()[total.sorted().length - 1]));
            cells.add(number("%.3f", median(figures, Figures::prune)));
            cells.add(number("%.3f", median(figures, Figures::write)));
            cells.add(number("%.0f", median(figures, f -> f.peak() / 1048576.0)));
            cells.add(number("%.1f", figures.getFirst().gflop()));
            cells.add(number("%.0f", rate));
            cells.add(comparable ? number("%.0f %%", 100 * rate / limit) : "");
            cells.add(errors.containsKey(configuration) ? number("%.1e", errors.get(configuration)) : "");
            table.row(cells);
        }
        return table;
    }

    /** Errors of single products at each model's width against float64, root mean square. */
    private static Map<Configuration, Double> errors(List<Configuration> configurations) {
        Map<Configuration, Double> errors = new LinkedHashMap<>();
        for (Configuration configuration : configurations) {
            Products products = OnceCommand.products(configuration.get("dtype"));
            errors.put(
                    configuration,
                    requireNonNull(ProductTrial.run(
                                            ModelShape.parse(configuration.get("model"))
                                                    .width(),
                                            products)
                                    .get(products))
                            .error());
        }
        return errors;
    }

    /** How the total grows along each list of numbers, as the exponent of a power. */
    private static String growth(
            Map<String, List<String>> axes,
            List<Configuration> configurations,
            Map<Configuration, List<Figures>> runs) {
        StringBuilder text = new StringBuilder();
        axes.forEach((name, values) -> {
            if (values.size() < 3 || !values.stream().allMatch(value -> value.matches("\\d+"))) {
                return;
            }
            List<Configuration> along = configurations.stream()
                    .filter(c -> axes.keySet().stream()
                            .allMatch(other -> other.equals(name)
                                    || c.get(other)
                                            .equals(requireNonNull(axes.get(other))
                                                    .getFirst())))
                    .toList();
            double[] x = along.stream()
                    .mapToDouble(c -> Double.parseDouble(c.get(name)))
                    .toArray();
            double[] y = along.stream()
                    .mapToDouble(c -> median(requireNonNull(runs.get(c)), Figures::total))
                    .toArray();
            text.append(number("The total grows as " + name + " to the power %.2f", Sample.exponent(x, y)));
            int n = x.length;
            text.append(number(" (%.2f", Sample.exponent(new double[] {x[0], x[1]}, new double[] {y[0], y[1]})))
                    .append(number(
                            " between the first two, %.2f between the last two).%n",
                            Sample.exponent(new double[] {x[n - 2], x[n - 1]}, new double[] {y[n - 2], y[n - 1]})));
        });
        return text.toString();
    }

    private static double median(List<Figures> figures, ToDoubleFunction<Figures> figure) {
        return Sample.of(figures.stream().map(figure::applyAsDouble).toList()).median();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
