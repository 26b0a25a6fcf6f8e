package dev.headwater.benchmarks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.Estimate;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.Rank;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** One attribution, or several, in a process of its own, for commands that compare processes. */
@Command(name = "once", hidden = true)
final class OnceCommand implements Callable<Integer> {
    /** The attribution that wakes up libraries and the JIT compiler before the measured one. */
    private static final int WARM_TOKENS = 8;

    private static final int WARM_FEATURES = 16;

    @Option(names = "--model", description = "Directory with model and transcoders in it.")
    private Path directory;

    @Option(names = "--checkpoint")
    private @Nullable Path checkpoint;

    @Option(names = "--transcoders")
    private @Nullable Path transcoders;

    @Option(names = "--neurons", description = "The model's own neurons are the features.")
    private boolean neurons;

    @Option(names = "--rank", defaultValue = "influence")
    private String rank;

    @Option(names = "--choice", description = "Say which features the graph has, their influence and the scores.")
    private boolean choice;

    @Option(names = "--ids", required = true, description = "File with token ids, a prompt on each line.")
    private Path ids;

    @Option(
            names = "--together",
            defaultValue = "1",
            description = "Prompts side by side; the groups go one after the other.")
    private int together;

    @Option(names = "--max-features", defaultValue = "2000")
    private int maxFeatures;

    @Option(
            names = "--max-logits",
            description = "Targets at most; those of a share of probability as ever if it is left out.")
    private int maxLogits;

    @Option(
            names = "--outputs",
            description = "Explain the text's own tokens at this many of its last positions, and say what 'plan' says.")
    private int outputs;

    @Option(names = "--memory", description = "Bytes for gradients and decoder vectors.")
    private long memory;

    @Option(names = "--batch-size", defaultValue = "256")
    private int batchSize;

    @Option(names = "--update-interval", defaultValue = "4")
    private int updateInterval;

    @Option(names = "--dtype", defaultValue = "float32")
    private String dtype;

    @Option(names = "--device", defaultValue = "cpu")
    private String device;

    @Option(names = "--cold")
    private boolean cold;

    @Option(names = "--finish", description = "Prune and write the graph for front ends too.")
    private boolean finish;

    @Option(names = "--graph", description = "Where to keep the graph.")
    private @Nullable Path graphFile;

    @Option(names = "--json", required = true, description = "Where the figures go.")
    private Path json;

    @Override
    public Integer call() throws IOException {
        AttributionOptions options = AttributionOptions.DEFAULT
                .withTargets(
                        maxLogits > 0 ? new OutputTargets.Salient(maxLogits, 1) : AttributionOptions.DEFAULT.targets())
                .withMaxFeatures(maxFeatures)
                .withBatchSize(batchSize)
                .withUpdateInterval(updateInterval)
                .withRank(Rank.of(rank, "--rank"))
                .withMemory(memory);
        List<int[]> prompts = Files.readAllLines(ids).stream()
                .map(line -> Stream.of(line.strip().split("\\s+"))
                        .mapToInt(Integer::parseInt)
                        .toArray())
                .toList();
        long start = System.nanoTime();
        try (ReplacementModel model = open()) {
            double load = seconds(start);
            if (!cold) {
                int[] first = prompts.getFirst();
                int[] few = Arrays.copyOf(first, Math.min(WARM_TOKENS, first.length));
                Attribution.of(model, model.prompt(few), options.withMaxFeatures(WARM_FEATURES), Progress.NONE)
                        .close();
            }
            ObjectNode figures = BoundedJson.mapper().createObjectNode();
            figures.put("load", load);
            double total = 0;
            double cpu = 0;
            double gflop = 0;
            Map<String, Double> phases = new LinkedHashMap<>();
            for (int from = 0; from < prompts.size(); from += together) {
                List<Attribution.Request> requests =
                        prompts.subList(from, Math.min(from + together, prompts.size())).stream()
                                .map(tokens -> new Attribution.Request(
                                        model.prompt(tokens),
                                        outputs > 0 ? options.withTargets(last(tokens.length)) : options))
                                .toList();
                double before = Machine.cpuSeconds();
                start = System.nanoTime();
                List<AttributionGraph> graphs = Attribution.attributeAll(model, requests, Progress.NONE);
                try {
                    total += seconds(start);
                    cpu += Machine.cpuSeconds() - before;
                    graphs.getFirst()
                            .provenance()
                            .seconds()
                            .forEach((phase, seconds) -> phases.merge(phase, seconds, Double::sum));
                    gflop += graphs.stream()
                            .mapToDouble(graph -> SweepWork.gflop(model, graph))
                            .sum();
                    if (from == 0) {
                        describe(graphs.getFirst(), figures);
                        if (outputs > 0) {
                            plan(model, graphs.getFirst(), figures);
                        }
                    }
                } finally {
                    graphs.forEach(AttributionGraph::close);
                }
            }
            int count = prompts.size();
            figures.put("total", total / count)
                    .put("cpu", cpu / count)
                    .put("gflop", gflop / count)
                    .put("sgemm", MachineLimits.sgemmNow());
            ObjectNode each = figures.putObject("phases");
            phases.forEach((phase, seconds) -> each.put(phase, seconds / count));
            Files.write(json, BoundedJson.mapper().writeValueAsBytes(figures));
        }
        return 0;
    }

