package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.report.ConnectionReport;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Connection;
import dev.headwater.engine.features.FeatureConnections;
import dev.headwater.engine.features.SetEvidence;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater features connections}: what a feature reads and what reads it, whatever the prompt. */
@Command(
        name = "connections",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater features connections [OPTIONS] LAYER/FEATURE",
        description = {
            "List the features that a feature is most strongly connected with, whatever the prompt: by virtual weights (decoder times encoder along the "
                    + "residual stream), of which many are interference, or with --features by how the two fire together on a text (ERA, TWERA).",
            "Such statistics are gathered by 'headwater features build --connections'."
        },
        footer = {
            "",
            "Examples:",
            "  headwater features connections 4/310",
            "  headwater features connections 4/310 --features features --top 20"
        })
public final class ConnectionsCommand implements Callable<Integer> {
    private static final Pattern FEATURE = Pattern.compile("(\\d{1,4})/(\\d{1,9})");

    private final Console console;
    private final Interrupt interrupt;

    @Parameters(paramLabel = "LAYER/FEATURE", description = "The feature, 4/310 for instance.")
    private String feature;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            description = "Directory that 'features build --connections' wrote (default: virtual weights only).")
    private @Nullable Path features;

    @Option(
            names = "--by",
            paramLabel = "WHAT",
            description = "What is strongest: twera (the default with --features), era or weight.")
    private Connection.@Nullable By by;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "Connections in each direction (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    public ConnectionsCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        Matcher named = FEATURE.matcher(feature);
        if (!named.matches()) {
            throw new UsageException("'" + feature + "' is no feature; write its layer and number, 4/310 for instance");
        }
        if (top < 1 || top > 100_000) {
            throw new UsageException("--top is " + top + "; it must be 1 to 100000");
        }
        Connection.By order = by != null ? by : features == null ? Connection.By.WEIGHT : Connection.By.TWERA;
        if (features == null && order != Connection.By.WEIGHT) {
            throw new UsageException("--by " + order.name().toLowerCase(Locale.ROOT)
                    + " needs --features, a directory that 'features build --connections' wrote");
        }
        model.check();
        try (var progress = new ProgressDisplay(console, interrupt, json);
                ReplacementModel loaded = model.load(progress)) {
            int layer = Integer.parseInt(named.group(1));
            int number = Integer.parseInt(named.group(2));
            Path statistics = features == null ? null : statistics(features, loaded);
            FeatureConnections found = statistics == null || order == Connection.By.WEIGHT
                    ? FeatureConnections.byWeight(loaded, statistics, layer, number, top)
                    : FeatureConnections.of(statistics, loaded.layers(), layer, number, order, top)
                            .orElseThrow(() -> none(statistics));
            progress.close();
            var report = new ConnectionReport(console, SetEvidence.labels(loaded.transcoderReference()));
            if (json) {
                report.printJson(found);
            } else {
                report.print(found);
            }
            return 0;
        }
    }

    private static Path statistics(Path directory, ReplacementModel model) {
        return SetEvidence.in(directory, model.scan())
                .orElseThrow(() ->
                        new HeadwaterException("There are no feature files of " + model.scan() + " in " + directory));
    }

    private static HeadwaterException none(Path directory) {
        return new HeadwaterException(
                "There are no connections in " + directory + "; gather them with features build --connections");
    }
}
