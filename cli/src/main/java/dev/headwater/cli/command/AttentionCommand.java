package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.cli.option.TracingOptions;
import dev.headwater.cli.report.AttentionReport;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.AttentionJson;
import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.attention.ScoreSources;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.features.BundledLabels;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater attention}: which heads an edge passed, and why a head looks where it looks. */
@Command(
        name = "attention",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater attention [OPTIONS] PROMPT",
        description = {
            "Explain attention: which heads carry a prompt's graph, which ones an edge passed (--edge), and which features make a head look from "
                    + "one position to another (--head, --query, --key).",
            "Nodes are named as in graph files: 3_1207_5 is layer 3, feature 1207, position 5; 3_-1_5 an error, E_1042_5 a token and its position, "
                    + "the layer after the last but one an output."
        },
        footer = {
            "",
            "Examples:",
            "  headwater attention \"Fact: the capital of the state containing Dallas is\"",
            "  headwater attention --graph graph.safetensors --edge 0_94_9,3_1932_10",
            "  headwater attention --head 3/5 --query -1 --key 9 \"Fact: the capital of the state containing Dallas is\" --json"
        })
public final class AttentionCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private PromptOptions prompt;

    @Option(
            names = "--graph",
            paramLabel = "RAW",
            description = "A whole graph (*.safetensors of 'attribute --raw') instead of a prompt.")
    private @Nullable Path graph;

    @Option(
            names = "--edge",
            paramLabel = "SOURCE,TARGET",
            description = "Show which heads this edge passed; may be repeated.")
    private List<String> edges = new ArrayList<>();

    @Option(
            names = "--head",
            paramLabel = "LAYER/HEAD",
            description = "Explain a score of this head, with --query and --key; may be repeated.")
    private List<String> heads = new ArrayList<>();

    @Option(
            names = "--query",
            paramLabel = "POS",
            description = "The position that the head looks from; negative from the end.")
    private List<Integer> queries = new ArrayList<>();

    @Option(names = "--key", paramLabel = "POS", description = "The position that it looks at; negative from the end.")
    private List<Integer> keys = new ArrayList<>();

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "12",
            description = "Heads, sources and pairs to show, 0 for all (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--json", description = "Print everything as JSON on standard output.")
    private boolean json;

    @Mixin
    private ModelOptions model;

    @Mixin
    private TracingOptions tracing;

    @Mixin
    private TargetOptions targets;

    @Mixin
    private PruningOptions pruning;

    public AttentionCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() throws IOException {
        if (graph != null && prompt.isGiven()) {
            throw new UsageException("The prompt is given twice: --graph has its own; leave one out");
        }
        if (graph == null) {
            PromptOptions.Source source = prompt.read();
            AttributionOptions options = checked();
            try (var progress = new ProgressDisplay(console, interrupt, json);
                    ReplacementModel loaded = model.load(progress)) {
                Prompt read = source.resolve(loaded);
                OutputTargets wanted = targets.of(loaded, read.length(), options.targets());
                try (LinearPrompt linear = LinearPrompt.of(loaded, read, options.withTargets(wanted), progress)) {
                    explain(linear, null, wanted, progress);
                }
            }
            return 0;
        }
        AttributionOptions options = checked();
        try (AttributionGraph whole = WholeGraph.read(graph);
                var progress = new ProgressDisplay(console, interrupt, json);
                ReplacementModel loaded = model.loadMadeWith(graph, whole.provenance(), progress);
                LinearPrompt linear = linear(loaded, whole, options, progress)) {
            explain(linear, whole, null, progress);
        }
        return 0;
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    private AttributionOptions checked() {
        AttributionOptions options = tracing.read(model);
        model.check();
        targets.check();
        pruning.check();
        check();
        return options;
    }

    private LinearPrompt linear(
            ReplacementModel loaded, AttributionGraph whole, AttributionOptions options, Progress progress) {
        if (whole.provenance().settings().containsKey(Provenance.CONTRAST)) {
            throw new UsageException(
                    graph
                            + " counts from the mean over a contrast, and what heads carry is known from 0 only; make the graph without --contrast");
        }
        if (whole.layers() != loaded.layers()) {
            throw new HeadwaterException(graph + " is of a model with " + whole.layers() + " layers, and this one has "
                    + loaded.layers() + "; give the model and transcoders that it was made with");
        }
        List<FeatureRef> features = IntStream.range(0, whole.active().count())
                .mapToObj(i -> new FeatureRef(
                        whole.active().layer()[i],
                        whole.active().position()[i],
                        whole.active().feature()[i]))
                .toList();
        return LinearPrompt.of(loaded, loaded.prompt(whole.prompt().tokens()), features, options.memory(), progress);
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    private void check() {
        if (top < 0) {
            throw new UsageException("--top is " + top + "; it can't be negative");
        }
        if (heads.size() != queries.size() || heads.size() != keys.size()) {
            throw new UsageException("--head, --query and --key belong together, one of each for a score; there are "
                    + heads.size() + ", " + queries.size() + " and " + keys.size());
        }
        heads.forEach(Head::of);
        for (String edge : edges) {
            if (edge.split(",", -1).length != 2) {
                throw new UsageException(
                        "--edge is '" + Text.cut(edge, 40) + "'; write SOURCE,TARGET, as in 0_94_9,3_1932_10");
            }
        }
    }

    private void explain(
            LinearPrompt linear,
            @Nullable AttributionGraph whole,
            @Nullable OutputTargets wanted,
            ProgressDisplay progress)
            throws IOException {
        if (edges.isEmpty() && heads.isEmpty()) {
            GraphHeads found;
            if (whole != null) {
                found = heads(linear, whole, wanted, progress);
            } else {
                try (AttributionGraph made = Attribution.of(linear, progress)) {
                    found = heads(linear, made, wanted, progress);
                }
            }
            progress.close();
            table(linear, found);
            return;
        }
        List<Node> sources = new ArrayList<>();
        List<Node> ends = new ArrayList<>();
        for (String edge : edges) {
            String[] names = edge.split(",");
            sources.add(node(linear, whole, names[0].strip()));
            ends.add(node(linear, whole, names[1].strip()));
        }
        List<EdgeHeads> explained = edges.isEmpty() ? List.of() : EdgeHeads.of(linear, ends, sources, wanted, progress);
        List<ScoreSources> scores = new ArrayList<>();
        int positions = linear.prompt().length();
        for (int i = 0; i < heads.size(); i++) {
            scores.add(ScoreSources.of(
                    linear,
                    Head.of(heads.get(i)),
                    fromStart(queries.get(i), positions),
                    fromStart(keys.get(i), positions),
                    top));
        }
        progress.close();
        if (json) {
            print(generator -> new AttentionJson(linear, top).write(generator, explained, scores));
        } else {
            AttentionReport report = report(linear);
            explained.forEach(report::print);
            scores.forEach(report::print);
        }
    }

    private GraphHeads heads(
            LinearPrompt linear, AttributionGraph whole, @Nullable OutputTargets wanted, Progress progress) {
        return GraphHeads.of(linear, whole, pruning.of(whole), wanted, 1, progress);
    }

    private void table(LinearPrompt linear, GraphHeads found) throws IOException {
        if (!json) {
            report(linear).print(found);
            return;
        }
        print(generator -> {
            generator.writeStartObject();
            generator.writeArrayFieldStart("heads");
            for (GraphHeads.Ranked ranked : found.ranking().stream()
                    .limit(top == 0 ? Long.MAX_VALUE : top)
                    .toList()) {
                generator.writeStartObject();
                generator.writeNumberField("layer", ranked.head().layer());
                generator.writeNumberField("head", ranked.head().head());
                generator.writeNumberField("influence", ranked.influence());
                generator.writeEndObject();
            }
            generator.writeEndArray();
            generator.writeEndObject();
        });
    }

    /** A node by its name; in a graph with what the graph knows of it. */
    private static Node node(LinearPrompt linear, @Nullable AttributionGraph whole, String name) {
        Node node = NodeId.parse(name, linear.model().layers());
        if (node instanceof Node.Logit logit) {
            if (logit.position() >= linear.prompt().length()) {
                throw new UsageException("'" + name + "' is no output of this prompt: its positions are 0 to "
                        + (linear.prompt().length() - 1));
            }
            return whole == null
                    ? node
                    : whole.targets().stream()
                            .filter(target ->
                                    target.token() == logit.target().token() && target.position() == logit.position())
                            .<Node>map(Node.Logit::new)
                            .findFirst()
                            .orElseThrow(() -> new UsageException("'" + name + "' is none of the graph's outputs"));
        }
        return linear.source(linear.number(node));
    }

    private static int fromStart(int position, int positions) {
        return position < 0 ? position + positions : position;
    }

    private AttentionReport report(LinearPrompt linear) {
        return new AttentionReport(
                console, linear, BundledLabels.of(linear.model().transcoderReference()), top);
    }

    @FunctionalInterface
    private interface Writer {
        void write(JsonGenerator json) throws IOException;
    }

    private void print(Writer writer) throws IOException {
        JsonGenerator generator =
                BoundedJson.factory().createGenerator(console.out()).useDefaultPrettyPrinter();
        generator.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
        try (generator) {
            writer.write(generator);
        }
        console.out().println();
    }
}
