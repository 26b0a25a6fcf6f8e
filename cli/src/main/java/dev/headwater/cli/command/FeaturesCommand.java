package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.features.FeatureBuild;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater features}: what features fire on and what they make the model say. */
@Command(
        name = "features",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Gather what is shown of features: what they fire on, and what they make the model say.",
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n")
public final class FeaturesCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        throw new UsageException(
                "Say what is to be done with features: headwater features build, label or connections");
    }

    /** {@code headwater features build}: reads text, writes feature files. */
    @Command(
            name = "build",
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            customSynopsis = "headwater features build [OPTIONS] --corpus FILE…",
            description = {
                "Read text with the model and write, for every feature of the transcoders, its top examples, examples by quantile, "
                        + "histogram, frequency and output tokens, in the public library's files: DIR/<scan>/features/index.json.gz and layer_<l>.bin.",
                "A run that ended early goes on where it was when it is started again. Text takes 4 bytes of disk a token, and a feature that "
                        + "fires often 4 to 6 kB of memory; with less memory than all features need, the text is read several times, some layers at a time."
            },
            footer = {
                "",
                "Examples:",
                "  headwater features build --corpus corpus.txt.gz --out features",
                "  headwater features build -m DIR -t DIR --corpus a.txt b.txt --max-tokens 20000000",
                "  headwater features build --corpus corpus.txt.gz --connections"
            })
    public static final class Build implements Callable<Integer> {
        private static final FeatureBuild.Options DEFAULTS = FeatureBuild.Options.DEFAULT;

        private final Console console;
        private final Interrupt interrupt;

        @Mixin
        private ModelOptions model;

        @Option(
                names = "--corpus",
                paramLabel = "FILE",
                arity = "1..*",
                required = true,
                description =
                        "Text in UTF-8, a document a line; *.jsonl, *.ndjson: the 'text' of each line; *.gz is unpacked.")
        private List<Path> corpus;

        @Option(
                names = {"-o", "--out"},
                paramLabel = "DIR",
                defaultValue = "features",
                description = "Directory for the set's folder, made if missing (default: ./${DEFAULT-VALUE}).")
        private Path directory;

        @Option(
                names = "--max-tokens",
                paramLabel = "N",
                description = "Read no more of the text than this (default: 10000000).")
        private long maxTokens = DEFAULTS.maxTokens();

        @Option(
                names = "--window",
                paramLabel = "N",
                description = "Tokens that the model reads at once; longer documents are cut (default: 128).")
        private int window = DEFAULTS.window();

        @Option(names = "--examples", paramLabel = "N", description = "Top examples of a feature (default: 20).")
        private int examples = DEFAULTS.top();

        @Option(
                names = "--samples",
                paramLabel = "N",
                description = "Examples drawn from all, shown by quantile (default: 25).")
        private int samples = DEFAULTS.sample();

        @Option(
                names = "--output-tokens",
                paramLabel = "N",
                description = "Most raised and most lowered tokens to name (default: 10).")
        private int outputTokens = DEFAULTS.logits();

        @Option(names = "--seen-tokens", description = "Name only tokens that the text has.")
        private boolean seenTokens;

        @Option(
                names = "--connections",
                paramLabel = "N",
                arity = "0..1",
                fallbackValue = "64",
                defaultValue = "0",
                description = "Also gather which features fire together, for 'features connections': the N strongest "
                        + "connections into each feature (${FALLBACK-VALUE} if not said).")
        private int connections;

        @Option(names = "--memory", paramLabel = "GB", description = "Java heap for statistics (default: half of all).")
        private double memory = DEFAULTS.memory() / 1e9;

        @Option(names = "--quiet", description = "Print nothing but errors.")
        private boolean quiet;

        public Build(Console console, Interrupt interrupt) {
            this.console = console;
            this.interrupt = interrupt;
        }

        @Override
        public Integer call() {
            if (!(memory > 0 && memory < 1e6)) {
                throw new UsageException("--memory is " + memory + "; it is a number of gigabytes above 0");
            }
            var options = new FeatureBuild.Options(
                    window,
                    maxTokens,
                    examples,
                    samples,
                    outputTokens,
                    !seenTokens,
                    (long) (memory * 1e9),
                    DEFAULTS.checkpoint(),
                    connections);
            model.check();
            OutputOptions.checkWritable(directory);
            Corpus text = new Corpus(corpus);
            Path written;
            try (var progress = new ProgressDisplay(console, interrupt, quiet);
                    ReplacementModel loaded = model.load(progress)) {
                written = FeatureBuild.run(loaded, text, options, directory, progress);
            }
            if (!quiet) {
                console.out().println("Wrote the features to " + Text.visible(written.toString()));
            }
            return 0;
        }
    }
}
