package dev.headwater.cli.option;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.Rank;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What of a prompt is traced, and within which memory. */
public final class TracingOptions {
    @Option(
            names = "--max-logits",
            paramLabel = "K",
            defaultValue = "10",
            description = "Explain at most this many next tokens (default: ${DEFAULT-VALUE}),")
    private int maxLogits;

    @Option(
            names = "--logit-prob",
            paramLabel = "SHARE",
            defaultValue = "0.95",
            description = "and no more than reach this probability together (default: ${DEFAULT-VALUE}).")
    private double logitProbability;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            defaultValue = "7500",
            description =
                    "Take at most this many features into the graph, the most influential; 0 means all (default: ${DEFAULT-VALUE}).")
    private int maxFeatures;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "256",
            description = "Rank features anew after batch size x update interval of them (default: ${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(
            names = "--update-interval",
            paramLabel = "N",
            defaultValue = "4",
            description = "See --batch-size (default: ${DEFAULT-VALUE}).")
    private int updateInterval;

    @Option(
            names = "--rank",
            paramLabel = "HOW",
            description =
                    "Choose these features by influence, in rounds, as circuit-tracer does (the default for transcoders), or by total, their effects over all paths, found in one pass (neurons always).")
    private @Nullable String rank;

    @Option(
            names = "--memory",
            paramLabel = "GB",
            defaultValue = "0",
            description = "Memory for gradients and decoder vectors (default: a quarter of the machine's).")
    private double memory;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Accepted for scripts that pass it everywhere: attribution makes no random choice.")
    @SuppressWarnings("unused") // it is taken and means nothing, as its description says
    private long seed;

    /**
     * Rejects what can be seen to be wrong before anything is loaded.
     *
     * @param model whose features these are
     */
    public AttributionOptions read(ModelOptions model) {
        check("--max-logits", maxLogits, "--logit-prob", logitProbability, "--max-features", maxFeatures);
        if (batchSize < 1 || updateInterval < 1) {
            throw new UsageException(
                    (batchSize < 1 ? "--batch-size is " + batchSize : "--update-interval is " + updateInterval)
                            + "; it must be at least 1");
        }
        if (!(memory >= 0 && memory < 1e6)) {
            throw new UsageException("--memory is " + memory + "; it is a number of gigabytes");
        }
        return new AttributionOptions(
                new OutputTargets.Salient(maxLogits, logitProbability),
                batchSize,
                maxFeatures,
                updateInterval,
                rank(model),
                null,
                (long) (memory * 1e9));
    }

    private Rank rank(ModelOptions model) {
        Rank usual = model.neurons() ? Rank.TOTAL : Rank.INFLUENCE;
        Rank wanted = rank == null ? usual : Rank.of(rank, "--rank");
        if (model.neurons() && wanted != Rank.TOTAL) {
            throw new UsageException("--rank is " + rank + ", but neurons are chosen by their total effects");
        }
        return wanted;
    }

    /** Rejects numbers out of their range, under the names by which the user gave them. */
    public static void check(
            String logitsName,
            int logits,
            String probabilityName,
            double probability,
            String featuresName,
            int features) {
        if (logits < 1) {
            throw new UsageException(logitsName + " is " + logits + "; it must be at least 1");
        }
        if (!(probability > 0 && probability <= 1)) {
            throw new UsageException(probabilityName + " is " + probability + "; it is a share above 0, up to 1");
        }
        if (features < 0) {
            throw new UsageException(featuresName + " is " + features + "; it can't be negative (0 means all)");
        }
    }
}
