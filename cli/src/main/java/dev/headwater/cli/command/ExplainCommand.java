package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.NamerOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.ReportOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExplanationReport;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.NamingReport;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.AddedCircuit;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.features.FeatureEvidence;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.naming.BoxNaming;
import dev.headwater.engine.naming.ChatService;
import dev.headwater.engine.sharing.SiteSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater explain}: a small, tested circuit out of a graph. */
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = {"headwater explain [OPTIONS] GRAPH", "headwater explain [OPTIONS] --prompt TEXT"},
        description = {
            "Find the few features of a graph that carry its answer, by taking features away and running the model; put them into named boxes, say "
                    + "how much the answer rests on them, and write them into GRAPH as what the explorer shows.",
            "necessity: how much of the answer is lost without the circuit. sufficiency: how much is kept without all other features. 0 is what no "
                    + "feature does, 1 what all do."
        },
        footer = {
            "",
            "What people have pinned and grouped in GRAPH stays; the circuit is then kept beside it, under Circuits in the explorer.",
            "",
            "Examples:",
            "  headwater explain graphs/dallas.json",
            "  headwater explain graphs/dallas.json --size 10 --html dallas.html --svg dallas.svg",
            "  headwater explain graph.safetensors --json",
            "  headwater explain --prompt \"Fact: the capital of Texas is\" --why-not \" Houston\""
        })
public final class ExplainCommand implements Callable<Integer> {
    /** As 'attribute' prunes. */
    private static final double NODES = 0.8;

