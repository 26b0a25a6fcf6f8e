package dev.headwater.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.attention.ScoreSources;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What explaining attention costs beside the graph itself. */
@Command(
        name = "attention",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Times a graph, the head loadings of all its edges once it is pruned, and explanations of scores, each repetition in a process of its own.",
            "The graph is pruned to as many nodes as are asked for; scores are of the middle and the top layer, from the last position."
        })
final class AttentionCommand implements Callable<Integer> {
    private static final int WARM_TOKENS = 8;
    private static final int PAIRS = 10;

    @Mixin
    private final GraphOptions graphs = new GraphOptions(2000, 64, 300);

    @Option(
            names = "--nodes",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Nodes of the pruned graph, about (default: ${DEFAULT-VALUE}).")
    private int nodes;

    @Mixin
    private final TableOptions tables = new TableOptions(5);

    @Option(names = "--once", hidden = true)
    private @Nullable Path once;

    @Override
    public Integer call() throws IOException {
        int repeat = tables.repeat();
        if (nodes < 1 || graphs.features < 0 || graphs.tokens.stream().anyMatch(length -> length < WARM_TOKENS)) {
            throw new UsageException(
                    "--nodes must be at least 1, --max-features at least 0, --tokens at least " + WARM_TOKENS);
        }
        BenchmarkModel random = BenchmarkModel.of(graphs.model);
        if (once != null) {
            Files.write(once, BoundedJson.mapper().writeValueAsBytes(measure(random)));
            return 0;
        }
        List<List<JsonNode>> runs = new ArrayList<>();
        graphs.tokens.forEach(_ -> runs.add(new ArrayList<>()));
        for (int round = 1; round <= repeat; round++) {
            for (int i = 0; i < graphs.tokens.size(); i++) {
                System.err.printf("round %d of %d: %d tokens%n", round, repeat, graphs.tokens.get(i));
                runs.get(i).add(run(graphs.tokens.get(i)));
            }
        }
        Table table = new Table(
                "tokens",
                "nodes",
                "edges",
                "graph s",
                "heads s",
                "share of the graph",
                "graph CPU s",
                "heads CPU s",
                "share",
                "a first score ms",
                "a score ms",
                "peak MiB, graph",
                "peak MiB, heads");
        for (int i = 0; i < graphs.tokens.size(); i++) {
            table.row(row(graphs.tokens.get(i), runs.get(i)));
        }
        String text = table.print(Table.Format.MARKDOWN) + "\n" + work(runs);
        System.out.print(text);
        tables.record("Model: " + ModelShape.parse(graphs.model) + ". " + graphs.features + " features.\n\n" + text);
        return 0;
    }

    /** What has to be multiplied, and how fast it was. */
    private String work(List<List<JsonNode>> runs) {
        Table table = new Table(
                "tokens",
                "graph GFLOP",
                "a second",
                "heads GFLOP",
                "sources up",
                "targets down",
                "meeting",
                "a second",
                "share of the graph");
        for (int i = 0; i < graphs.tokens.size(); i++) {
            JsonNode run = runs.get(i).getFirst();
            double graph = run.path("graphWork").asDouble();
            double up = run.path("up").asDouble();
            double down = run.path("down").asDouble();
            double meet = run.path("meet").asDouble();
            double all = up + down + meet;
            table.row(List.of(
                    Integer.toString(graphs.tokens.get(i)),
                    number("%.0f", graph),
                    spread(runs.get(i), one -> graph / one.path("graph").asDouble(), "%.0f"),
                    number("%.0f", all),
                    number("%.0f", up),
                    number("%.0f", down),
                    number("%.0f", meet),
                    spread(runs.get(i), one -> all / one.path("heads").asDouble(), "%.0f"),
                    number("%.2f", all / graph)));
        }
        return table.print(Table.Format.MARKDOWN);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    private JsonNode run(int length) throws IOException {
        Path json = Files.createTempFile("headwater-figures", ".json");
        try {
            ChildProcess.run(
                    ChildProcess.ownCommand(
                            List.of("-Xmx2g"),
                            List.of(
                                    "attention",
                                    "--model",
                                    graphs.model,
                                    "--tokens",
                                    Integer.toString(length),
                                    "--max-features",
                                    Integer.toString(graphs.features),
                                    "--nodes",
                                    Integer.toString(nodes),
                                    "--once",
                                    json.toString())),
                    Map.of());
            return BoundedJson.read(json);
        } finally {
            Files.deleteIfExists(json);
        }
    }

    private static List<String> row(int length, List<JsonNode> runs) {
        return List.of(
                Integer.toString(length),
                runs.getFirst().path("nodes").asText(),
                runs.getFirst().path("edges").asText(),
                spread(runs, run -> run.path("graph").asDouble(), "%.2f"),
                spread(runs, run -> run.path("heads").asDouble(), "%.2f"),
                spread(
                        runs,
                        run -> run.path("heads").asDouble() / run.path("graph").asDouble(),
                        "%.2f"),
                spread(runs, run -> run.path("graphCpu").asDouble(), "%.2f"),
                spread(runs, run -> run.path("headsCpu").asDouble(), "%.2f"),
                spread(
                        runs,
                        run -> run.path("headsCpu").asDouble()
                                / run.path("graphCpu").asDouble(),
                        "%.2f"),
                spread(runs, run -> 1e3 * run.path("first").asDouble(), "%.0f"),
                spread(runs, run -> 1e3 * run.path("score").asDouble(), "%.0f"),
                spread(runs, run -> run.path("peakGraph").asDouble() / (1 << 20), "%.0f"),
                spread(runs, run -> run.path("peak").asDouble() / (1 << 20), "%.0f"));
    }

    private static String spread(List<JsonNode> runs, ToDoubleFunction<JsonNode> figure, String format) {
        return Sample.of(runs.stream().map(figure::applyAsDouble).toList()).spread(format);
    }

    private ObjectNode measure(BenchmarkModel random) {
        AttributionOptions options = AttributionOptions.DEFAULT.withMaxFeatures(graphs.features);
        int length = graphs.tokens.getFirst();
        ObjectNode figures = BoundedJson.mapper().createObjectNode();
        try (ReplacementModel loaded = ReplacementModel.open(
                random.checkpoint(), random.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            explain(loaded, loaded.prompt(random.tokens(WARM_TOKENS)), options.withMaxFeatures(16), figures);
            explain(loaded, loaded.prompt(random.tokens(length)), options, figures);
        }
        return figures;
    }

    private void explain(ReplacementModel loaded, Prompt prompt, AttributionOptions options, ObjectNode figures) {
        long start = System.nanoTime();
        double busy = Machine.cpuSeconds();
        try (LinearPrompt linear = LinearPrompt.of(loaded, prompt, options, Progress.NONE);
                AttributionGraph graph = Attribution.of(linear, Progress.NONE)) {
            figures.put("graph", seconds(start))
                    .put("graphCpu", Machine.cpuSeconds() - busy)
                    .put("peakGraph", Machine.peakMemory());
            Pruning pruning = pruned(graph);
            figures.put("nodes", pruning.nodeCount()).put("edges", pruning.edgeCount());
            start = System.nanoTime();
            busy = Machine.cpuSeconds();
            GraphHeads.of(linear, graph, pruning, null, 0.8, Progress.NONE);
            figures.put("heads", seconds(start)).put("headsCpu", Machine.cpuSeconds() - busy);
            HeadWork work = HeadWork.of(loaded.model().config(), graph, pruning);
            figures.put("graphWork", SweepWork.gflop(loaded, graph))
                    .put("up", work.up())
                    .put("down", work.down())
                    .put("meet", work.meet());
            int layers = loaded.layers();
            int heads = loaded.model().config().attention().heads();
            int query = prompt.length() - 1;
            List<Double> scores = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                start = System.nanoTime();
                ScoreSources.of(
                        linear,
                        new Head(i % 2 == 0 ? layers - 1 : layers / 2, i % heads),
                        query,
                        query * (i + 1) / 11,
                        PAIRS);
                scores.add(seconds(start));
            }
            figures.put("first", scores.getFirst())
                    .put("score", Sample.of(scores).median())
                    .put("peak", Machine.peakMemory());
        }
    }

    /** With the share of influence at which about as many nodes are kept as are wanted. */
    private Pruning pruned(AttributionGraph graph) {
        Influence influence = Influence.of(graph);
        double low = 0;
        double high = 1;
        for (int i = 0; i < 20; i++) {
            double middle = (low + high) / 2;
            if (Pruning.of(graph, influence, middle, 0.98).nodeCount() < nodes) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return Pruning.of(graph, influence, high, 0.98);
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
