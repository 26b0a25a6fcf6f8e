package dev.headwater.cli.command;

import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.GenerationOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.SteeringOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.InterventionReport;
import dev.headwater.cli.report.InterventionTensors;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.features.FeatureBuild;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.MeanEdits;
import dev.headwater.engine.intervention.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
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
            "  headwater intervene \"PROMPT\" --group Texas=-1 --put California=2 --graph dallas.json --graph oakland.json",
            "  headwater intervene \"PROMPT\" --from-graph graphs/dallas.json --top 20",
            "  headwater intervene \"Fact: the\" --set 4/1:/425=3 --generate 12"
        })
public final class InterveneCommand implements Callable<Integer> {
    private static final int SHOWN = 5;
    private static final int STRONGEST = 10;
    private static final int TITLE = 18;

    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private PromptOptions prompt;

    @Mixin
    private ModelOptions model;

    @Mixin
    private SteeringOptions steering;

    @Mixin
    private ContrastOptions contrast;

    @Mixin
    private GenerationOptions generation;

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "With --from-graph: how many of its features to change (default: 10). Otherwise as --show.")
    private @Nullable Integer top;

    @Option(names = "--show", paramLabel = "N", description = "Tokens and features to print (default: 5).")
    private @Nullable Integer show;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            description =
                    "Name features after the evidence that 'headwater features build --out DIR' gathered (default: the bundled one).")
    private @Nullable Path features;

    @Option(names = "--json", description = "Print the result as JSON on standard output.")
    private boolean json;

    @Option(
            names = "--raw",
            paramLabel = "FILE",
            description = "Write logits, activations and generated tokens as safetensors.")
    private @Nullable Path raw;

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
        contrast.check(model);
        steering.check();
        generation.check();
        check();
        try (var progress = new ProgressDisplay(console, interrupt, false);
                ReplacementModel loaded = model.load(progress);
                Baseline baseline = Baseline.of(loaded, source.resolve(loaded))) {
            List<String> warnings = new ArrayList<>();
            Intervention intervention =
                    counted(steering.of(baseline, top == null ? STRONGEST : top, warnings::add), baseline, progress);
            GraphJson.Labels labels = features == null
                    ? SetEvidence.labels(model.transcoders())
                    : FeatureBuild.open(loaded, features).labels();
            warnings.forEach(console::warn);
            try (Run edited = baseline.apply(intervention)) {
                InterventionReport report = new InterventionReport(
                        baseline, intervention, edited, shown(), preActivations, labels, warnings);
                if (!json) {
                    report.print(console);
                }
                List<Generation> before = generate(baseline, Intervention.NONE, "without edits");
                List<Generation> after = generate(baseline, intervention, "with edits");
                if (json) {
                    report.writeJson(console.out(), before, after);
                }
                if (raw != null) {
                    new InterventionTensors(baseline, edited, sparse, preActivations, before, after).write(raw);
                    if (!json) {
                        console.out().println("wrote     " + raw);
                    }
                }
            }
        }
        return 0;
    }

    private int shown() {
        return show != null ? show : top != null && !steering.strongestWanted() ? top : SHOWN;
    }

    /** From the mean over the contrast, if there is one. */
    private Intervention counted(Intervention intervention, Baseline baseline, Progress progress) {
        Optional<Contrast> against = contrast.of(baseline.model(), baseline.prompt());
        if (against.isEmpty()) {
            return intervention;
        }
        try (var means = MeanActivations.of(baseline.model(), baseline.prompt(), against.get(), progress)) {
            return MeanEdits.of(intervention, baseline, means);
        }
    }

    private void check() {
        if (top != null && top < 0 || shown() < 0) {
            throw new UsageException(
                    (top != null && top < 0 ? "--top is " + top : "--show is " + show) + "; it can't be negative");
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
            Path parent = raw.toAbsolutePath().resolveSibling("");
            if (!Files.isDirectory(parent)) {
                throw new HeadwaterException("Cannot write " + raw + ": its directory does not exist");
            }
            OutputOptions.checkWritable(parent);
        }
    }

    private List<Generation> generate(Baseline baseline, Intervention intervention, String title) {
        List<Generation> texts = new ArrayList<>();
        for (int sample = 0; sample < generation.samples(); sample++) {
            String numbered = generation.samples() == 1 ? title : title + " " + (sample + 1);
            texts.add(generate(baseline, intervention, generation.of(baseline.model(), sample), numbered));
        }
        return texts;
    }

    /** Generates, and shows the text as it grows. */
    private Generation generate(
            Baseline baseline, Intervention intervention, Generation.Options options, String title) {
        ReplacementModel loaded = baseline.model();
        if (!json) {
            console.out().print(console.style().bold(Text.pad(title, TITLE)));
        }
        int[] tokens = new int[options.maxTokens()];
        int[] progress = new int[2];
        Generation result = Generation.of(baseline, intervention, options, (token, _) -> {
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
