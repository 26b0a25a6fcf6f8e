package dev.headwater.engine.tokens.regex;

import java.util.function.IntPredicate;

/** A set of code points. Immutable; ASCII is looked up in a table, anything beyond is asked of Java's Unicode data. */
public final class CharClass {
    static final int MARKS =
            1 << Character.NON_SPACING_MARK | 1 << Character.COMBINING_SPACING_MARK | 1 << Character.ENCLOSING_MARK;
    private static final int SEPARATORS =
            1 << Character.SPACE_SEPARATOR | 1 << Character.LINE_SEPARATOR | 1 << Character.PARAGRAPH_SEPARATOR;

    public static final CharClass ANY = of(c -> true);
    public static final CharClass NEWLINE = of(c -> c == '\n');
    /** Unicode's White_Space, what {@code \s} means in Oniguruma and in Rust. */
    public static final CharClass SPACE = of(CharClass::isWhiteSpace);
    /** Alphabetic, marks, decimal digits and connectors: what {@code \w} means in Oniguruma. */
    public static final CharClass WORD = of(c -> Character.isAlphabetic(c)
            || isIn(c, MARKS | 1 << Character.DECIMAL_DIGIT_NUMBER | 1 << Character.CONNECTOR_PUNCTUATION));
    /** What it means outside of brackets: Latin-1's superscripts and fractions too. */
    static final CharClass WORD_ALONE =
            of(c -> WORD.contains(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c >= 0xBC && c <= 0xBE);

    public static final CharClass DIGIT = category(1 << Character.DECIMAL_DIGIT_NUMBER);
    public static final CharClass HEX = of(c -> c < 128 && Character.digit(c, 16) >= 0);

    private final long low;
    private final long high;
    private final IntPredicate beyond;
    private final boolean onlyAscii;

    private CharClass(IntPredicate test, boolean onlyAscii) {
        this.onlyAscii = onlyAscii;
        long[] ascii = new long[2];
        for (int c = 0; c < 128; c++) {
            if (test.test(c)) {
                ascii[c >> 6] |= 1L << c;
            }
        }
        low = ascii[0];
        high = ascii[1];
        beyond = test;
    }

    /** {@return the class of the code points that pass a test} */
    public static CharClass of(IntPredicate test) {
        return new CharClass(test, false);
    }

    static CharClass of(int codePoint) {
        return new CharClass(c -> c == codePoint, codePoint < 128);
    }

    static CharClass range(int first, int last) {
        return new CharClass(c -> first <= c && c <= last, last < 128);
    }

    /** @param mask of general categories, bits by {@link Character#getType(int)} */
    static CharClass category(int mask) {
        return new CharClass(c -> isIn(c, mask), false);
    }

    static boolean isIn(int codePoint, int mask) {
        return (1 << Character.getType(codePoint) & mask) != 0;
    }

    /** {@return whether a code point is white space in Unicode's sense (property White_Space)} */
    public static boolean isWhiteSpace(int c) {
        return c >= '\t' && c <= '\r' || c == ' ' || c == 0x85 || c == 0xA0 || c > 0xFF && isIn(c, SEPARATORS);
    }

    /** {@return whether a code point is in the class} */
    public boolean contains(int c) {
        return c < 64 ? (low >>> c & 1) != 0 : c < 128 ? (high >>> c & 1) != 0 : beyond.test(c);
    }

    CharClass negated() {
        return new CharClass(c -> !contains(c), false);
    }

    CharClass or(CharClass other) {
        return new CharClass(c -> contains(c) || other.contains(c), onlyAscii && other.onlyAscii);
    }

    CharClass and(CharClass other) {
        return new CharClass(c -> contains(c) && other.contains(c), onlyAscii || other.onlyAscii);
    }

    /** Whether it is plain from how it was made that nothing beyond ASCII is in it. */
    boolean isOnlyAscii() {
        return onlyAscii;
    }
}
