package dev.headwater.cli.command;

import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.option.TracingOptions;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a batch's graphs are made, wherever that is. */
final class BatchOptions {
    @Mixin
    private ModelOptions model;

    @Mixin
    private ContrastOptions contrast;

    @Mixin
    private TracingOptions tracing;

    @Mixin
    private PruningOptions pruning;

    @Option(
            names = "--together",
            paramLabel = "N",
            defaultValue = "8",
            description =
                    "Prompts that share the products with the weights, up to 1,024 tokens in all; more take more memory (default: ${DEFAULT-VALUE}).")
    private int together;

    /**
     * Rejects what can be seen to be wrong before anything is loaded.
     *
     * @return how lines are traced that say nothing else
     */
    AttributionOptions check() {
        AttributionOptions options = tracing.read(model);
        model.check();
        contrast.check(model);
        pruning.check();
        if (together < 1) {
            throw new UsageException("--together must be at least 1, not " + together);
        }
        return options;
    }

    ModelOptions model() {
        return model;
    }

    PruningOptions.Thresholds thresholds() {
        return pruning.thresholds();
    }

    int together() {
        return together;
    }

    /** The graph that a line asks for. */
    Attribution.Request request(BatchLine line, ReplacementModel loaded, AttributionOptions options) {
        return line.request(loaded, options, contrast);
    }

    /** All that the graphs depend on, where this machine computes them. */
    BatchSettings settings(AttributionOptions options) {
        return BatchSettings.of(model, contrast, pruning, options);
    }

    /** As above, where other machines do. */
    BatchSettings settingsElsewhere(AttributionOptions options) {
        return BatchSettings.elsewhere(model, contrast, pruning, options);
    }
}
