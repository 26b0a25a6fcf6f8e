package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;

/**
 * What becomes of a feature's activation. Relative changes start from its activation in the run without edits; on a
 * generated token, which that run does not have, from the activation there at the time.
 */
public sealed interface Change {
    Change ABLATE = new Set(0);

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
     * The activation is the one that the same feature has in another prompt.
     *
     * @param position there, negative from the end
     */
    record Swap(Prompt other, int position) implements Change {}

    /** The new activation. @throws IllegalStateException for a swap, which has to be looked up first */
    default float applied(float activation) {
        return switch (this) {
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
