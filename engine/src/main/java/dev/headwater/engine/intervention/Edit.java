package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;

/** A change of one feature at some positions. */
public record Edit(int layer, Positions positions, int feature, Change change) {
    /**
     * An edit of the feature written {@code LAYER/POSITIONS/FEATURE}, {@code 2/-1/607} for instance.
     *
     * @throws UsageException if the text is not of this form
     */
    public static Edit of(String place, Change change) {
        EditPattern pattern = EditPattern.parse(place);
        if (pattern.layers() == null
                || pattern.layers().to() - pattern.layers().from() != 1
                || pattern.feature() == null) {
            throw new UsageException(
                    "'" + place + "' is not one feature; write LAYER/POSITION/FEATURE, as in 2/-1/607");
        }
        return new Edit(pattern.layers().from(), pattern.positions(), pattern.feature(), change);
    }

    /** An edit of one feature at one position. */
    public static Edit of(FeatureRef feature, Change change) {
        return new Edit(feature.layer(), new Positions.At(feature.position()), feature.feature(), change);
    }

    /** {@code LAYER/POSITIONS/FEATURE}. */
    public String place() {
        return layer + "/" + positions + "/" + feature;
    }

    /** @throws UsageException if the feature or the positions don't exist */
    void check(int layers, int features, int positions, boolean generating) {
        if (layer < 0 || layer >= layers) {
            throw new UsageException("Edit %s: there is no layer %d; the model's layers are 0 to %d"
                    .formatted(place(), layer, layers - 1));
        }
        if (feature < 0 || feature >= features) {
            throw new UsageException("Edit %s: there is no feature %d; those of a layer are 0 to %d"
                    .formatted(place(), feature, features - 1));
        }
        int first = this.positions.first(positions);
        int end = this.positions.end(positions);
        boolean later = generating && this.positions.openEnded();
        if (first < 0 || end > positions || first >= positions && !later) {
            throw new UsageException(
                    "Edit %s: the position lies outside the prompt, whose positions are 0 to %d (or -1 to -%d from the end)"
                            .formatted(place(), positions - 1, positions));
        }
        if (first >= end && !later) {
            throw new UsageException("Edit %s: the range of positions is empty".formatted(place()));
        }
    }
}
