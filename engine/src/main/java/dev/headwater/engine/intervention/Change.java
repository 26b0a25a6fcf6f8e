package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import java.util.List;

/**
 * What becomes of a feature's activation. Relative changes start from its activation in the run without edits; on a
 * generated token, which that run does not have, from the activation there at the time.
 */
public sealed interface Change {
    Change ABLATE = new Ablate();

    /** The activation is taken away: it is 0, or the mean where edits count from one ({@link MeanEdits}). */
    record Ablate() implements Change {}

    /** The activation is {@code value}. */
    record Set(float value) implements Change {
        public Set {
            requireFinite("value", value);
        }
    }

    /** The activation is multiplied. */
    record Scale(float factor) implements Change {
        public Scale {
            requireFinite("factor", factor);
        }
    }

    /** Something is added to the activation. */
    record Add(float difference) implements Change {
        public Add {
            requireFinite("difference", difference);
        }
    }

    /**
     * The activation is the one that the same feature has elsewhere: the mean over some places, multiplied.
     *
     * @param places at least one
     */
    record Swap(List<Place> places, float factor) implements Change {
        /** @param position in the prompt, negative from the end */
        public record Place(Prompt prompt, int position) {}

        public Swap {
            places = List.copyOf(places);
            if (places.isEmpty()) {
                throw new UsageException("a swap needs a place to take the activation from");
            }
            requireFinite("factor", factor);
        }

        /** The activation that the feature has at one place. */
        public Swap(Prompt other, int position) {
            this(List.of(new Place(other, position)), 1);
        }
    }

    /** The new activation. @throws IllegalStateException for a swap, which has to be looked up first */
    default float applied(float activation) {
        return switch (this) {
            case Ablate _ -> 0;
            case Set set -> set.value;
            case Scale scale -> activation * scale.factor;
            case Add add -> activation + add.difference;
            case Swap _ -> throw new IllegalStateException("swap was not looked up");
        };
    }

    private static void requireFinite(String what, float number) {
        if (!Float.isFinite(number)) {
            throw new UsageException("an edit's " + what + " must be a finite number, not " + number);
        }
    }
}
