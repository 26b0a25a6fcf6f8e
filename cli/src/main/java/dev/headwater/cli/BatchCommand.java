package dev.headwater.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.NativeException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.features.BundledLabels;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.GraphIndex;
import dev.headwater.engine.graph.GraphJson;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.weights.BoundedJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater batch}: a graph for each line of a file. */
@Command(name = "batch", mixinStandardHelpOptions = true, versionProvider = Headwater.Version.class, sortOptions = false,
    description = "Make the attribution graph of each prompt in a file. Run it again to go on after an interruption: what is done is not done again.",
    footer = {"", "A line of FILE is a JSON object with prompt or token_ids, and if wanted slug, max_features, max_logits, logit_prob;",
        "in a file *.txt it is a prompt. What became of each line is in DIR/batch.jsonl; a line that fails leaves the others alone.", "",
        "Examples:", "  headwater batch prompts.jsonl --out graphs", "  headwater batch prompts.txt --out graphs -t atlas-clt --max-features 500 --json"})
final class BatchCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(paramLabel = "FILE", description = "Prompts: JSON lines, or *.txt with a prompt a line.")
    private Path input;

    @Option(names = {"-o", "--out"}, paramLabel = "DIR", required = true,
        description = "Directory for the graphs, graph-metadata.json and batch.jsonl, made if missing.")
    private Path directory;

    @Mixin
    private ModelOptions model;

    @Mixin
    private TracingOptions tracing;

    @Mixin
    private PruningOptions pruning;

    @Option(names = "--json", description = "Print a summary as JSON on standard output, everything else on standard error.")
    private boolean json;

    @Option(names = "--quiet", description = "Print nothing but errors (and the JSON of --json).")
    private boolean quiet;

    private int made;
    private int present;
    private int failed;

    BatchCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        AttributionOptions options = tracing.read();
        model.check();
        pruning.check();
        List<BatchLine> lines = BatchLine.read(input);
        OutputOptions.checkWritable(directory);
        warnOfUnknownKeys(lines);
        Stopwatch watch = new Stopwatch();
        try (var display = new ProgressDisplay(console, interrupt, quiet); BatchRecords records = BatchRecords.open(directory)) {
            ObjectNode common = common();
            Set<String> indexed = GraphIndex.slugs(directory);
            List<BatchLine> due = lines.stream().filter(line -> line.fault() != null || !indexed.contains(line.slug())
                || !Files.isRegularFile(GraphIndex.file(directory, line.slug())) || !records.isDone(line.slug(), settings(common, line, options))).toList();
            present = lines.size() - due.size();
            if (due.stream().allMatch(line -> line.fault() != null)) {
                due.forEach(line -> fail(line, null, line.fault(), records));
            } else {
                try (ReplacementModel loaded = model.load(display)) {
                    run(due, loaded, options, common, records, display);
                }
            }
            records.arrange(lines);
            GraphIndex.arrange(directory, lines.stream().filter(line -> line.slug() != null).map(BatchLine::slug).toList());
        }
        report(lines.size(), watch.lap());
        return failed == 0 ? 0 : Headwater.FAILURE;
    }

    private void run(List<BatchLine> due, ReplacementModel loaded, AttributionOptions options, ObjectNode common, BatchRecords records,
                     ProgressDisplay display) {
        BundledLabels labels = BundledLabels.of(model.transcoders());
        display.phase("graphs", due.size());
        for (int i = 0; i < due.size(); i++) {
            BatchLine line = due.get(i);
            if (interrupt.requested()) {
                throw new CancellationException("the batch was cancelled");
            }
            Stopwatch watch = new Stopwatch();
            ObjectNode settings = line.fault() == null ? settings(common, line, options) : null;
            try {
                if (line.fault() != null) {
                    throw new HeadwaterException(line.fault());
                }
                ObjectNode record = make(line, loaded, line.options(options), labels, settings, new Lines(display, i));
                records.add(record);
                made++;
                // The bar steps aside for a line, and is back at the next advance.
                display.close();
                say("%s: %s tokens, %s features, %s".formatted(line.slug(), Text.count(record.get("tokens").asLong()),
                    Text.count(record.get("features").asLong()), Text.seconds(watch.lap())));
            } catch (HeadwaterException | NativeException e) {
                display.close();
                fail(line, settings, e.getMessage(), records);
            } catch (OutOfMemoryError e) {
                display.close();
                fail(line, settings, "not enough memory (" + e.getMessage() + ")", records);
            }
            display.advance(i + 1);
        }
        display.close();
    }

    private ObjectNode make(BatchLine line, ReplacementModel loaded, AttributionOptions options, BundledLabels labels, ObjectNode settings, Progress progress) {
        try (AttributionGraph graph = Attribution.of(loaded, line.prompt().with(loaded), options, progress)) {
            Pruning pruned = pruning.of(graph);
            Path file = GraphJson.write(graph, pruned, new GraphJson.Options(line.slug(), labels, Map.of()), directory);
            ObjectNode record = record(line, settings).put("graph", file.getFileName().toString()).put("tokens", graph.prompt().length())
                .put("active_features", graph.active().count()).put("features", graph.selected().length);
            return record;
        }
    }

    private void fail(BatchLine line, ObjectNode settings, String reason, BatchRecords records) {
        failed++;
        records.add(record(line, settings).put("error", reason));
        console.err().println(console.errStyle().red("line " + line.number() + ": ") + Text.visible(reason));
    }

    private static ObjectNode record(BatchLine line, ObjectNode settings) {
        ObjectNode record = BoundedJson.mapper().createObjectNode().put("line", line.number()).put("slug", line.slug());
        if (settings != null) {
            record.set("settings", settings);
        }
        return record;
    }

    /** What all lines share of what a graph depends on. */
    private ObjectNode common() {
        return BoundedJson.mapper().createObjectNode().put("model", Reference.parse(model.model()).toString())
            .put("transcoders", Reference.parse(model.transcoders()).toString()).put("dtype", model.type().toString())
            .put("products", model.products() == null ? "auto" : model.products().toString())
            .put("node_threshold", pruning.nodes()).put("edge_threshold", pruning.edges());
    }

    /** All that a line's graph depends on. */
    private static ObjectNode settings(ObjectNode common, BatchLine line, AttributionOptions batch) {
        ObjectNode settings = BoundedJson.mapper().createObjectNode();
        switch (line.prompt()) {
            case PromptOptions.Words words -> settings.put("prompt", words.text());
            case PromptOptions.Ids ids -> {
                var list = settings.putArray("token_ids");
                for (int id : ids.ids()) {
                    list.add(id);
                }
            }
        }
        AttributionOptions options = line.options(batch);
        OutputTargets.Salient targets = (OutputTargets.Salient) options.targets();
        return settings.<ObjectNode>setAll(common).put("max_logits", targets.maxLogits()).put("logit_prob", targets.probability())
            .put("max_features", options.maxFeatures()).put("batch_size", options.batchSize()).put("update_interval", options.updateInterval());
    }

    private void warnOfUnknownKeys(List<BatchLine> lines) {
        Set<String> unknown = new TreeSet<>();
        lines.forEach(line -> unknown.addAll(line.unknownKeys()));
        if (!unknown.isEmpty() && !quiet) {
            console.err().println(Text.visible(Text.cut("Keys that mean nothing here are passed over: " + String.join(", ", unknown), 200)));
        }
    }

    private void say(String line) {
        if (!quiet) {
            (json ? console.err() : console.out()).println(line);
        }
    }

    private void report(int lines, double seconds) {
        say("%s lines: %s graphs made, %s there already, %s failed; %s in %s".formatted(Text.count(lines), Text.count(made), Text.count(present),
            Text.count(failed), directory.resolve(BatchRecords.FILE), Text.seconds(seconds)));
        if (json) {
            console.out().println(BoundedJson.mapper().createObjectNode().put("lines", lines).put("made", made).put("present", present)
                .put("failed", failed).put("directory", directory.toString()).put("records", directory.resolve(BatchRecords.FILE).toString())
                .put("seconds", seconds).toPrettyString());
        }
    }

    /** Shows how many lines are done, whatever the one at work is doing. */
    private record Lines(Progress display, int done) implements Progress {
        @Override
        public void advance(long unused) {
            display.advance(done);
        }

        @Override
        public boolean cancelled() {
            return display.cancelled();
        }
    }
}
