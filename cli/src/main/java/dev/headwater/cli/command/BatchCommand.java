package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.NativeException;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.graph.AttributionGraph;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code headwater batch}: a graph for each line of a file. */
@Command(
        name = "batch",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description =
                "Make the attribution graph of each prompt in a file. Run it again to go on after an interruption: what is done is not done again.",
        footer = {
            "",
            "A line of FILE is a JSON object with prompt, token_ids or messages, and if wanted slug, max_features, node_threshold, edge_threshold, and",
            "max_logits and logit_prob or targets: {\"tokens\": [A, …]}, {\"difference\": [A, B]}, {\"concept\": [A, …], \"minus\": [B, …]} or {\"features\": [F, …]};",
            "or targets_at, answer_text, continue, as 'attribute' has them; in a file *.txt it is a prompt. What became of each line is in DIR/batch.jsonl; a line that fails leaves the others alone.",
            "",
            "Examples:",
            "  headwater batch prompts.jsonl --out graphs",
            "  headwater batch prompts.txt --out graphs -t atlas-clt --max-features 500 --json",
            "  headwater batch --template \"Fact: the capital of {state} is\" --values states.csv --out graphs",
            "  headwater batch prompts.jsonl --spark spark://HOST:7077 --out /shared/graphs"
        })
public final class BatchCommand implements Callable<Integer> {
    /** Graphs with more than this part of the memory that is left are written before the next are computed. */
    private static final int LARGE = 16;

    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private BatchInput input;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "DIR",
            required = true,
            description = "Directory for the graphs, graph-metadata.json and batch.jsonl, made if missing.")
    private String out;

    @Mixin
    private BatchOptions how;

    @Mixin
    private SparkOptions spark;

    @Option(
            names = "--json",
            description = "Print a summary as JSON on standard output, everything else on standard error.")
    private boolean json;

    @Option(names = "--quiet", description = "Print nothing but errors (and the JSON of --json).")
    private boolean quiet;

    @Spec
    private CommandSpec command;

    private Path directory = Path.of("");
    private int made;
    private int present;
    private int failed;

    public BatchCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        AttributionOptions options = how.check();
        if (spark.isGiven()) {
            return new SparkSubmission(spark, console, interrupt, quiet)
                    .run(command.commandLine().getParseResult());
        }
        directory = Path.of(out);
        List<BatchLine> read = input.lines();
        OutputOptions.checkWritable(directory);
        if (!quiet) {
            BatchLine.warning(read).ifPresent(console.err()::println);
        }
        Stopwatch watch = new Stopwatch();
        try (var display = new ProgressDisplay(console, interrupt, quiet);
                BatchRecords records = BatchRecords.open(directory)) {
            BatchSettings settings = how.settings(options);
            List<BatchLine> lines =
                    BatchLine.named(read, (slug, line) -> settings.isFree(slug, line, directory, records));
            Set<String> indexed = GraphIndex.slugs(directory);
            List<BatchLine> due = lines.stream()
                    .filter(line -> line.fault() != null
                            || !indexed.contains(line.slug())
                            || !Files.isRegularFile(GraphName.file(directory, line.slug()))
                            || !settings.isDone(line, records))
                    .toList();
            present = lines.size() - due.size();
            if (due.stream().allMatch(line -> line.fault() != null)) {
                due.forEach(line -> fail(
                        line,
                        BatchOutput.record(line, null).put("error", line.fault()),
                        String.valueOf(line.fault()),
                        records));
            } else {
                try (ReplacementModel loaded = how.model().load(display);
                        Run run = new Run(Set.copyOf(due), loaded, options, settings, records, display)) {
                    run.of(lines);
                }
            }
            records.arrange(lines);
            GraphIndex.arrange(
                    directory,
                    lines.stream()
                            .filter(BatchLine::isNamed)
                            .map(BatchLine::slug)
                            .toList());
        }
        var report = new BatchReport(read.size(), made, present, failed, directory.toString(), watch.lap());
        say(report.sentence());
        if (json) {
            console.out().println(report.json());
        }
        return failed == 0 ? 0 : ExitCode.FAILURE;
    }

    /** A line, and the graph that it asks for. */
    private record Asked(BatchLine line, Attribution.Request request) {}

    /** The lines that are due, on a loaded model. */
    private final class Run implements AutoCloseable {
        private final Set<BatchLine> due;
        private final ReplacementModel loaded;
        private final AttributionOptions options;
        private final BatchRecords records;
        private final ProgressDisplay display;
        private final BatchOutput output;
        private final BatchWriter writer;
        private int done;

        Run(
                Set<BatchLine> due,
                ReplacementModel loaded,
                AttributionOptions options,
                BatchSettings settings,
                BatchRecords records,
                ProgressDisplay display) {
            this.due = due;
            this.loaded = loaded;
            this.options = options;
            this.records = records;
            this.display = display;
            this.output = new BatchOutput(loaded, settings, how.thresholds());
            this.writer = new BatchWriter(due, output, records, directory, interrupt);
        }

        void of(List<BatchLine> lines) {
            display.phase("graphs", due.size());
            for (BatchLine line : lines) {
                if (line.fault() != null) {
                    failed(line, line.fault());
                }
            }
            BatchGroups<Asked> groups = new BatchGroups<>(how.together());
            for (BatchLine line : lines) {
                if (line.fault() != null) {
                    continue;
                }
                Attribution.Request request;
                try {
                    request = how.request(line, loaded, options);
                } catch (HeadwaterException e) {
                    settle();
                    failed(line, e.getMessage());
                    continue;
                }
                makeIfDue(groups.add(new Asked(line, request), request.prompt().length()));
            }
            makeIfDue(groups.rest());
            settle();
            display.close();
        }

        private void makeIfDue(List<Asked> group) {
            if (group.stream().anyMatch(asked -> due.contains(asked.line))) {
                make(group);
            }
        }

        private void make(List<Asked> group) {
            if (interrupt.requested()) {
                throw new CancellationException("the batch was cancelled");
            }
            Stopwatch watch = new Stopwatch();
            List<AttributionGraph> graphs;
            try {
                graphs = Attribution.attributeAll(
                        loaded, group.stream().map(Asked::request).toList(), new Lines(display, done));
            } catch (HeadwaterException | NativeException | OutOfMemoryError e) {
                if (settle()) {
                    make(group); // what was being written may have held the memory that these need
                } else if (group.size() > 1) {
                    // One of them is to blame; it must not harm the others.
                    for (Asked asked : group) {
                        if (due.contains(asked.line)) {
                            make(List.of(asked));
                        }
                    }
                } else {
                    failed(group.getFirst().line, BatchOutput.reason(e));
                }
                return;
            }
            double seconds = watch.lap() / graphs.size();
            try {
                settle();
            } catch (RuntimeException | Error e) {
                graphs.forEach(AttributionGraph::close);
                throw e;
            }
            long bytes = Float.BYTES
                    * graphs.stream().mapToLong(graph -> graph.edges().size()).sum();
            writer.begin(group.stream().map(Asked::line).toList(), graphs, seconds);
            if (bytes > loaded.memory().left(MemoryBudget.Place.HOST) / LARGE) {
                settle();
            }
        }

        @Override
        public void close() {
            writer.close();
        }

        /** Says what became of the lines that were being written, if any were. */
        private boolean settle() {
            List<BatchWriter.Outcome> outcomes = writer.settle();
            for (BatchWriter.Outcome outcome : outcomes) {
                if (outcome.fault() != null) {
                    failed(outcome.line(), outcome.fault());
                    continue;
                }
                made++;
                // The bar steps aside for a line, and is back at the next advance.
                display.close();
                say(outcome.said());
                display.advance(++done);
            }
            return !outcomes.isEmpty();
        }

        private void failed(BatchLine line, String reason) {
            if (due.contains(line)) {
                display.close();
                fail(line, output.failed(line, reason), reason, records);
                display.advance(++done);
            }
        }
    }

    private void fail(BatchLine line, ObjectNode record, String reason, BatchRecords records) {
        failed++;
        records.add(record);
        console.err().println(console.errStyle().red("line " + line.number() + ": ") + Text.visible(reason));
    }

    private void say(String line) {
        if (!quiet) {
            (json ? console.err() : console.out()).println(line);
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
