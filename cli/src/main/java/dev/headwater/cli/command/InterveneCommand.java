package dev.headwater.cli.command;

import dev.headwater.cli.option.GenerationOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.SteeringOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.InterventionReport;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater intervene}: changes features of a prompt and shows what the model makes of it. */
@Command(
        name = "intervene",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater intervene [OPTIONS] PROMPT",
        description = "Change features while the model reads a prompt, and see what becomes of its answer.",
        footer = {
            "",
            "Examples:",
            "  headwater intervene \"Fact: the capital of the state containing Dallas is\" --scale 2/-1/607=-1",
            "  headwater intervene \"36+59=\" --swap '3:6/-1/*' --from \"36+58=\"",
            "  headwater intervene \"Fact: the\" --set 4/1:/425=3 --generate 12"
        })
public final class InterveneCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private PromptOptions prompt;

    @Mixin
    private ModelOptions model;

    @Mixin
    private SteeringOptions steering;

    @Mixin
    private GenerationOptions generation;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "5",
            description = "Tokens and features to print (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--json", description = "Print the result as JSON on standard output.")
    private boolean json;

    @Option(
            names = "--raw",
            paramLabel = "FILE",
            description = "Write logits, activations and generated tokens as safetensors.")
    private Path raw;

    @Option(names = "--sparse", description = "With --raw: only activations that are not 0, as triples.")
    private boolean sparse;

    @Option(names = "--pre-activations", description = "Features before their activation function instead of after it.")
    private boolean preActivations;

    public InterveneCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        PromptOptions.Source source = prompt.read();
        model.check();
        steering.check();
        generation.check();
        check();
        try (var progress = new ProgressDisplay(console, interrupt, false);
                ReplacementModel loaded = model.load(progress);
                Baseline baseline = Baseline.of(loaded, source.with(loaded))) {
            Intervention intervention = steering.of(baseline);
            try (Run edited = baseline.apply(intervention)) {
                InterventionReport report = new InterventionReport(baseline, intervention, edited, top, preActivations);
                if (!json) {
                    report.print(console);
                }
                Generation before = generation.wanted() ? generate(baseline, Intervention.NONE, "without edits") : null;
                Generation after = generation.wanted() ? generate(baseline, intervention, "with edits") : null;
                if (json) {
                    report.writeJson(console.out(), before, after);
                }
                if (raw != null) {
                    report.writeRaw(raw, sparse, before, after);
                    if (!json) {
                        console.out().println("wrote     " + raw);
                    }
                }
            }
        }
        return 0;
    }

    private void check() {
        if (top < 0) {
            throw new UsageException("--top is " + top + "; it can't be negative");
        }
        if (sparse && (raw == null || preActivations)) {
            throw new UsageException(
                    raw == null
                            ? "--sparse is given without --raw"
                            : "--sparse contradicts --pre-activations, which are hardly ever 0");
        }
        if (raw != null && Files.isDirectory(raw)) {
            throw new HeadwaterException("Cannot write " + raw + ": it is a directory");
        }
        if (raw != null) {
            Path parent = raw.toAbsolutePath().getParent();
            if (!Files.isDirectory(parent)) {
                throw new HeadwaterException("Cannot write " + raw + ": its directory does not exist");
            }
            OutputOptions.checkWritable(parent);
        }
    }

    /** Generates, and shows the text as it grows. */
    private Generation generate(Baseline baseline, Intervention intervention, String title) {
        ReplacementModel loaded = baseline.model();
        Generation.Options options = generation.of(loaded);
        if (!json) {
            console.out().print(console.style().bold(Text.pad(title, 15)));
        }
        int[] tokens = new int[options.maxTokens()];
        int[] progress = new int[2];
        Generation result = Generation.of(baseline, intervention, options, (token, unused) -> {
            if (interrupt.requested()) {
                throw new CancellationException();
            }
            tokens[progress[0]++] = token;
            String text = options.stop().contains(token)
                    ? ""
                    : loaded.tokenizer().decode(java.util.Arrays.copyOf(tokens, progress[0]));
            // A character whose bytes are spread over tokens is shown when it is whole.
            if (!json && text.length() > progress[1] && !text.endsWith("\uFFFD")) {
                console.out().print(Text.visible(text.substring(progress[1])));
                console.out().flush();
                progress[1] = text.length();
            }
        });
        if (!json) {
            console.out().println();
        }
        return result;
    }
}
