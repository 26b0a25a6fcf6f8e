package dev.headwater.cli.command;

import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.TrainingDisplay;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.training.FeatureKind;
import dev.headwater.engine.training.TrainingOptions;
import dev.headwater.engine.training.TrainingPace;
import dev.headwater.engine.training.TrainingPlan;
import dev.headwater.engine.training.TrainingShape;
import dev.headwater.engine.training.TranscoderTrainer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code headwater train}: transcoders for a model, from text. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater train [OPTIONS] -m MODEL --corpus FILE… -o DIR",
        description = {
            "Train transcoders for a model on a text, and write them as a set that Headwater and the public library read.",
            "Some documents are held out; what is left unexplained of the MLPs' output there is shown while it goes on. A run that was ended goes "
                    + "on with --resume, and without a limit of time comes to the same bytes."
        },
        footer = {
            "",
            "Examples:",
            "  headwater train -m model.gguf --corpus text.txt.gz -o set --features 1024 --active 34 --minutes 15",
            "  headwater train -m DIR --corpus a.txt b.txt -o set --kind jumprelu --tokens 2000000 --log train.jsonl"
        })
public final class TrainCommand implements Callable<Integer> {
    private static final TrainingOptions.Settings DEFAULTS = TrainingOptions.Settings.DEFAULT;

    private final Console console;
    private final Interrupt interrupt;

