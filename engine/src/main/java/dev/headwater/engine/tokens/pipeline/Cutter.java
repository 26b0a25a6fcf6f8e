package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.Regex;
import java.util.function.Consumer;

/** Cuts a text at its matches, one of five ways. Takes matches and what is between them in order; {@link #end()} gives the rest. */
final class Cutter implements Regex.Stretches {
    /** What becomes of a match; in {@code a-b--c} cut at hyphens: */
    enum Behavior {
        /** a b c */
        REMOVED,
        /** a - b - - c */
        ISOLATED,
        /** a- b- - c */
        MERGED_WITH_PREVIOUS,
        /** a -b - -c */
        MERGED_WITH_NEXT,
        /** a - b -- c */
        CONTIGUOUS
    }

    private final Text text;
    private final Behavior behavior;
    private final boolean inverted;
    private final Consumer<Text> into;
    private int start = -1;
    private int end;
    private boolean last;

    /** @param inverted whether what is between the matches counts as matches */
    Cutter(Text text, Behavior behavior, boolean inverted, Consumer<Text> into) {
        this.text = text;
        this.behavior = behavior;
        this.inverted = inverted;
        this.into = into;
    }

    @Override
    public void accept(int from, int to, boolean found) {
        boolean match = found != inverted;
        boolean joins = start >= 0
                && switch (behavior) {
                    case REMOVED, ISOLATED -> false;
                    case CONTIGUOUS -> match == last;
                    case MERGED_WITH_PREVIOUS -> match && !last;
                    case MERGED_WITH_NEXT -> last && !match;
                };
        if (!joins) {
            end();
            start = from;
        }
        end = to;
        last = match;
        if (behavior == Behavior.REMOVED && match) {
            start = -1;
        }
    }

    void end() {
        if (start >= 0 && end > start) {
            into.accept(text.slice(start, end));
        }
        start = -1;
    }
}
