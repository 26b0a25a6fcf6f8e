package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptLines;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.EvaluationReport;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.evaluation.Evaluation;
import dev.headwater.engine.evaluation.EvaluationCard;
import dev.headwater.engine.evaluation.PromptScores;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.hub.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater evaluate}: how far sets of transcoders stand in for a model's MLPs. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater evaluate [OPTIONS] -m MODEL -t SET [-t SET2 …] --text FILE…",
        description = {
            "Judge sets of transcoders on text that they were not trained on: what they leave unexplained of the MLPs' outputs (FVU), how many features "
                    + "are active (L0), never (dead) or too often (dense), and what the model's loss becomes with the sets in the MLPs' place.",
            "recovered: 1 where the loss is the model's own, 0 where it is that of MLPs set to 0; over mean: to their mean; – where MLPs cost under 0.01 nats. Positions where features "
                    + "count as 0, the first of a text, keep their MLPs and are left out but for 'with first'; 'no outliers' leaves out outputs over 10 "
                    + "times as long as the median one.",
            "Memory: the rows of 1,024 tokens, one layer at a time, and 256 MiB of logits (or one window's, if that is more)."
        },
        footer = {
            "",
            "Examples:",
            "  headwater evaluate --text held-out.txt.gz -t atlas-plt -t atlas-clt",
            "  headwater evaluate -m model.gguf -t DIR --text a.txt --prompts prompts.jsonl --card"
        })
public final class EvaluateCommand implements Callable<Integer> {
    private static final Evaluation.Options DEFAULTS = Evaluation.Options.DEFAULT;

    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            arity = "1..*",
            required = true,
            description =
                    "Text in UTF-8, a document a line; *.jsonl, *.ndjson: the 'text' of each line; *.gz is unpacked.")
    private List<Path> text;

    @Option(names = "--max-tokens", paramLabel = "N", description = "Read no more of the text (default: 20000).")
    private long tokens = DEFAULTS.tokens();

    @Option(
            names = "--loss-tokens",
            paramLabel = "N",
            description = "Take losses over so much of its beginning; 0 for none (default: 2048).")
    private long lossTokens = DEFAULTS.lossTokens();

    @Option(
            names = "--layer-losses",
            description = "Replace each layer alone too: three more passes a layer over the tokens for losses.")
    private boolean layerLosses;

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "Tokens that the model reads at once; longer documents are cut (default: 128).")
    private int window = DEFAULTS.window();

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description =
                    "Trace these prompts too, lines as in 'batch': scores of the graphs, and how they agree with interventions.")
    private @Nullable Path prompts;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            description = "With --prompts: features of a graph, 0 for all (default: 7500).")
    private int maxFeatures = PromptScores.Options.DEFAULT.maxFeatures();

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "With --prompts: features of a graph to intervene on (default: 10).")
    private int top = PromptScores.Options.DEFAULT.interventions();

    @Option(
            names = "--card",
            description = "Write what was found into each set's folder, as " + EvaluationCard.FILE + ".")
    private boolean card;

    @Option(names = "--json", description = "Print everything as JSON on standard output.")
    private boolean json;

    public EvaluateCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        model.check();
        if (model.neurons()) {
            throw new UsageException("a model's own neurons leave nothing unexplained; evaluate transcoders");
        }
        Evaluation.Options options = new Evaluation.Options(window, tokens, lossTokens, layerLosses);
        PromptScores.Options tracing = new PromptScores.Options(maxFeatures, top);
        Corpus corpus = new Corpus(text);
        List<PromptOptions.Source> traced =
                prompts == null ? List.of() : PromptLines.each(prompts, line -> PromptLines.prompt(line.fields()));
        List<String> sets = model.allTranscoders();
        if (card) {
            sets.forEach(EvaluateCommand::requireOwn);
        }
        List<Evaluation> found = new ArrayList<>();
        List<Path> written = new ArrayList<>();
        try (var progress = new ProgressDisplay(console, interrupt, false)) {
            for (String set : sets) {
                try (ReplacementModel loaded = model.load(set, progress)) {
                    List<PromptScores> scores = new ArrayList<>();
                    Evaluation result = Evaluation.of(loaded, corpus, options, progress);
                    for (PromptOptions.Source prompt : traced) {
                        scores.add(PromptScores.of(loaded, prompt.resolve(loaded), tracing, progress));
                    }
                    result = result.withPrompts(scores);
                    found.add(result);
                    if (card) {
                        written.add(EvaluationCard.write(
                                loaded.transcoders().config().directory(), result, corpus, options));
                    }
                }
            }
        }
        EvaluationReport report = new EvaluationReport(found);
        if (json) {
            report.printJson(console.out());
        } else {
            report.print(console);
            for (Path file : written) {
                console.out().println(console.style().bold(Text.pad("wrote", 12)) + Text.visible(file.toString()));
            }
        }
        return 0;
    }

    private static void requireOwn(String set) {
        if (!(Reference.parse(set) instanceof Reference.Local)) {
            throw new UsageException("--card writes into a set's folder, and " + set
                    + " is bundled or in the hub's cache; leave it out");
        }
    }
}