    @Option(
            names = {"-m", "--model"},
            paramLabel = "REF",
            required = true,
            description = "Model: a directory, a GGUF file, a repository org/name[@revision], or the bundled atlas.")
    private String model;

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
            required = true,
            description = "Directory of the set, which must not exist.")
    private Path directory;

    @Option(
            names = "--kind",
            paramLabel = "KIND",
            description = "topk, batchtopk, relu or jumprelu (default: batchtopk, which becomes JumpReLU).")
    private FeatureKind kind = FeatureKind.BATCHTOPK;

    @Option(names = "--cross-layer", description = "Features write to all later layers too.")
    private boolean crossLayer;

    @Option(names = "--skip", description = "An affine path beside the features of a layer.")
    private boolean skip;

    @Option(names = "--features", paramLabel = "N", description = "Features of a layer (default: 1024).")
    private int features = 1024;

    @Option(names = "--active", paramLabel = "K", description = "Active ones at a position (default: 32).")
    private int active = 32;

    @Option(names = "--input", paramLabel = "HOOK", description = "Where features read (default: mlp.hook_in).")
    private String input = FeatureSite.MLP_IN.hookName();

    @Option(names = "--output", paramLabel = "HOOK", description = "Where features write (default: mlp.hook_out).")
    private String output = FeatureSite.MLP_OUT.hookName();

    @Option(
            names = "--from",
            paramLabel = "REF",
            description = "Begin with the features of this set, of the same shape: for a model that was trained on.")
    private @Nullable String from;

    @Option(names = "--tokens", paramLabel = "N", description = "Tokens to learn from (default: all of the text).")
    private long tokens = Long.MAX_VALUE;

    @Option(
            names = "--minutes",
            paramLabel = "N",
            description = "Time to learn, in which the text is read as often as it takes.")
    private @Nullable Double minutes;

    @Option(
            names = "--until-fvu",
            paramLabel = "X",
            description = "End when no more than this fraction of variance is unexplained on held-out text.")
    private double untilFvu;

    @Option(names = "--batch", paramLabel = "N", description = "Positions of a step (default: 2048).")
    private int batch = DEFAULTS.batch();

    @Option(names = "--rate", paramLabel = "X", description = "Of the optimiser (default: 0.001).")
    private double rate = DEFAULTS.rate();

    @Option(names = "--window", paramLabel = "N", description = "Tokens that the model reads at once (default: 256).")
    private int window = DEFAULTS.window();

    @Option(
            names = "--buffer",
            paramLabel = "N",
            description = "Positions whose activations are held and mixed (default: 32768).")
    private int buffer = DEFAULTS.buffer();

    @Option(
            names = "--visits",
            paramLabel = "N",
            description = "How often a position is learned from while it is held (default: 4).")
    private int visits = DEFAULTS.visits();

    @Option(
            names = "--held-out",
            paramLabel = "N",
            description = "Tokens of documents that are held out, about (default: 4096).")
    private int heldOut = DEFAULTS.heldOut();

    @Option(
            names = "--no-refit",
            description = "Leave decoders as the optimiser leaves them; no least squares at the end.")
    private boolean noRefit;

    @Option(
            names = "--set-dtype",
            paramLabel = "TYPE",
            description = "Of the set's matrices: float32 or bfloat16 (default: float32).")
    private String setType = "float32";

    @Option(
            names = "--memory",
            paramLabel = "GB",
            description = "May be taken beside the model; layers that do not fit wait for another turn (default: 4).")
    private double memory = DEFAULTS.memory() >> 30;

    @Option(names = "--seed", paramLabel = "N", description = "Of all that is random (default: 0).")
    private long seed;

    @Option(names = "--resume", description = "Go on with a run that was ended.")
    private boolean resume;

    @Option(names = "--dry-run", description = "Say what it will take, and do nothing.")
    private boolean dryRun;

    @Option(names = "--log", paramLabel = "FILE", description = "Add a line of JSON for each report to a file.")
    private @Nullable Path log;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description =
                    "Of the model: auto, cpu, cuda or cuda:N (default: ${DEFAULT-VALUE}). Features are trained on the CPU.")
    private String device;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of native code (default: one for each processor).")
    private @Nullable Integer threads;

    @Option(names = "--quiet", description = "Print nothing but errors.")
    private boolean quiet;

    public TrainCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        TrainingOptions options = options();
        OutputOptions.checkWritable(directory);
        Corpus text = new Corpus(corpus);
        if (threads != null) {
            System.setProperty("headwater.threads", threads.toString());
        }
        try (var progress = new ProgressDisplay(console, interrupt, quiet);
                ReplacementModel loaded = ReplacementModel.load(
                        model,
                        from == null ? Neurons.REFERENCE : from,
                        ReplacementModel.Options.DEFAULT.withDevice(Cuda.device(device)),
                        progress);
                var display = new TrainingDisplay(console, progress, log, quiet)) {
            var trainer = new TranscoderTrainer(
                    loaded.model(), loaded.modelReference(), loaded.tokenizer(), text, options, display);
            trainer = from == null ? trainer : trainer.from(loaded.transcoders());
            TrainingPlan plan = trainer.plan();
            if (dryRun) {
                console.out().println(said(plan, loaded.layers()));
                console.out().println(said(trainer.pace(), plan, options));
                return 0;
            }
            if (!quiet) {
                console.err().println(said(plan, loaded.layers()));
            }
            TranscoderTrainer.Result result = trainer.run(directory, resume);
            if (!quiet) {
                console.out()
                        .printf(
                                Locale.ROOT,
                                "Wrote %d layers of %,d features to %s: %.3f of the variance is unexplained on held-out text, after %,d tokens in %s%n",
                                result.unexplained().size(),
                                features,
                                Text.visible(result.directory().toString()),
                                result.unexplained().stream()
                                        .mapToDouble(Double::doubleValue)
                                        .average()
                                        .orElseThrow(),
                                result.tokens(),
                                Text.seconds(result.seconds()));
            }
        }
        return 0;
    }

    private TrainingOptions options() {
        if (minutes != null && !(minutes > 0 && minutes < 1e6)) {
            throw new UsageException("--minutes is " + minutes + "; it is a number over 0");
        }
        if (!(memory > 0 && memory < 1e6)) {
            throw new UsageException("--memory is " + memory + "; it is a number of gigabytes above 0");
        }
        if (threads != null && (threads < 1 || threads > 1024)) {
            throw new UsageException("--threads is " + threads + "; it can be 1 to 1024");
        }
        DType type = switch (setType.toLowerCase(Locale.ROOT)) {
            case "float32", "fp32", "f32" -> DType.F32;
            case "bfloat16", "bf16" -> DType.BF16;
            default -> throw new UsageException("--set-dtype is '" + setType + "'; it can be float32 or bfloat16");
        };
        Duration time = minutes == null ? null : Duration.ofMillis((long) (minutes * 60_000));
        return new TrainingOptions(
                new TrainingShape(kind, crossLayer, skip, features, active, site(input), site(output)),
                new TrainingOptions.Budget(tokens, time, untilFvu),
                new TrainingOptions.Settings(batch, rate, window, buffer, visits, heldOut, !noRefit, seed, type, (long)
                        (memory * (1L << 30))));
    }

    private static FeatureSite site(String name) {
        return FeatureSite.ofHookName(name)
                .orElseThrow(
                        () -> new UsageException("'%s' is no place where transcoders read or write; these are: %s, %s"
                                .formatted(name, FeatureSite.hookNames(true), FeatureSite.hookNames(false))));
    }

    private String said(TrainingPace pace, TrainingPlan plan, TrainingOptions options) {
        long some = tokens == Long.MAX_VALUE ? 1_000_000 : tokens;
        return String.format(
                Locale.ROOT,
                "time: about %s for %,d tokens on this machine as it is now (%.0f tokens/s read, %.0f positions/s learned from, each %d times)",
                Text.seconds(pace.seconds(some, options, plan)),
                some,
                1 / pace.token(),
                1 / pace.visit(),
                visits);
    }

    private static String said(TrainingPlan plan, int layers) {
        return "plan: %d layers%s, %s of memory beside the model, %s of disk for checkpoints, %s for the set"
                .formatted(
                        layers,
                        plan.turns() == 1
                                ? " together"
                                : ", %d at a time: the text is read %d times"
                                        .formatted(plan.layersAtOnce(), plan.turns()),
                        Text.bytes(plan.memory()),
                        Text.bytes(plan.disk()),
                        Text.bytes(plan.set()));
    }
}