    private ReplacementModel open() {
        ReplacementModel.Options options = options(products(dtype)).withDevice(Cuda.device(device));
        Path model = checkpoint != null ? checkpoint : directory.resolve("model");
        return neurons
                ? ReplacementModel.ofNeurons(model, options)
                : ReplacementModel.open(
                        model, transcoders != null ? transcoders : directory.resolve("transcoders"), options);
    }

    private OutputTargets last(int tokens) {
        int last = tokens - 2;
        return new OutputTargets.Text(
                IntStream.rangeClosed(Math.max(0, last - outputs + 1), last)
                        .boxed()
                        .toList(),
                (OutputTargets.Salient) OutputTargets.SALIENT);
    }

    /** What {@code headwater plan} says of this graph, with the active features that it guesses and with those that there are. */
    private void plan(ReplacementModel model, AttributionGraph graph, ObjectNode figures) {
        DoubleFunction<Long> at = active -> Estimate.of(
                        model.model().config(),
                        model.basis().features(),
                        model.basis().crossLayer(),
                        graph.positions(),
                        active,
                        maxFeatures,
                        outputs,
                        model.dtype(),
                        memory)
                .memory();
        figures.put("plan", at.apply((double) graph.active().count() / graph.positions()))
                .put(
                        "guess",
                        at.apply(Estimate.activePerToken(
                                model.layers(), model.basis().features())));
    }

    /** Figures of one graph; the memory is what was taken up to here. */
    private void describe(AttributionGraph graph, ObjectNode figures) throws IOException {
        figures.put("positions", graph.positions())
                .put("active", graph.active().count())
                .put("selected", graph.featureCount());
        figures.put("peak", Machine.peakMemory())
                .put("edges", graph.edges().size())
                .put("nodes", graph.size());
        if (finish) {
            finish(graph, figures);
        }
        if (choice) {
            choice(graph, figures);
        }
        if (graphFile != null) {
            GraphFile.write(graph, graphFile);
        }
    }

    private static void choice(AttributionGraph graph, ObjectNode figures) {
        Influence influence = Influence.of(graph);
        Scores scores = Scores.of(graph, influence);
        figures.put("replacement", scores.replacement()).put("completeness", scores.completeness());
        ArrayNode chosen = figures.putArray("chosen");
        int[] selected = graph.selected();
        for (int i = 0; i < selected.length; i++) {
            chosen.addArray()
                    .add(graph.active().ref(selected[i]).toString())
                    .add(influence.node()[i]);
        }
    }

    private static void finish(AttributionGraph graph, ObjectNode figures) throws IOException {
        long start = System.nanoTime();
        Pruning pruning = Pruning.of(graph, 0.8, 0.98);
        figures.put("prune", seconds(start));
        Path folder = Files.createTempDirectory("headwater-benchmark");
        start = System.nanoTime();
        GraphJson.write(graph, pruning, GraphJson.Options.of("benchmark"), folder);
        figures.put("write", seconds(start));
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    /** How the products of a mode are computed, by the name it has in lists and tables. */
    static Products products(String mode) {
        return Stream.of(Products.values())
                .filter(products -> products.toString().equals(mode))
                .findFirst()
                .orElseThrow(() ->
                        new UsageException("There is no mode '" + mode + "'; there are float32, bf16x6 and bfloat16"));
    }

    private static ReplacementModel.Options options(Products products) {
        return ReplacementModel.Options.DEFAULT
                .withDtype(products == Products.BFLOAT16 ? DType.BF16 : DType.F32)
                .withProducts(products);
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    /**
     * What one process measured; the reference's script writes the same. Times and GFLOP are means over its prompts,
     * all else is the first prompt's.
     *
     * @param sgemm  GFLOP/s of a float32 matrix product right after, with the same threads; 0 if not measured
     * @param cpu    seconds that processors were busy with it, all together; NaN if not measured
     * @param phases seconds by name
     * @param peak   resident memory in bytes, of the whole process tree
     */
    record Figures(
            double load,
            double total,
            double cpu,
            double sgemm,
            Map<String, Double> phases,
            int positions,
            long active,
            long selected,
            double gflop,
            double prune,
            double write,
            long peak) {
        /** @param seen the largest memory that was seen from outside */
        static Figures read(Path json, long seen) {
            var figures = BoundedJson.read(json);
            Map<String, Double> phases = new LinkedHashMap<>();
            figures.path("phases")
                    .properties()
                    .forEach(
                            phase -> phases.put(phase.getKey(), phase.getValue().asDouble()));
            return new Figures(
                    figures.path("load").asDouble(),
                    figures.path("total").asDouble(),
                    figures.path("cpu").asDouble(Double.NaN),
                    figures.path("sgemm").asDouble(),
                    phases,
                    figures.path("positions").asInt(),
                    figures.path("active").asLong(),
                    figures.path("selected").asLong(),
                    figures.path("gflop").asDouble(),
                    figures.path("prune").asDouble(),
                    figures.path("write").asDouble(),
                    Math.max(seen, figures.path("peak").asLong()));
        }

        double phase(String... names) {
            return Stream.of(names)
                    .mapToDouble(name -> phases.getOrDefault(name, 0.0))
                    .sum();
        }
    }
}
