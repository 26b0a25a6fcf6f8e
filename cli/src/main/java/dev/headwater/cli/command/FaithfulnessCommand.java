package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.option.ContrastFile;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptLines;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.FaithfulnessReport;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Faithfulness;
import dev.headwater.engine.intervention.Faithfulness.Question;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater faithfulness}: how few neurons carry the answers to a file of prompts. */
@Command(
        name = "faithfulness",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Keep some of a model's neurons as they are, set all others to their mean over the prompts, and see how much of each answer is kept: "
                    + "of its logit, less that of another token.",
            "contrast: the neurons with the largest effects, counted from the mean, as 'attribute --contrast' chooses them. total: counted from 0, "
                    + "as without --contrast. random: any."
        },
        footer = {
            "",
            "A line of FILE is a JSON object with prompt, token_ids or messages, and answer and instead, each the text of one token or #ID;",
            "a line without an answer counts for the mean only. Prompts should have as many tokens as each other.",
            "",
            "Example:",
            "  headwater faithfulness benchmarks/faithfulness/capitals.jsonl --neurons -m model.gguf"
        })
public final class FaithfulnessCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(paramLabel = "FILE", description = "Prompts with answers, as JSON lines.")
    private Path file;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--contrast",
            paramLabel = "FILE",
            description =
                    "Take the mean over these prompts, or each prompt's own, as 'attribute --contrast' does (default: over those of FILE).")
    private @Nullable Path contrast;

    @Option(
            names = "--keep",
            paramLabel = "N,…",
            split = ",",
            description = "How many neurons to keep (default: 0,30,100,300,1000,3000,10000).")
    private List<Integer> counts = Faithfulness.COUNTS;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the random neurons (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--json", description = "Print everything as JSON on standard output, prompt by prompt.")
    private boolean json;

    public FaithfulnessCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    /** A line with an answer. */
    private record Line(int number, PromptOptions.Source prompt, String answer, String instead) {}

    @Override
    public Integer call() {
        model.check();
        if (!model.neurons()) {
            throw new UsageException("faithfulness is measured of a model's own neurons; give --neurons");
        }
        for (int count : counts) {
            if (count < 0) {
                throw new UsageException("--keep has " + count + "; a number of neurons can't be negative");
            }
        }
        List<Line> lines = lines();
        ContrastFile against = ContrastFile.read(contrast == null ? file : contrast);
        try (var progress = new ProgressDisplay(console, interrupt, false);
                ReplacementModel loaded = model.load(progress)) {
            List<Question> questions =
                    lines.stream().map(line -> question(loaded, line, against)).toList();
            Faithfulness result = Faithfulness.of(loaded, questions, counts, seed, progress);
            progress.close();
            FaithfulnessReport report = new FaithfulnessReport(result);
            if (json) {
                report.printJson(console.out());
            } else {
                report.print(console);
            }
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
        return 0;
    }

    private List<Line> lines() {
        List<Line> lines = new ArrayList<>();
        for (PromptLines.Line line : PromptLines.read(file)) {
            try {
                if (line.fault() != null) {
                    throw new UsageException(line.fault());
                }
                JsonNode fields = line.fields();
                PromptOptions.Source prompt = PromptLines.prompt(fields);
                if (fields.has("answer") || fields.has("instead")) {
                    lines.add(new Line(
                            line.number(),
                            prompt,
                            PromptLines.text(fields, "answer"),
                            PromptLines.text(fields, "instead")));
                }
            } catch (UsageException e) {
                throw inLine(line.number(), e);
            }
        }
        if (lines.isEmpty()) {
            throw new HeadwaterException(
                    file
                            + " has no line with an answer; a line is {\"prompt\": …, \"answer\": one token, \"instead\": another}");
        }
        return lines;
    }

    private UsageException inLine(int number, UsageException e) {
        return new UsageException(file + ", line " + number + ": " + e.getMessage());
    }

    private Question question(ReplacementModel loaded, Line line, ContrastFile against) {
        try {
            Prompt prompt = line.prompt.resolve(loaded);
            int answer = TargetOptions.token(loaded, line.answer);
            int instead = TargetOptions.token(loaded, line.instead);
            if (answer == instead) {
                throw new UsageException("its answer and its instead are the same token");
            }
            return new Question(prompt, answer, instead, against.of(loaded, prompt));
        } catch (UsageException e) {
            throw inLine(line.number, e);
        }
    }
}
