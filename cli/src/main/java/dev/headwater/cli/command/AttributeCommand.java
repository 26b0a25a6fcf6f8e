package dev.headwater.cli.command;

import dev.headwater.cli.option.Answer;
import dev.headwater.cli.option.AnswerOptions;
import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.cli.option.TracingOptions;
import dev.headwater.cli.report.AttentionReport;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Foresight;
import dev.headwater.cli.report.GraphSummary;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.features.FeatureBuild;
import dev.headwater.engine.features.FeatureFiles;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.PrefixGraph;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.sharing.SiteSet;
import dev.headwater.engine.transcoder.TranscoderSet;
import dev.headwater.explorer.ExplorerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code headwater attribute}: from a prompt to its attribution graph, on the screen and in files. */
@Command(
        name = "attribute",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater attribute [OPTIONS] PROMPT",
        description = "Trace a prompt's next token back to the features and tokens that it comes from.",
        footer = {
            "",
            "Examples:",
            "  headwater attribute \"Fact: the capital of the state containing Dallas is\"",
            "  headwater attribute -m DIR -t DIR --prompt-file FILE --max-features 2000",
            "  headwater attribute \"Fact: the capital of the state containing Dallas is\" --continue 4",
            "  headwater attribute -t atlas-clt --json \"36+59=\" | jq .features"
        })
public final class AttributeCommand implements Callable<Integer> {
    /** Sources and pairs of each explained score that files hold, as Neuronpedia's do. */
    private static final int QK_SOURCES = 10;

    private final Console console;
    private final Interrupt interrupt;

    @Spec
    private CommandSpec spec;

    @Mixin
    private PromptOptions prompt;

    @Mixin
    private ModelOptions model;

    @Mixin
    private ContrastOptions contrast;

    @Mixin
    private TracingOptions tracing;

    @Mixin
    private TargetOptions targets;

    @Mixin
    private AnswerOptions answers;

    @Mixin
    private PruningOptions pruning;

    @Mixin
    private OutputOptions output;

    @Option(
            names = "--raw",
            paramLabel = "FILE",
            description = "Write the whole graph too, as safetensors; 'headwater graph' reads it.")
    private @Nullable Path raw;

    @Option(
            names = "--heads",
            description =
                    "Say in the files which attention heads the graph's edges passed, and print the heads that carry most.")
    private boolean heads;

    @Option(
            names = "--head-share",
            paramLabel = "SHARE",
            defaultValue = "0.8",
            description =
                    "Name an edge's strongest heads until they make up this share, the rest as one number (default: ${DEFAULT-VALUE}).")
    private double headShare;

