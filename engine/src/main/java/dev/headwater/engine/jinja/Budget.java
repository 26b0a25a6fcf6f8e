package dev.headwater.engine.jinja;

/**
 * What one rendering may still do. Everything that is evaluated, read, compared or built is paid for before it is done, so that
 * time and memory are bounded by what was granted, however little the template writes in the end.
 */
final class Budget {
    /** The price of one item of a list: about its bytes in units of two. */
    static final long ITEM = 8;
    /** The price of one entry of a mapping. */
    static final long ENTRY = 32;

    private static final long GRANTED = 4_000_000;
    private static final long PER_UNIT_OF_INPUT = 200;
    private static final int DEEPEST = 400;

    private long left;
    private int depth;

    /**
     * @param input size of the variables, in characters: a long conversation is worth more work than a short one
     * @param share what all of it is divided by
     */
    Budget(long input, int share) {
        left = (GRANTED + PER_UNIT_OF_INPUT * Math.min(input, Integer.MAX_VALUE)) / share;
    }

    /** Pays for work or memory: 1 is a character read or written. */
    void spend(long amount) {
        if (amount > left) {
            throw new TemplateException("it does more work or needs more memory than a conversation can need");
        }
        left -= Math.max(1, amount);
    }

    /** Pays for a list or mapping of this many entries, each at a price. */
    void spend(long count, long price) {
        spend(Math.min(count, Long.MAX_VALUE / price) * price);
    }

    /** One level further down: into an expression, a statement or a nested value. Exceptions end the rendering, so none resets it. */
    void enter() {
        spend(4);
        if (++depth > DEEPEST) {
            throw new TemplateException("too deeply nested");
        }
    }

    void leave() {
        depth--;
    }
}
