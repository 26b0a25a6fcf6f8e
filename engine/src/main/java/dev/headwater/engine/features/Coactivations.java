package dev.headwater.engine.features;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.transcoder.SparseActivations;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What global weights need of a text beside the weights: which features were active together at a position, source below target, and the
 * norms' denominators. Of the targets of some layers; sources are of all layers below.
 */
final class Coactivations {
    /** Partners that are counted for each that is kept in the end, so that little of what is forgotten would have been. */
    private static final int SPARE = 8;

    private final Denominators denominators;
    private final int firstLayer;
    private final int features;
    private final int kept;
    /** By layer and feature; null for features that have not fired yet. */
    private final @Nullable Partners[][] partners;

    private long positions;

    /** @param kept connections of a feature that are kept in the end */
    Coactivations(ReplacementModel model, int firstLayer, int endLayer, int kept) {
        this.firstLayer = firstLayer;
        this.kept = kept;
        features = model.basis().features();
        denominators = new Denominators(model);
        partners = new Partners[endLayer - firstLayer][features];
    }

    /** The most bytes of heap that a feature takes. */
    static long bytes(int kept) {
        return Partners.bytes(SPARE * kept);
    }

    Denominators denominators() {
        return denominators;
    }

    /** Positions that were read. */
    long positions() {
        return positions;
    }

    @Nullable
    Partners of(int layer, int feature) {
        return partners[layer - firstLayer][feature];
    }

    /**
     * Counts what is active at some positions.
     *
     * @param rows   that were read
     * @param active of all layers from 0 to the last one with targets here
     */
    void add(int rows, SparseActivations[] active) {
        positions += rows;
        int[] next = new int[active.length];
        for (int row = 0; row < rows; row++) {
            int[] from = next.clone();
            for (int layer = 0; layer < active.length; layer++) {
                while (next[layer] < active[layer].count() && active[layer].position()[next[layer]] == row) {
                    next[layer]++;
                }
            }
            for (int layer = firstLayer; layer < active.length; layer++) {
                for (int i = from[layer]; i < next[layer]; i++) {
                    float value = active[layer].value()[i];
                    if (value > 0) {
                        count(partners(layer, active[layer].feature()[i]), value, layer, active, from, next);
                    }
                }
            }
        }
    }

    private Partners partners(int layer, int feature) {
        Partners known = partners[layer - firstLayer][feature];
        if (known == null) {
            known = new Partners(SPARE * kept);
            partners[layer - firstLayer][feature] = known;
        }
        return known;
    }

    private void count(Partners target, float value, int layer, SparseActivations[] active, int[] from, int[] to) {
        if (!target.fires(value)) {
            return;
        }
        for (int source = 0; source < layer; source++) {
            for (int i = from[source]; i < to[source]; i++) {
                target.add(
                        source * features + active[source].feature()[i],
                        active[source].value()[i],
                        value);
            }
        }
    }

    void write(DataOutput out) throws IOException {
        out.writeLong(positions);
        denominators.write(out);
        for (Partners[] layer : partners) {
            for (Partners feature : layer) {
                out.writeBoolean(feature != null);
                if (feature != null) {
                    feature.write(out);
                }
            }
        }
    }

    /** Fills this one, which is empty yet, from what {@link #write} wrote. */
    void read(DataInput in) throws IOException {
        positions = in.readLong();
        denominators.read(in);
        for (int layer = 0; layer < partners.length; layer++) {
            for (int feature = 0; feature < features; feature++) {
                if (in.readBoolean()) {
                    partners[layer][feature] =
                            Partners.read(in, SPARE * kept, Math.multiplyExact(firstLayer + layer, features));
                }
            }
        }
    }
}
