package dev.headwater.engine.tokens.regex;

import org.jspecify.annotations.Nullable;

/** A pattern's code points and a place among them, with the escapes that are the same within and outside of brackets. */
final class Letters {
    private static final int LONGEST = 20_000;

    private final String pattern;
    private final int[] codePoints;
    private int at;

    Letters(String pattern) {
        this.pattern = pattern;
        if (pattern.length() > LONGEST) {
            throw new RefusedException("a pattern has " + pattern.length() + " characters, more than " + LONGEST);
        }
        codePoints = pattern.codePoints().toArray();
    }

    boolean more() {
        return at < codePoints.length;
    }

    int peek() {
        return peek(0);
    }

    /** -1 past the end. */
    int peek(int ahead) {
        return at + ahead < codePoints.length ? codePoints[at + ahead] : -1;
    }

    int next() {
        if (!more()) {
            throw refused("an end that comes too early");
        }
        return codePoints[at++];
    }

    void back() {
        at--;
    }

    void skip(int count) {
        at += count;
    }

    boolean take(int c) {
        if (peek() != c) {
            return false;
        }
        at++;
        return true;
    }

    void expect(int c) {
        if (!take(c)) {
            throw refused("no " + Character.toString(c) + " where one is due");
        }
    }

    boolean isAt(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (peek(i) != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    void skipPast(int c, String what) {
        while (more()) {
            if (next() == c) {
                return;
            }
        }
        throw refused(what + " without an end");
    }

    int position() {
        return at;
    }

    void reset(int position) {
        at = position;
    }

    /** A decimal number, -1 if there is none. */
    int number(int most) {
        int value = -1;
        while (peek() >= '0' && peek() <= '9') {
            value = Math.max(value, 0) * 10 + next() - '0';
            if (value > most) {
                throw refused("a number above " + most);
            }
        }
        return value;
    }

    /** After a backslash: a class such as {@code s} or {@code p{L}}; null if it is none, and nothing is taken. */
    @Nullable
    CharClass classEscape(boolean inBrackets) {
        return switch (peek()) {
            case 's' -> take(CharClass.SPACE);
            case 'S' -> take(CharClass.SPACE.negated());
            case 'w' -> take(inBrackets ? CharClass.WORD : CharClass.WORD_ALONE);
            case 'W' -> take((inBrackets ? CharClass.WORD : CharClass.WORD_ALONE).negated());
            case 'd' -> take(CharClass.DIGIT);
            case 'D' -> take(CharClass.DIGIT.negated());
            case 'h' -> take(CharClass.HEX);
            case 'H' -> take(CharClass.HEX.negated());
            case 'p', 'P' -> peek(1) == '{' ? property(inBrackets) : null;
            default -> null;
        };
    }

    private CharClass take(CharClass known) {
        at++;
        return known;
    }

    private CharClass property(boolean inBrackets) {
        boolean negated = next() == 'P';
        next();
        negated ^= take('^');
        StringBuilder name = new StringBuilder();
        while (peek() != '}') {
            name.appendCodePoint(next());
        }
        next();
        CharClass known = Categories.property(name.toString());
        if (known == null) {
            throw refused("the property " + name);
        }
        known = known == CharClass.WORD && !inBrackets ? CharClass.WORD_ALONE : known;
        return negated ? known.negated() : known;
    }

    /** After a backslash: one character. */
    int characterEscape(boolean inBrackets) {
        int c = next();
        return switch (c) {
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'r' -> '\r';
            case 'f' -> '\f';
            case 'v' -> 0x0B;
            case 'a' -> 0x07;
            case 'e' -> 0x1B;
            case 'b' -> {
                if (!inBrackets) {
                    throw refused("the escape \\b");
                }
                yield '\b';
            }
            case 'u' -> hexadecimal(4, 4);
            case 'x' -> {
                if (!take('{')) {
                    yield hexadecimal(1, 2);
                }
                int value = hexadecimal(1, 8);
                expect('}');
                yield value;
            }
            case '0' -> octal();
            case '1', '2', '3', '4', '5', '6', '7', '8', '9' -> throw refused("a back reference or an octal number");
            case 'X', 'K', 'G', 'y', 'Y', 'k', 'g', 'c', 'C', 'M', 'Q', 'E', 'R', 'N', 'O', 'A', 'z', 'Z', 'B' ->
                throw refused("the escape \\" + (char) c);
            default -> c;
        };
    }

    private int hexadecimal(int least, int most) {
        long value = 0;
        int digits = 0;
        while (digits < most && peek() >= 0 && peek() < 128 && Character.digit(peek(), 16) >= 0) {
            value = value << 4 | Character.digit(next(), 16);
            digits++;
        }
        if (digits < least
                || value > Character.MAX_CODE_POINT
                || value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE) {
            throw refused("a character number that is none");
        }
        return (int) value;
    }

    private int octal() {
        int value = 0;
        for (int digits = 0; digits < 2 && peek() >= '0' && peek() <= '7'; digits++) {
            value = value * 8 + next() - '0';
        }
        return value;
    }

    RefusedException refused(String what) {
        String shown = pattern.length() <= 200 ? pattern : pattern.substring(0, 200) + "…";
        return new RefusedException("its pattern " + shown + " has " + what + ", which is not valid or not known here");
    }
}