    @Option(
            names = "--qk",
            paramLabel = "N",
            defaultValue = "0",
            description = "With --heads: explain where the N most influential heads look (default: ${DEFAULT-VALUE}).")
    private int qk;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            description =
                    "Name features after the evidence that 'headwater features build --out DIR' gathered (default: the bundled one).")
    private @Nullable Path features;

    @Option(
            names = {"--serve", "--server"},
            description = "Then open the graph in the explorer.")
    private boolean serve;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "8041",
            description = "The explorer's port, 0 for any that is free (default: ${DEFAULT-VALUE}).")
    private int port;

    public AttributeCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        PromptOptions.Source source = prompt.read();
        AttributionOptions options = tracing.read(model);
        checkPort();
        model.check();
        contrast.check(model);
        targets.check();
        Answer answer = answers.read(targets.isGiven());
        pruning.check();
        output.check(source.title());
        checkRaw();
        checkHeads();

        Map<String, Double> seconds = new LinkedHashMap<>();
        Stopwatch watch = new Stopwatch();
        Stopwatch.sinceLaunch().ifPresent(start -> seconds.put("start", start));
        try (var progress = new ProgressDisplay(console, interrupt, output.quiet());
                ReplacementModel loaded = model.load(progress)) {
            if (loaded.basis() instanceof TranscoderSet set) {
                set.config()
                        .assumedK()
                        .ifPresent(k -> console.err()
                                .println("headwater: " + set.config().file() + " says topk and gives no k; k = " + k
                                        + " is taken, as the public Python library does for this set"));
            }
            FeatureFiles evidence = features == null ? null : FeatureBuild.open(loaded, features);
            seconds.put("load", watch.lap());
            Prompt asked = source.resolve(loaded);
            Answer.Asked whole = answer.isGiven()
                    ? answer.of(loaded, asked, (OutputTargets.Salient) options.targets(), progress)
                    : null;
            Prompt read = whole == null ? asked : whole.prompt();
            if (answer.count() > 0) {
                seconds.put("answer", watch.lap());
            }
            if (output.named() && !answers.series()) {
                GraphJson.checkFree(output.directory(), output.slug(""), loaded.modelReference(), loaded.scan(), read);
            }
            if (!output.quiet() && !loaded.device().isCpu()) {
                console.err().println("transcoders  " + loaded.residency().describe());
            }
            if (!output.quiet() && whole == null) {
                Foresight.tell(loaded, read, source.ending(), console);
            }
            AttributionOptions wanted = options.withTargets(
                            whole != null ? whole.targets() : targets.of(loaded, read.length(), options.targets()))
                    .withContrast(contrast.of(loaded, read).orElse(null));
            try (LinearPrompt linear = heads ? LinearPrompt.of(loaded, read, wanted, progress) : null;
                    AttributionGraph graph = linear == null
                            ? Attribution.of(loaded, read, wanted, progress)
                            : Attribution.of(linear, progress)) {
                progress.close();
                if (Boolean.TRUE.equals(spec.root().findOption("--verbose").getValue())) {
                    progress.traffic().print(console.err());
                }
                seconds.putAll(graph.provenance().seconds());
                watch.lap();
                Pruning pruned = pruning.of(graph);
                seconds.put("prune", watch.lap());
                GraphJson.Labels labels = labels(loaded, graph, pruned, evidence);
                AttentionBlock attention = linear == null ? null : attention(linear, graph, pruned, wanted, labels);
                if (linear != null) {
                    seconds.put("heads", watch.lap());
                }
                Map<String, Path> files = new LinkedHashMap<>();
                if (raw != null) {
                    GraphFile.write(graph, attention, raw);
                    files.put("raw", raw);
                }
                if (answers.series()) {
                    files.putAll(series(loaded, graph, evidence, output.slug(source.title())));
                } else {
                    files.put("graph", write(graph, pruned, output.slug(source.title()), labels, attention));
                }
                files.put("index", output.directory().resolve(GraphIndex.FILE));
                seconds.put("write", watch.lap());
                output.print(
                        GraphSummary.of(
                                graph,
                                pruned,
                                labels,
                                output.top(),
                                files,
                                seconds,
                                loaded.memory().peaks(),
                                loaded.tokenizer()::quoted),
                        console);
            }
        }
        if (serve) {
            ServeCommand.serve(
                    ExplorerConfig.local(output.directory())
                            .withFeatures(features == null ? List.of() : List.of(features))
                            .at(ExplorerConfig.LOOPBACK, port),
                    model,
                    true,
                    console,
                    interrupt);
        }
        return 0;
    }

    private void checkPort() {
        if (port < 0 || port > 65535) {
            throw new UsageException("--port is " + port + "; it can be 0 to 65535");
        }
    }

    private void checkHeads() {
        if (heads && contrast.isGiven()) {
            throw new UsageException("--heads are of effects from 0, not from a mean; leave out --heads or --contrast");
        }
        if (heads && answers.series()) {
            throw new UsageException("--heads are found of one graph; leave out --heads or --series");
        }
        if (!(headShare > 0 && headShare <= 1)) {
            throw new UsageException("--head-share is " + headShare + "; it is a share above 0, up to 1");
        }
        if (qk < 0 || qk > 0 && !heads) {
            throw new UsageException(
                    qk < 0 ? "--qk is " + qk + "; it can't be negative" : "--qk explains heads; give --heads too");
        }
    }

    private AttentionBlock attention(
            LinearPrompt linear,
            AttributionGraph graph,
            Pruning pruned,
            AttributionOptions wanted,
            GraphJson.Labels labels) {
        try (var progress = new ProgressDisplay(console, interrupt, output.quiet())) {
            GraphHeads found = GraphHeads.of(linear, graph, pruned, wanted.targets(), headShare, progress);
            List<GraphHeads.Look> looks = found.looks(linear, graph, qk, QK_SOURCES);
            progress.close();
            if (!output.quiet()) {
                new AttentionReport(output.json() ? console.withResultsOnErr() : console, linear, labels, output.top())
                        .print(found);
                console.out().println();
            }
            return found.block(linear, graph, looks, QK_SOURCES);
        }
    }

    private void checkRaw() {
        if (raw == null) {
            return;
        }
        GraphFile.checkName(raw);
        if (Files.isDirectory(raw)) {
            throw new HeadwaterException("Cannot write " + raw + ": it is a directory");
        }
        Path parent = raw.toAbsolutePath().resolveSibling("");
        if (!Files.isDirectory(parent)) {
            throw new HeadwaterException("Cannot write " + raw + ": its directory does not exist");
        }
        OutputOptions.checkWritable(parent);
    }

    /** A file for each position that has outputs. */
    private Map<String, Path> series(
            ReplacementModel loaded, AttributionGraph graph, @Nullable FeatureFiles evidence, String slug) {
        Map<String, Path> files = new LinkedHashMap<>();
        for (int position : graph.outputPositions()) {
            Prompt prefix = loaded.prompt(Arrays.copyOf(graph.prompt().tokens(), position + 1));
            try (AttributionGraph one = PrefixGraph.of(graph, prefix)) {
                Pruning pruned = pruning.of(one);
                files.put(
                        "graph " + position,
                        write(
                                one,
                                pruned,
                                GraphName.numbered(slug + "-at", position),
                                labels(loaded, one, pruned, evidence),
                                null));
            }
        }
        return files;
    }

    private static GraphJson.Labels labels(
            ReplacementModel loaded, AttributionGraph graph, Pruning pruned, @Nullable FeatureFiles evidence) {
        return evidence == null ? SetEvidence.labels(loaded, graph, pruned) : evidence.labels();
    }

    private Path write(
            AttributionGraph graph,
            Pruning pruned,
            String slug,
            GraphJson.Labels labels,
            @Nullable AttentionBlock attention) {
        return GraphJson.write(
                graph,
                pruned,
                new GraphJson.Options(
                        slug,
                        !output.named(),
                        labels,
                        SiteSet.featureDetails(graph.provenance().scan()),
                        attention),
                output.directory());
    }
}
