package dev.headwater.engine.training;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.FeatureSite;

/**
 * What a set of transcoders is to be.
 *
 * @param crossLayer whether features write to later layers too
 * @param skip       whether there is an affine path beside the features
 * @param features   F, of a layer
 * @param active     how many of them are to be active at a position, on average
 * @param input      where features read
 * @param output     where they write
 */
public record TrainingShape(
        FeatureKind kind,
        boolean crossLayer,
        boolean skip,
        int features,
        int active,
        FeatureSite input,
        FeatureSite output) {
    public TrainingShape {
        if (features < 1 || active < 1 || active > features) {
            throw new UsageException(
                    "%d features of which %d are active cannot be: there must be 1 active one at least, and no more than there are"
                            .formatted(features, active));
        }
        if (!input.isInput() || output.isInput()) {
            throw new UsageException("transcoders read at one of %s and write at one of %s"
                    .formatted(FeatureSite.hookNames(true), FeatureSite.hookNames(false)));
        }
    }

    /** Per-layer features of this kind, from what MLPs read to what they write, without a skip. */
    public static TrainingShape perLayer(FeatureKind kind, int features, int active) {
        return new TrainingShape(kind, false, false, features, active, FeatureSite.MLP_IN, FeatureSite.MLP_OUT);
    }

    /** {@return the same with features that write to later layers too} */
    public TrainingShape acrossLayers() {
        return new TrainingShape(kind, true, skip, features, active, input, output);
    }

    /** {@return the same with an affine path beside the features} */
    public TrainingShape withSkip() {
        return new TrainingShape(kind, crossLayer, true, features, active, input, output);
    }
}
