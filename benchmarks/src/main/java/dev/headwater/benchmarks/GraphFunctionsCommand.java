package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Influence, pruning, scores and files of one graph, by circuit-tracer's functions and by ours. */
@Command(
        name = "graph-functions",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Times influence, pruning, scores and graph files on one random graph, with circuit-tracer's functions and with Headwater's.")
final class GraphFunctionsCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private Reference reference;

    @Option(
            names = "--nodes",
            paramLabel = "N",
            defaultValue = "10000",
            description = "Nodes of the graph (default: ${DEFAULT-VALUE}).")
    private int nodes;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            defaultValue = "5",
            description = "Repetitions of each (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "5",
            description =
                    "Repetitions of Headwater's before those that count, for the JIT compiler (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(names = "--record", description = "Keep the table in RESULTS.md.")
    private boolean record;

    private final Map<String, List<Double>> seconds = new LinkedHashMap<>();
    private String outcome = "";

    @Override
    public Integer call() throws IOException {
        reference.check();
        System.setProperty("headwater.threads", Integer.toString(reference.threads()));
        Path folder = Files.createTempDirectory("headwater-graph");
        Path file = folder.resolve("graph.safetensors");
        Path json = folder.resolve("figures.json");
        try {
            try (AttributionGraph graph = SyntheticGraph.ofSize(nodes).build()) {
                GraphFile.write(graph, file);
            }
            System.err.println("circuit-tracer's functions …");
            reference.run(List.of(
                    "functions",
                    "--graph",
                    file.toString(),
                    "--json",
                    json.toString(),
                    "--repeat",
                    Integer.toString(repeat)));
            System.err.println("Headwater's functions …");
            for (int i = 0; i < warmUp; i++) {
                once(file, folder);
            }
            seconds.clear();
            for (int i = 0; i < repeat; i++) {
                once(file, folder);
            }
            String body = report(BoundedJson.read(json));
            System.out.print(body);
            if (record) {
                Benchmarks.RESULTS.put(
                        "graph-functions",
                        Benchmarks.commandLine(
                                spec, spec.commandLine().getParseResult().originalArgs()),
                        body);
            }
            return 0;
        } finally {
            for (String name : List.of("graph.safetensors", "figures.json", "benchmark.json", "graph-metadata.json")) {
                Files.deleteIfExists(folder.resolve(name));
            }
            Files.delete(folder);
        }
    }

    /**
     * The graph is read anew, so that nothing which it remembers makes a later repetition faster, and the file is a new
     * one each time, as circuit-tracer's is: to replace a large file takes the time of removing it.
     */
    private void once(Path file, Path folder) throws IOException {
        try (AttributionGraph graph = GraphFile.read(file)) {
            timed("influence", () -> Influence.of(graph));
        }
        try (AttributionGraph graph = GraphFile.read(file)) {
            Pruning pruning = timed("prune", () -> Pruning.of(graph, 0.8, 0.98));
            Path written =
                    timed("json", () -> GraphJson.write(graph, pruning, GraphJson.Options.of("benchmark"), folder));
            GraphDocument document = GraphDocument.read(written);
            Files.delete(written);
            outcome = "%d nodes and %d edges"
                    .formatted(document.nodes().size(), document.links().size());
        }
        try (AttributionGraph graph = GraphFile.read(file)) {
            Scores scores = timed("scores", () -> Scores.of(graph));
            outcome += scores(scores.replacement(), scores.completeness());
        }
    }

    private <T> T timed(String name, Supplier<T> work) {
        long start = System.nanoTime();
        T result = work.get();
        seconds.computeIfAbsent(name, _ -> new ArrayList<>()).add((System.nanoTime() - start) / 1e9);
        return result;
    }

    private static String scores(double replacement, double completeness) {
        return String.format(Locale.ROOT, " kept, replacement %.4f, completeness %.4f", replacement, completeness);
    }

    private String report(JsonNode theirs) {
        Table table = new Table("graph of " + nodes + " nodes", "circuit-tracer, s", "Headwater, s", "ratio");
        Map<String, String> names = new LinkedHashMap<>();
        names.put("influence", "influence");
        names.put("prune", "pruning (with influence)");
        names.put("scores", "scores");
        names.put("json", "JSON");
        double theirSum = 0;
        double ourSum = 0;
        for (Map.Entry<String, String> name : names.entrySet()) {
            List<Double> values = new ArrayList<>();
            theirs.path("seconds").path(name.getKey()).forEach(value -> values.add(value.asDouble()));
            Sample reference = Sample.of(values);
            Sample own = Sample.of(requireNonNull(seconds.get(name.getKey())));
            theirSum += reference.median();
            ourSum += own.median();
            table.row(
                    name.getValue(),
                    reference.spread("%.3f"),
                    own.spread("%.4f"),
                    "%.1f".formatted(reference.median() / own.median()));
        }
        table.row("**all**", number("%.3f", theirSum), number("%.4f", ourSum), number("%.1f", theirSum / ourSum));
        return "%d threads, median of %d (least to greatest).%n%n%s%ncircuit-tracer: %d nodes and %d edges%s.  %nHeadwater: %s.%n"
                .formatted(
                        reference.threads(),
                        repeat,
                        table.print(Table.Format.MARKDOWN),
                        theirs.path("nodes").asInt(),
                        theirs.path("links").asInt(),
                        scores(
                                theirs.path("scores").path(0).asDouble(),
                                theirs.path("scores").path(1).asDouble()),
                        outcome);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