    private static final double EDGES = 0.98;

    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            arity = "0..1",
            paramLabel = "GRAPH",
            description =
                    "A front end's graph (*.json), or a whole one (*.safetensors, *.pt), which is only reported on.")
    private @Nullable Path file;

    @Option(
            names = "--prompt",
            paramLabel = "TEXT",
            description = "In place of GRAPH: trace this prompt first, as 'attribute' does.")
    private @Nullable String prompt;

    @Option(
            names = "--graphs",
            paramLabel = "DIR",
            defaultValue = "graphs",
            description = "With --prompt: where the graph goes (default: ./${DEFAULT-VALUE}).")
    private Path graphs;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--target-token",
            paramLabel = "TOKEN",
            description =
                    "Explain this one of the graph's outputs, given as its text or as #ID (default: the most probable).")
    private @Nullable String target;

    @Option(
            names = "--size",
            paramLabel = "N",
            defaultValue = "15",
            description = "Features in the circuit at most (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(
            names = "--budget",
            paramLabel = "N",
            defaultValue = "2000",
            description = "Interventions after which the best circuit so far is taken (default: ${DEFAULT-VALUE}).")
    private int budget;

    @Option(
            names = "--draws",
            paramLabel = "N",
            defaultValue = "20",
            description = "Random circuits to compare with (default: ${DEFAULT-VALUE}).")
    private int draws;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            defaultValue = "explained",
            description = "Name under which GRAPH keeps the circuit (default: ${DEFAULT-VALUE}).")
    private String name;

    @Option(
            names = "--why-not",
            paramLabel = "TOKEN",
            description =
                    "Also say which features of the graph hold this token down, which might have been the answer.")
    private @Nullable String whyNot;

    @Option(names = "--no-save", description = "Leave GRAPH as it is.")
    private boolean noSave;

    @Mixin
    private ReportOptions reports;

    @Mixin
    private NamerOptions namer;

    @Option(names = "--json", description = "Print everything as JSON on standard output.")
    private boolean json;

    public ExplainCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() throws JsonProcessingException {
        model.check();
        new Explanation.Options(OptionalInt.empty(), size, budget, draws, seed);
        if (name.isBlank() || name.length() > 100) {
            throw new UsageException("--name is empty or longer than 100 characters; give the circuit a short name");
        }
        if ((file == null) == (prompt == null)) {
            throw new UsageException(
                    file == null
                            ? "No graph is given; give a graph's file, or a prompt to trace with --prompt"
                            : "A graph and a prompt are given; leave one of the two out");
        }
        if (file == null) {
            OutputOptions.checkWritable(graphs);
        }
        checkWritable(file);
        try (ChatService chat = namer.open();
                var progress = new ProgressDisplay(console, interrupt, false)) {
            if (file == null) {
                try (ReplacementModel loaded = model.load(progress)) {
                    Path traced = trace(loaded, progress);
                    GraphDocument document = GraphDocument.read(traced);
                    try (PlainGraph graph = PlainGraph.of(traced.toString(), document)) {
                        explain(loaded, graph, traced, document, null, chat, progress);
                    }
                }
            } else if (WholeGraph.isNamed(file)) {
                AttributionGraph whole = WholeGraph.read(file);
                try (PlainGraph graph = PlainGraph.of(file.toString(), whole);
                        ReplacementModel loaded = model.loadFor(graph.model(), graph.transcoders(), progress)) {
                    explain(loaded, graph, file, null, whole, chat, progress);
                }
            } else {
                GraphDocument document = GraphDocument.read(file);
                try (PlainGraph graph = PlainGraph.of(file.toString(), document);
                        ReplacementModel loaded = model.loadFor(graph.model(), graph.transcoders(), progress)) {
                    explain(loaded, graph, file, document, null, chat, progress);
                }
            }
        }
        return 0;
    }

    /** @return the file of the prompt's graph, as 'attribute' writes it */
    private Path trace(ReplacementModel loaded, ProgressDisplay progress) {
        String text = prompt == null ? "" : prompt;
        try (AttributionGraph graph =
                Attribution.of(loaded, loaded.prompt(text), AttributionOptions.DEFAULT, progress)) {
            Pruning pruned = Pruning.of(graph, NODES, EDGES);
            return GraphJson.write(
                    graph,
                    pruned,
                    new GraphJson.Options(
                            OutputOptions.slugOf(text),
                            true,
                            SetEvidence.labels(loaded, graph, pruned),
                            SiteSet.featureDetails(graph.provenance().scan())),
                    graphs);
        }
    }

    /**
     * @param document of a front end's file, null of a whole graph
     * @param whole    the graph itself, null of a front end's file
     */
    private void explain(
            ReplacementModel loaded,
            PlainGraph graph,
            Path source,
            @Nullable GraphDocument document,
            @Nullable AttributionGraph whole,
            @Nullable ChatService chat,
            ProgressDisplay progress)
            throws JsonProcessingException {
        Stopwatch watch = new Stopwatch();
        Explanation.Names names = names(loaded, whole);
        Integer unexpected = whyNot == null ? null : TargetOptions.token(loaded, whyNot);
        FeatureEvidence evidence = chat == null ? null : evidence(loaded);
        Explanation plain = Explanation.of(loaded, graph, names, options(loaded), progress);
        double seconds = watch.lap();
        BoxNaming naming =
                chat == null || evidence == null ? null : BoxNaming.of(loaded, evidence, plain, chat, progress);
        Explanation found = naming == null ? plain : naming.explanation();
        WhyNot held = unexpected == null ? null : WhyNot.of(loaded, graph, names, unexpected, size, progress);
        Card card = reports.card() ? Card.of(loaded, graph, found, progress) : null;
        progress.close();
        AddedCircuit.Kept kept =
                document == null || noSave ? null : circuit(found, document).into(source);
        ExplanationReport report =
                new ExplanationReport(found, held, card, seconds, kept == null ? null : source, kept);
        reports.write(report);
        if (!json) {
            report.print(console, reports.files());
            if (naming != null && chat != null) {
                NamingReport.print(naming, chat.requests(), console);
            }
            return;
        }
        ObjectNode all = BoundedJson.mapper().valueToTree(found);
        all.put("seconds", seconds);
        if (held != null) {
            all.putPOJO("whyNot", held);
        }
        if (naming != null) {
            all.putPOJO("names", naming.boxes());
        }
        if (card != null) {
            all.putPOJO("card", card);
        }
        if (kept != null) {
            all.put("file", source.toString()).put("keptAs", kept.name()).put("shown", kept.shown());
        }
        console.out()
                .println(BoundedJson.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(all));
    }

    /** Before minutes have gone into what cannot be kept. */
    private void checkWritable(@Nullable Path graph) {
        reports.check(graph);
        for (Path written : Stream.concat(
                        reports.files().stream(),
                        Optional.ofNullable(graph).filter(path -> !noSave && !WholeGraph.isNamed(path)).stream())
                .toList()) {
            Path parent = written.toAbsolutePath().resolveSibling("");
            if (!Files.isDirectory(parent)) {
                throw new HeadwaterException("Cannot write " + written + ": its directory does not exist");
            }
            OutputOptions.checkWritable(parent);
        }
    }

    private Explanation.Options options(ReplacementModel loaded) {
        return new Explanation.Options(
                target == null ? OptionalInt.empty() : OptionalInt.of(TargetOptions.token(loaded, target)),
                size,
                budget,
                draws,
                seed);
    }

    private static FeatureEvidence evidence(ReplacementModel loaded) {
        return SetEvidence.of(loaded.transcoderReference())
                .orElseThrow(() -> new HeadwaterException(
                        "--namer makes names from evidence, and none comes with %s: put what 'headwater features build' writes into its folder"
                                .formatted(loaded.transcoderReference())));
    }

    /** For features that the file does not name. */
    private static Explanation.Names names(ReplacementModel loaded, @Nullable AttributionGraph whole) {
        GraphJson.Labels labels = whole != null
                ? SetEvidence.labels(loaded, whole, Pruning.of(whole, NODES, EDGES))
                : loaded.basis().dense() ? GraphJson.Labels.NONE : SetEvidence.labels(loaded.transcoderReference());
        return (feature, activation) -> labels.of(feature.layer(), feature.feature(), activation);
    }

    /** With the answer, and the tokens that boxes stand at. */
    private AddedCircuit circuit(Explanation found, GraphDocument document) {
        List<DocumentNode> nodes = document.nodes();
        Set<Integer> positions = found.boxes().stream().map(Box::position).collect(Collectors.toSet());
        List<String> features = found.boxes().stream()
                .flatMap(box -> box.members().stream())
                .map(member -> nodes.get(member.node()).id())
                .toList();
        List<String> ends = nodes.stream()
                .filter(node -> node.kind() == DocumentNode.Kind.TOKEN && positions.contains(node.position())
                        || node.kind() == DocumentNode.Kind.LOGIT
                                && node.feature() == found.answer().token())
                .map(DocumentNode::id)
                .toList();
        return new AddedCircuit(
                name,
                Stream.concat(features.stream(), ends.stream()).distinct().toList(),
                found.boxes().stream()
                        .map(box -> new AddedCircuit.Group(
                                box.name(),
                                box.members().stream()
                                        .map(member -> nodes.get(member.node()).id())
                                        .toList()))
                        .toList());
    }
}
