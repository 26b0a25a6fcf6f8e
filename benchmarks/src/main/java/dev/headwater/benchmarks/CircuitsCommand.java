package dev.headwater.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Range;
import dev.headwater.engine.explanation.Measures;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.neuron.Neurons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How good the circuits are that {@code headwater explain} finds. */
@Command(
        name = "circuits",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Traces each prompt of a file, explains its graph, and compares the circuit with as many features of most influence, with random ones, and "
                    + "with those that somebody has chosen (benchmarks/circuits/hand-made.jsonl)."
        })
final class CircuitsCommand implements Callable<Integer> {
    private static final ResultsPage PAGE = new ResultsPage(Benchmarks.HOME.resolve("engine/docs/circuits.md"));

    @Spec
    private CommandSpec command;

    @Option(
            names = "--model",
            paramLabel = "FILE",
            defaultValue = "atlas",
            description = "Any model, as the other commands take it (default: ${DEFAULT-VALUE}).")
    private String model;

    @Option(
            names = "--transcoders",
            paramLabel = "REF",
            defaultValue = "atlas-plt",
            description = "A folder, or a name as the other commands take it (default: ${DEFAULT-VALUE}).")
    private String transcoders;

    @Option(names = "--neurons", description = "The model's own neurons are the features.")
    private boolean neurons;

    @Option(names = "--prompts", paramLabel = "FILE", description = "A JSON object with prompt a line.")
    private Path prompts = Benchmarks.HOME.resolve("engine/src/main/resources/dev/headwater/models/prompts.jsonl");

    @Option(
            names = "--max-features",
            paramLabel = "N",
            defaultValue = "7500",
            description = "Features in the graph before it is pruned (default: ${DEFAULT-VALUE}).")
    private int maxFeatures;

    @Option(
            names = "--node-threshold",
            paramLabel = "SHARE",
            defaultValue = "0.8",
            description = "Share of influence that the pruned graph's nodes keep (default: ${DEFAULT-VALUE}).")
    private double nodeThreshold;

    @Option(names = "--size", defaultValue = "15")
    private int size;

    @Option(names = "--budget", defaultValue = "2000")
    private int budget;

    @Option(names = "--record", paramLabel = "SECTION", description = "Keep the table in engine/docs/circuits.md.")
    private @Nullable String record;

    /** A prompt's explanation, and what it took. */
    private record Row(
            Explanation found, int nodes, Optional<Explanation.Judged> byHand, int handMade, double seconds) {
        int size() {
            return found.boxes().stream().mapToInt(box -> box.members().size()).sum();
        }
    }

    @Override
    public Integer call() throws IOException {
        Explanation.Options options =
                new Explanation.Options(OptionalInt.empty(), size, budget, Explanation.Options.DEFAULT.draws(), 0);
        Table table = new Table(
                "prompt",
                "answer",
                "nodes",
                "features",
                "boxes",
                "necessity",
                "sufficiency",
                "top influence",
                "random",
                "by hand",
                "runs",
                "s");
        List<Row> rows = new ArrayList<>();
        Path folder = Files.createTempDirectory("headwater-circuits");
        try (ReplacementModel loaded = ReplacementModel.load(
                model, neurons ? Neurons.REFERENCE : transcoders, ReplacementModel.Options.DEFAULT, Progress.NONE)) {
            for (String line : Files.readAllLines(prompts)) {
                Prompt prompt = loaded.prompt(
                        BoundedJson.mapper().readTree(line).path("prompt").asText());
                try (PlainGraph graph = traced(loaded, prompt, folder)) {
                    Row row = explained(loaded, graph, prompt, options);
                    rows.add(row);
                    table.row(cells(row));
                } catch (HeadwaterException e) {
                    table.row(List.of(prompt.text(), e.getMessage(), "", "", "", "", "", "", "", "", "", ""));
                }
                System.err.println(prompt.text());
            }
        } finally {
            Trees.delete(folder);
        }
        String text = table.print(Table.Format.MARKDOWN) + "\n" + summary(rows);
        System.out.print(text);
        if (record != null) {
            PAGE.put(
                    record,
                    Benchmarks.commandLine(
                            command, command.commandLine().getParseResult().originalArgs()),
                    text);
        }
        return 0;
    }

    /** As a person has it: pruned, from its file. */
    private PlainGraph traced(ReplacementModel loaded, Prompt prompt, Path folder) {
        try (AttributionGraph graph = Attribution.of(
                loaded, prompt, AttributionOptions.DEFAULT.withMaxFeatures(maxFeatures), Progress.NONE)) {
            Pruning pruned = Pruning.of(graph, nodeThreshold, 0.98);
            return PlainGraph.read(GraphJson.write(
                    graph,
                    pruned,
                    new GraphJson.Options("graph", true, SetEvidence.labels(loaded, graph, pruned), Map.of()),
                    folder));
        }
    }

