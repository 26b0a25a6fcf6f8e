package dev.headwater.engine.graph;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import java.util.Comparator;

/**
 * One feature at one token position, written {@code LAYER/POSITION/FEATURE}, {@code 2/-1/607} for instance. Ordered by
 * layer, position, feature, as the nodes of a graph are.
 *
 * @param layer    of the model, from 0
 * @param position token position; negative numbers count from the end of a prompt, until {@link #in} has settled which
 * @param feature  number within its layer, from 0
 */
public record FeatureRef(int layer, int position, int feature) implements Comparable<FeatureRef> {
    private static final Comparator<FeatureRef> ORDER = Comparator.comparingInt(FeatureRef::layer)
            .thenComparingInt(FeatureRef::position)
            .thenComparingInt(FeatureRef::feature);

    /** @throws UsageException if the layer or the feature is negative */
    public FeatureRef {
        if (layer < 0 || feature < 0) {
            throw new UsageException("there is no feature " + text(layer, position, feature)
                    + ": layers and features are counted from 0");
        }
    }

    /** @throws UsageException if the text is not of this form */
    public static FeatureRef parse(String text) {
        if (!text.matches("\\d{1,9}/-?\\d{1,9}/\\d{1,9}")) {
            throw new UsageException(
                    "'" + ErrorText.of(text) + "' is not a feature; write LAYER/POSITION/FEATURE, as in 2/-1/607");
        }
        String[] parts = text.split("/");
        return new FeatureRef(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
    }

    /** The same with its position counted from the start of a prompt of so many positions; it may lie outside. */
    public FeatureRef in(int positions) {
        return position < 0 ? new FeatureRef(layer, position + positions, feature) : this;
    }

    /** Whether it exists in a model of so many layers with so many features each, on a prompt of so many positions. */
    public boolean exists(int layers, int positions, int features) {
        return layer < layers && position >= 0 && position < positions && feature < features;
    }

    @Override
    public int compareTo(FeatureRef other) {
        return ORDER.compare(this, other);
    }

    /** {@code LAYER/POSITION/FEATURE}, which {@link #parse} reads. */
    @Override
    public String toString() {
        return text(layer, position, feature);
    }

    private static String text(int layer, int position, int feature) {
        return layer + "/" + position + "/" + feature;
    }
}
