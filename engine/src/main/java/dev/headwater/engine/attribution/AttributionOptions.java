package dev.headwater.engine.attribution;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import org.jspecify.annotations.Nullable;

/**
 * How a graph is made. Defaults are those of the reference's command line.
 *
 * @param targets         what the graph explains
 * @param batchSize       together with {@code updateInterval} how often features are ranked anew: after every
 *                        {@code batchSize * updateInterval} features. (Our sweeps choose their own batches.)
 * @param maxFeatures     features that become nodes, the most influential ones; 0 means all
 * @param updateInterval  see {@code batchSize}
 * @param rank            how those features are chosen; neurons always by {@link Rank#TOTAL}
 * @param contrast        prompts whose mean takes the place of 0, for neurons; null for 0 itself
 * @param memory          bytes that gradients and cached decoder vectors may take, 0 for what the model's budget has
 */
public record AttributionOptions(
        OutputTargets targets,
        int batchSize,
        int maxFeatures,
        int updateInterval,
        Rank rank,
        @Nullable Contrast contrast,
        long memory) {
    public static final AttributionOptions DEFAULT =
            new AttributionOptions(OutputTargets.SALIENT, 256, 7500, 4, Rank.INFLUENCE, null, 0);

    public AttributionOptions {
        if (batchSize < 1) throw new UsageException("batch size must be at least 1, not " + batchSize);
        if (updateInterval < 1) throw new UsageException("update interval must be at least 1, not " + updateInterval);
        if (maxFeatures < 0)
            throw new UsageException("the number of features must not be negative: " + maxFeatures + " (0 means all)");
        if (memory < 0) throw new UsageException("memory must not be negative: " + memory);
    }

    /** {@return these options with other targets} */
    public AttributionOptions withTargets(OutputTargets value) {
        return new AttributionOptions(value, batchSize, maxFeatures, updateInterval, rank, contrast, memory);
    }

    /** {@return these options with as many rows in one pass of the sweep} */
    public AttributionOptions withBatchSize(int value) {
        return new AttributionOptions(targets, value, maxFeatures, updateInterval, rank, contrast, memory);
    }

    /** 0 means all active features. */
    public AttributionOptions withMaxFeatures(int value) {
        return new AttributionOptions(targets, batchSize, value, updateInterval, rank, contrast, memory);
    }

    /** {@return these options, ranking features anew after as many batches} */
    public AttributionOptions withUpdateInterval(int value) {
        return new AttributionOptions(targets, batchSize, maxFeatures, value, rank, contrast, memory);
    }

    /** {@return these options, choosing features by this rank} */
    public AttributionOptions withRank(Rank value) {
        return new AttributionOptions(targets, batchSize, maxFeatures, updateInterval, value, contrast, memory);
    }

    /** {@return these options against other prompts, or against none} */
    public AttributionOptions withContrast(@Nullable Contrast value) {
        return new AttributionOptions(targets, batchSize, maxFeatures, updateInterval, rank, value, memory);
    }

    /** {@return these options within as many bytes of working memory; 0: what the machine has} */
    public AttributionOptions withMemory(long bytes) {
        return new AttributionOptions(targets, batchSize, maxFeatures, updateInterval, rank, contrast, bytes);
    }

    /** Features taken between two rankings. */
    int perRound() {
        return (int) Math.min(Integer.MAX_VALUE, (long) batchSize * updateInterval);
    }
}
