package dev.headwater.engine.tokens.regex;

/**
 * A pattern in Oniguruma's syntax, matched as Oniguruma does, with Unicode's properties of the running Java (16 in Java 25, as
 * Oniguruma 6.9.10). Immutable, for several threads.
 */
public final class Regex {
    private final Program program;
    private final boolean matchesNothing;

    private Regex(Program program, boolean matchesNothing) {
        this.program = program;
        this.matchesNothing = matchesNothing;
    }

    /** @throws RefusedException if the pattern is not valid, or cannot be matched faithfully here */
    public static Regex of(String pattern) {
        Node parsed = Parser.parse(pattern);
        return new Regex(Program.of(parsed), parsed.shortest() == 0);
    }

    /** Whether it can match between characters. */
    public boolean canMatchNothing() {
        return matchesNothing;
    }

    /** What becomes of one stretch of a text. */
    @FunctionalInterface
    public interface Stretches {
        /** UTF-16 offsets {@code start} to {@code end}: a match, or what is between matches. */
        void accept(int start, int end, boolean match);
    }

    /**
     * Cuts a text into matches and what is between them, from its beginning to its end. An empty match right behind another match is
     * passed over.
     *
     * @throws RefusedException if it takes too many steps
     */
    public void cut(String text, Steps steps, Stretches into) {
        Matcher matcher = new Matcher(program, text, steps);
        int done = 0;
        int from = 0;
        int lastEnd = -1;
        while (from <= text.length()) {
            int start = matcher.find(from);
            if (start < 0) {
                break;
            }
            int end = matcher.end();
            if (start == end && end == lastEnd) {
                from = from < text.length() ? text.offsetByCodePoints(from, 1) : from + 1;
                continue;
            }
            from = end;
            lastEnd = end;
            if (done < start) {
                into.accept(done, start, false);
            }
            into.accept(start, end, true);
            done = end;
        }
        if (done < text.length()) {
            into.accept(done, text.length(), false);
        }
    }
}
