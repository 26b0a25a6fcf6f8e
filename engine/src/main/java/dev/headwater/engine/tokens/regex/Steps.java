package dev.headwater.engine.tokens.regex;

/**
 * The work that one text may cost. A pattern or a token from a hostile file can make any text expensive; what is spent here is
 * proportional to time, and when it is gone the text is refused.
 */
public final class Steps {
    /** Hundreds of steps for each character of an ordinary text, and a second's worth for a short one. */
    private static final long SHORT_TEXT = 50_000_000;

    private static final long PER_CHARACTER = 200;

    private long left;

    private Steps(long left) {
        this.left = left;
    }

    /** @param characters length of the text, UTF-16 units */
    public static Steps forText(long characters) {
        return new Steps(SHORT_TEXT + PER_CHARACTER * characters);
    }

    /** @throws RefusedException if the text has cost too much */
    public void spend(long steps) {
        left -= steps;
        if (left < 0) {
            throw new RefusedException("it takes too many steps over this text");
        }
    }
}
