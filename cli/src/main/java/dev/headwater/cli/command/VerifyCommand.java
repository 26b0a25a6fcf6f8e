package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.cli.option.ContrastFile;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Style;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.VerificationPlot;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.HeadVerification;
import dev.headwater.engine.intervention.SourceGraph;
import dev.headwater.engine.intervention.Supernode;
import dev.headwater.engine.intervention.Verification;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater verify}: holds a graph against the model it explains. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater verify [OPTIONS] GRAPH",
        description = {
            "Intervene on a graph's most influential features and compare what happens with what the graph predicts; then see how few features "
                    + "carry the answer.",
            "direct: everything frozen, against the graph's edges. total: attention frozen, against all paths of the graph."
        },
        footer = {
            "",
            "Examples:",
            "  headwater verify graph.safetensors --plot verify.svg",
            "  headwater verify graphs/dallas.json --top 10 --factor 2 --json"
        })
public final class VerifyCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            paramLabel = "GRAPH",
            description = "A whole graph (*.safetensors) or a front end's (*.json), whose supernodes are checked too.")
    private Path file;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "20",
            description = "Features to intervene on, one at a time (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--factor",
            paramLabel = "X",
            defaultValue = "0",
            description = "What to multiply their activations by (default: ${DEFAULT-VALUE}, take them away).")
    private double factor;

    @Option(
            names = "--groups",
            paramLabel = "FILE|URL",
            description = "Supernodes to check: a graph file or an address on Neuronpedia (default: those in GRAPH).")
    private @Nullable String groups;

    @Option(
            names = "--draws",
            paramLabel = "N",
            defaultValue = "5",
            description = "Random sets of features for each point of the baseline (default: ${DEFAULT-VALUE}).")
    private int draws;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--plot",
            paramLabel = "FILE.svg",
            description = "Draw predicted against actual changes, and the ablation curves.")
    private @Nullable Path plot;

    @Option(
            names = "--heads",
            description =
                    "Instead: knock out the strongest heads of the graph's strongest edges between features (--top), all else frozen, "
                            + "and compare what happens with their loadings.")
    private boolean heads;

    @Option(
            names = "--contrast",
            paramLabel = "FILE",
            description =
                    "Take features to their mean over these prompts instead of to 0, and multiply their distance from it (default: the prompts that a "
                            + "graph of neurons was made against, if it was).")
    private @Nullable Path contrast;

    @Option(names = "--json", description = "Print everything as JSON on standard output.")
    private boolean json;

    public VerifyCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() throws JsonProcessingException {
        model.check();
        new Verification.Options(top, factor, List.of(), draws, seed);
        if (plot != null
                && (Files.isDirectory(plot)
                        || !Files.isDirectory(plot.toAbsolutePath().resolveSibling("")))) {
            throw new HeadwaterException(
                    "Cannot write " + plot + ": it is a directory, or its directory does not exist");
        }
        if (heads && contrast != null) {
            throw new UsageException("--heads knocks heads out, whatever the contrast; leave out one of the two");
        }
        ContrastFile against = contrast == null ? null : ContrastFile.read(contrast);
        String listed = groups != null ? groups : file.toString().endsWith(".json") ? file.toString() : null;
        try (PlainGraph graph = PlainGraph.read(file);
                var progress = new ProgressDisplay(console, interrupt, false);
                ReplacementModel loaded = model.loadFor(graph.model(), graph.transcoders(), progress)) {
            if (heads && !graph.contrast().isEmpty()) {
                throw new UsageException(
                        file
                                + " counts from the mean over a contrast, and what heads carry is known from 0 only; verify it without --heads");
            }
            if (heads) {
                verifyHeads(graph, loaded, progress);
                return 0;
            }
            List<Supernode> supernodes = List.of();
            if (listed != null) {
                SourceGraph source = SourceGraph.of(listed, loaded.layers());
                source.mismatch(loaded).ifPresent(console::warn);
                supernodes = source.groups();
            }
            Verification check = Verification.of(
                    loaded,
                    graph,
                    new Verification.Options(top, factor, supernodes, draws, seed),
                    against == null ? null : against.of(loaded, prompt(graph, loaded)),
                    progress);
            progress.close();
            if (plot != null) {
                VerificationPlot.write(check, plot);
            }
            if (json) {
                console.out()
                        .println(BoundedJson.mapper()
                                .writerWithDefaultPrettyPrinter()
                                .writeValueAsString(check));
            } else {
                print(check);
            }
        }
        return 0;
    }

    private static Prompt prompt(PlainGraph graph, ReplacementModel loaded) {
        int[] tokens = graph.tokens();
        return tokens != null ? loaded.prompt(tokens) : loaded.prompt(graph.promptText());
    }

    private void verifyHeads(PlainGraph graph, ReplacementModel loaded, ProgressDisplay progress)
            throws JsonProcessingException {
        Prompt prompt = prompt(graph, loaded);
        List<FeatureRef> features = graph.nodes().stream()
                .filter(node -> node.kind() == DocumentNode.Kind.FEATURE)
                .map(node -> new FeatureRef(node.layer(), node.position(), (int) node.number()))
                .toList();
        try (LinearPrompt linear = LinearPrompt.of(loaded, prompt, features, 0, progress);
                Baseline baseline = Baseline.of(loaded, prompt)) {
            HeadVerification check =
                    HeadVerification.of(linear, baseline, HeadVerification.strongest(linear, graph, top), progress);
            progress.close();
            if (json) {
                console.out()
                        .println(BoundedJson.mapper()
                                .writerWithDefaultPrettyPrinter()
                                .writeValueAsString(check));
                return;
            }
            PrintStream out = console.out();
            out.println(console.style().bold(Text.pad("heads", 10))
                    + String.format(
                            Locale.ROOT,
                            "%s knocked out, relative error %.1e",
                            Text.count(check.heads()),
                            check.relativeError()));
            out.println();
            out.println(console.style().dim("source          target          head    loading   knocked out"));
            for (HeadVerification.Check one : check.checks()) {
                out.println(Text.pad(one.edge().source().ref().toString(), 16)
                        + Text.pad(one.edge().target().ref().toString(), 16)
                        + Text.pad(one.layer() + "/" + one.head(), 6)
                        + String.format(Locale.ROOT, "%+9.5f     %+9.5f", one.predicted(), one.actual()));
            }
        }
    }

    private void print(Verification check) {
        PrintStream out = console.out();
        Style style = console.style();
        out.println(style.bold(Text.pad("prompt", 10)) + Text.cut(Text.visible(check.prompt()), console.width() - 10));
        out.println(style.bold(Text.pad("answer", 10))
                + String.format(Locale.ROOT, "\"%s\" %.4f", Text.visible(check.answer()), check.answerProbability()));
        agreement("direct", check.direct());
        agreement("total", check.total());
        if (!check.effects().isEmpty()) {
            out.println();
            out.println(
                    style.bold(Text.pad("source × " + number(factor), 18))
                            + style.dim(
                                    "influence  direct r  error   total r  error   P(answer)  worst node, predicted and actual"));
        }
        for (Verification.Effect effect : check.effects()) {
            String worst = effect.worst().isEmpty()
                    ? ""
                    : String.format(
                            Locale.ROOT,
                            "%s %+.2f %+.2f",
                            Text.visible(effect.worst().getFirst().node()),
                            effect.worst().getFirst().predicted(),
                            effect.worst().getFirst().actual());
            out.println(Text.pad(Text.visible(effect.source()), 18)
                    + String.format(
                            Locale.ROOT,
                            "%9.4f  %8.4f  %5.3f  %8.4f  %5.3f  %9.4f  %s",
                            effect.influence(),
                            effect.direct().correlation(),
                            effect.direct().relativeError(),
                            effect.total().correlation(),
                            effect.total().relativeError(),
                            effect.probability(),
                            worst));
        }
        out.println();
        out.println(style.bold(Text.pad("features kept", 18))
                + style.dim("P(answer) of the top ones, of random ones (lowest to highest)"));
        List<Verification.Point> random = check.curves().get(1).points();
        for (int i = 0; i < random.size(); i++) {
            out.println(String.format(
                    Locale.ROOT,
                    "%-18d%9.4f  %9.4f (%.4f to %.4f)",
                    random.get(i).features(),
                    check.curves().getFirst().points().get(i).probability(),
                    random.get(i).probability(),
                    random.get(i).lowest(),
                    random.get(i).highest()));
        }
        out.println();
        out.println("In words: with attention held, the graph foretells what a change of these features does "
                + verdict(check.direct())
                + "; where everything may respond, "
                + verdict(check.total())
                + ".");
        if (plot != null) {
            out.println();
            out.println(style.bold(Text.pad("wrote", 10)) + plot);
        }
    }

    private static String verdict(Verification.Agreement agreement) {
        double error = agreement.relativeError();
        if (Double.isNaN(error)) {
            return "nothing changed to compare it with";
        }
        String how = error < 0.05 ? "almost exactly" : error < 0.25 ? "well" : error < 0.6 ? "roughly" : "badly";
        return String.format(Locale.ROOT, "%s (it is off by %.0f %%)", how, 100 * error);
    }

    private void agreement(String name, Verification.Agreement agreement) {
        console.out()
                .println(console.style().bold(Text.pad(name, 10))
                        + String.format(
                                Locale.ROOT,
                                "correlation %.4f, relative error %.4f over %s changes",
                                agreement.correlation(),
                                agreement.relativeError(),
                                Text.count(agreement.targets())));
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
