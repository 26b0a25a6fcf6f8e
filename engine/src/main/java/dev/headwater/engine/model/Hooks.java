package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Changes to a forward pass while it runs. The methods are called in the order of the computation: in a layer {@link
 * #attention} and {@link #pattern}, {@link #reciprocal} as norms come, and {@link #at} for all five sites, inputs before outputs.
 *
 * <p>A tensor that is passed in lives until its layer is done, and so does what a hook makes, unless it takes it out
 * with {@link dev.headwater.bindings.TensorScope#release}. Arguments are not to be written to. A returned tensor stays
 * the hook's.
 */
public interface Hooks {
    Hooks NONE = new Hooks() {};

    /** The tensor [positions, width] to go on with at a site, the same if nothing changes. */
    default Tensor at(FeatureSite site, int layer, Tensor value) {
        return value;
    }

    /** Embeddings [positions, width] to start with, learned positions included. */
    default Tensor embeddings(Tensor value) {
        return value;
    }

    /** Probabilities to use instead of the layer's own, [heads, positions, cached + positions]; null for its own. */
    default @Nullable Tensor attention(int layer) {
        return null;
    }

    /**
     * Probabilities to go on with, the same if nothing changes.
     *
     * @param firstHead     the first head that they are of: many heads come in parts
     * @param probabilities [heads, positions, cached + positions], the layer's own or those of {@link #attention}
     */
    default Tensor pattern(int layer, int firstHead, Tensor probabilities) {
        return probabilities;
    }

    /** 1/s [positions] to use instead of a norm's own; null for its own. The layer of {@link NormSite#FINAL} is 0. */
    default @Nullable Tensor reciprocal(NormSite norm, int layer) {
        return null;
    }
}
