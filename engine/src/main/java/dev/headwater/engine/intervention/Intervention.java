package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.List;

/**
 * Edits of features and attention heads, to be made in one run. Where two edits change the same feature at the same
 * position, the last one counts. {@link Baseline#apply} carries them out.
 */
public record Intervention(List<Edit> edits, List<HeadEdit> heads, Freeze freeze) {
    /** No change at all: the plain model. */
    public static final Intervention NONE = new Intervention(List.of(), Freeze.ATTENTION);

    public Intervention {
        edits = List.copyOf(edits);
        heads = List.copyOf(heads);
    }

    /** Of features only. */
    public Intervention(List<Edit> edits, Freeze freeze) {
        this(edits, List.of(), freeze);
    }

    /** Edits with attention frozen. */
    public static Intervention of(Edit... edits) {
        return new Intervention(List.of(edits), Freeze.ATTENTION);
    }

    /** {@return this intervention with another rule of what stays as it was} */
    public Intervention withFreeze(Freeze value) {
        return new Intervention(edits, heads, value);
    }

    /** {@return this intervention with other edits of attention heads} */
    public Intervention withHeads(List<HeadEdit> value) {
        return new Intervention(edits, value, freeze);
    }

    /** @throws UsageException if an edit names what does not exist, or can have no effect */
    void check(FeatureBasis basis, int positions, boolean generating) {
        if (freeze instanceof Freeze.Layers range && range.end() > basis.layers()) {
            throw new UsageException("constrained layers %d:%d reach beyond the model's %d layers"
                    .formatted(range.first(), range.end(), basis.layers()));
        }
        for (Edit edit : edits) {
            edit.check(basis.layers(), basis.features(), positions, generating);
            if (freeze instanceof Freeze.Layers(int first, int end)
                    && (edit.layer() >= end || basis.lastTarget(edit.layer()) < first)) {
                throw new UsageException(
                        "Edit %s can have no effect: its feature writes to none of the constrained layers %d:%d"
                                .formatted(edit.place(), first, end));
            }
        }
    }
}
