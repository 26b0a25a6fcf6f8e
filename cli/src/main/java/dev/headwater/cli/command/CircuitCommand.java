package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptLines;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.cli.report.CircuitReport;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.circuit.Alignment;
import dev.headwater.engine.circuit.CircuitCheck;
import dev.headwater.engine.circuit.CircuitCheck.Question;
import dev.headwater.engine.circuit.CircuitFile;
import dev.headwater.engine.circuit.GraphSet;
import dev.headwater.engine.circuit.MergedCircuit;
import dev.headwater.engine.circuit.SetContrast;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.sharing.SiteSet;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater circuit}: what the graphs of many prompts have in common. */
@Command(
        name = "circuit",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater circuit [OPTIONS] DIR",
        description = {
            "Merge the graphs of many prompts into the circuit that they have in common: features that recur at the same place, and the edges between "
                    + "them.",
            "A place is told by role: counted from the start where all prompts begin alike (start+4), from the end where they end alike (final, final-1), "
                    + "and between from the last token of what differs (subject, subject-1)."
        },
        footer = {
            "",
            "Examples:",
            "  headwater circuit graphs/capitals --out graphs/circuits/capitals.json",
            "  headwater circuit graphs/capitals --verify held-out.jsonl",
            "  headwater circuit graphs/wrong --against graphs/right"
        })
public final class CircuitCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            paramLabel = "DIR",
            description = "Directory of graphs of one model and its transcoders, as 'batch' writes them.")
    private Path directory;

    @Option(
            names = "--by",
            paramLabel = "WAY",
            defaultValue = "role",
            description = "How places are told: role, end (from the last token) or start (default: ${DEFAULT-VALUE}).")
    private Alignment.By by;

    @Option(
            names = "--min-share",
            paramLabel = "SHARE",
            defaultValue = "0.5",
            description = "Share of the graphs that a feature must be in (default: ${DEFAULT-VALUE}).")
    private double minShare;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "30",
            description =
                    "Features to keep, those with the largest mean influence; with --against, to print (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--edges",
            paramLabel = "N",
            defaultValue = "12",
            description = "Edges to print (default: ${DEFAULT-VALUE}).")
    private int edges;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE.json",
            description = "Write the circuit as a graph, with the prompts behind each node and edge.")
    private @Nullable Path out;

    @Option(
            names = "--against",
            paramLabel = "DIR2",
            description =
                    "Instead: which features the graphs of DIR have and those of DIR2 lack, and the other way round.")
    private @Nullable Path against;

    @Option(
            names = "--verify",
            paramLabel = "PROMPTS",
            description =
                    "Take the circuit's features away on these prompts, or all others, and see what is left of the answers; lines as in 'batch', if wanted "
                            + "with answer, the text of one token or #ID (default: what the model says).")
    private @Nullable Path verify;

    @Option(
            names = "--draws",
            paramLabel = "N",
            defaultValue = "5",
            description = "With --verify: random circuits for each prompt (default: ${DEFAULT-VALUE}).")
    private int draws;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private ModelOptions model;

    @Option(names = "--json", description = "Print everything as JSON on standard output.")
    private boolean json;

    public CircuitCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    /** A prompt that the circuit is checked on. */
    private record Line(
            int number,
            PromptOptions.Source prompt,
            @Nullable String answer) {}

    @Override
    public Integer call() {
        MergedCircuit.check(minShare, top);
        model.check();
        if (edges < 0 || draws < 1) {
            throw new UsageException(
                    edges < 0
                            ? "--edges is " + edges + "; it can't be negative"
                            : "--draws is " + draws + "; the circuit needs a random one to stand beside");
        }
        if (against != null && (out != null || verify != null)) {
            throw new UsageException("--against compares two sets and makes no circuit; leave out --out and --verify");
        }
        if (out != null) {
            CircuitFile.check(out);
        }
        List<Line> lines = verify == null ? List.of() : lines(verify);
        CircuitReport report = new CircuitReport(console, top, edges);
        try (var progress = new ProgressDisplay(console, interrupt, false)) {
            GraphSet set = GraphSet.open(directory, console::warn, progress);
            if (against != null) {
                GraphSet other = GraphSet.open(against, console::warn, progress);
                Alignment alignment = set.alignment(by, other);
                SetContrast contrast = SetContrast.of(set, other, alignment, progress);
                progress.close();
                if (json) {
                    report.printJson(contrast);
                } else {
                    report.print(contrast, alignment, directory, against);
                }
                return 0;
            }
            MergedCircuit circuit = MergedCircuit.of(set, set.alignment(by), minShare, top, progress);
            CircuitCheck check = verify == null ? null : check(circuit, lines, verify, progress);
            progress.close();
            if (out != null) {
                CircuitFile.write(
                        circuit, out, SiteSet.featureDetails(circuit.origin().scan()));
            }
            if (json) {
                report.printJson(circuit, check);
            } else {
                report.print(circuit, check, out);
            }
        }
        return 0;
    }

    private CircuitCheck check(MergedCircuit circuit, List<Line> lines, Path file, ProgressDisplay progress) {
        if (!circuit.origin().contrast().isEmpty()) {
            throw new UsageException("the graphs of " + directory
                    + " count from the mean over a contrast, and --verify sets features to 0; leave it out");
        }
        try (ReplacementModel loaded =
                model.loadFor(circuit.origin().model(), circuit.origin().transcoders(), progress)) {
            List<Question> questions = lines.stream()
                    .map(line -> question(loaded, circuit, line, file))
                    .toList();
            return CircuitCheck.of(circuit, loaded, questions, draws, seed, progress);
        }
    }

    private static Question question(ReplacementModel loaded, MergedCircuit circuit, Line line, Path file) {
        try {
            Prompt prompt = line.prompt.resolve(loaded);
            circuit.alignment().require(prompt.texts());
            return new Question(prompt, line.answer == null ? null : TargetOptions.token(loaded, line.answer));
        } catch (UsageException e) {
            throw PromptLines.inLine(file, line.number, e);
        }
    }

    private static List<Line> lines(Path file) {
        return PromptLines.each(
                file,
                line -> new Line(
                        line.number(),
                        PromptLines.prompt(line.fields()),
                        line.fields().has("answer") ? PromptLines.text(line.fields(), "answer") : null));
    }
}