    private Row explained(ReplacementModel loaded, PlainGraph graph, Prompt prompt, Explanation.Options options)
            throws IOException {
        long start = System.nanoTime();
        Explanation found = Explanation.of(loaded, graph, (_, _) -> "", options, Progress.NONE);
        double seconds = (System.nanoTime() - start) / 1e9;
        List<FeatureRef> chosen = byHand(prompt);
        return new Row(
                found,
                graph.size(),
                chosen.isEmpty()
                        ? Optional.empty()
                        : Optional.of(Explanation.judge(loaded, graph, chosen, options, Progress.NONE)),
                chosen.size(),
                seconds);
    }

    private List<FeatureRef> byHand(Prompt prompt) throws IOException {
        List<FeatureRef> features = new ArrayList<>();
        for (String line : Files.readAllLines(Benchmarks.HOME.resolve("benchmarks/circuits/hand-made.jsonl"))) {
            JsonNode circuit = BoundedJson.mapper().readTree(line);
            if (!neurons
                    && circuit.path("transcoders").asText().equals(transcoders)
                    && prompt.text().endsWith(circuit.path("prompt").asText())) {
                circuit.path("features")
                        .forEach(text ->
                                features.add(FeatureRef.parse(text.asText()).in(prompt.length())));
            }
        }
        return features;
    }

    private static List<String> cells(Row row) {
        Measures taken = row.found.circuit().taken();
        return List.of(
                "`" + row.found.prompt().replaceFirst("^<[^>]*>", "") + "`",
                "`" + row.found.answer().text() + "`",
                Integer.toString(row.nodes),
                Integer.toString(row.size()),
                Integer.toString(row.found.boxes().size()),
                number(taken.necessity()),
                number(taken.sufficiency()),
                pair(row.found.strongest()),
                number(row.found.random().necessity()) + ", "
                        + number(row.found.random().sufficiency()),
                row.byHand
                        .map(judged -> pair(judged.taken()) + " (" + row.handMade + ")")
                        .orElse(""),
                Integer.toString(row.found.interventions()),
                String.format(Locale.ROOT, "%.1f", row.seconds));
    }

    private static String pair(Measures measures) {
        return number(measures.necessity()) + ", " + number(measures.sufficiency());
    }

    private static String number(Range range) {
        return number(range.mean());
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    private static String summary(List<Row> rows) {
        long both = rows.stream().filter(CircuitsCommand::isBetter).count();
        return String.format(
                Locale.ROOT,
                "Mean over %d prompts: necessity %.2f, sufficiency %.2f; of the features of most influence %.2f, %.2f; of random ones %.2f, %.2f. With a quarter "
                        + "left %.2f, %.2f; with a quarter turned around %.2f, %.2f; with attention responding %.2f, %.2f. Up to 1, neither is below that of the "
                        + "features of most influence for %d of the prompts. The longest took %.1f s.%n",
                rows.size(),
                mean(rows, row -> row.found.circuit().taken().necessity()),
                mean(rows, row -> row.found.circuit().taken().sufficiency()),
                mean(rows, row -> row.found.strongest().necessity()),
                mean(rows, row -> row.found.strongest().sufficiency()),
                mean(rows, row -> row.found.random().necessity().mean()),
                mean(rows, row -> row.found.random().sufficiency().mean()),
                mean(rows, row -> row.found.circuit().partly().necessity()),
                mean(rows, row -> row.found.circuit().partly().sufficiency()),
                mean(rows, row -> row.found.circuit().turned().necessity()),
                mean(rows, row -> row.found.circuit().turned().sufficiency()),
                mean(rows, row -> row.found.circuit().live().necessity()),
                mean(rows, row -> row.found.circuit().live().sufficiency()),
                both,
                rows.stream().mapToDouble(Row::seconds).max().orElse(0));
    }

    /** More than all that features do is no better than all. */
    private static boolean isBetter(Row row) {
        Measures circuit = row.found.circuit().taken();
        Measures other = row.found.strongest();
        return Math.min(1, circuit.necessity()) >= Math.min(1, other.necessity())
                && Math.min(1, circuit.sufficiency()) >= Math.min(1, other.sufficiency());
    }

    /** Of the prompts for which it has a meaning: a share of nothing is left out. */
    private static double mean(List<Row> rows, ToDoubleFunction<Row> number) {
        return rows.stream()
                .mapToDouble(number)
                .filter(Double::isFinite)
                .average()
                .orElse(Double.NaN);
    }
}
