package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;

/** What an edited run takes from the run without edits instead of computing it anew. */
public sealed interface Freeze {
    /** Nothing: every effect, attention's included. */
    record Nothing() implements Freeze {}

    /**
     * Attention probabilities. The model's own MLPs and norms respond; activations are encoded from the edited stream.
     */
    record Attention() implements Freeze {}

    /**
     * Attention probabilities and, in these layers, MLP outputs (but for a transcoder's skip, which is recomputed).
     * Edits start from the activations of the run without edits and write to these layers only. A range over all layers
     * is {@link Everything}.
     *
     * @param end the layer after the last
     */
    record Layers(int first, int end) implements Freeze {
        public Layers {
            if (first < 0 || first >= end) {
                throw new UsageException("constrained layers %d:%d are no range; write FIRST:END with FIRST below END"
                        .formatted(first, end));
            }
        }
    }

    /**
     * Attention probabilities, MLP outputs and norm denominators: direct effects only, those that a graph's edges
     * state.
     */
    record Everything() implements Freeze {}

    Freeze NOTHING = new Nothing();
    Freeze ATTENTION = new Attention();
    Freeze EVERYTHING = new Everything();

    /** Whether MLP outputs of the layer are frozen. */
    default boolean holds(int layer) {
        return switch (this) {
            case Nothing _ -> false;
            case Attention _ -> false;
            case Layers layers -> layer >= layers.first && layer < layers.end;
            case Everything _ -> true;
        };
    }

    /** {@return whether MLP outputs of some layers stay as they were} */
    default boolean holdsAnyLayer() {
        return this instanceof Layers || this instanceof Everything;
    }

    /** {@return whether the norms' denominators stay as they were} */
    default boolean holdsNorms(int layers) {
        return this instanceof Everything || this instanceof Layers(int first, int end) && first == 0 && end == layers;
    }
}
