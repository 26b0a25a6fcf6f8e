package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;

/**
 * A text, or a part of one, on its way to tokens. Of the alignment with the original, which the library keeps for every byte, one
 * thing decides about tokens: whether a part begins where the original text begins.
 *
 * @param chars without halves of surrogate pairs
 * @param first whether it counts as the beginning of the text
 * @param heads how many of its UTF-16 units stand for the original's first character; a part that is cut off behind them is not first
 */
record Text(String chars, boolean first, int heads) {
    /** Longest text that is encoded, in UTF-16 units. */
    static final int LONGEST_INPUT = 1 << 24;
    /** Longest that normalization may make of it. */
    private static final int LONGEST = 1 << 25;

    /** @throws RefusedException if it is too long */
    static Text of(String chars) {
        if (chars.length() > LONGEST_INPUT) {
            throw new RefusedException("the text has " + chars.length() + " characters, more than the " + LONGEST_INPUT
                    + " that are encoded at once: split it");
        }
        return new Text(chars, true, chars.isEmpty() ? 0 : Character.charCount(chars.codePointAt(0)));
    }

    static void checkLength(long length) {
        if (length > LONGEST) {
            throw new RefusedException("its rules make more than " + LONGEST + " characters of the text");
        }
    }

    Text slice(int start, int end) {
        boolean begins = first && start < heads;
        return new Text(chars.substring(start, end), begins, begins ? Math.min(heads, end) - start : 0);
    }

    /** With something in front that counts as its first character does. */
    Text prepend(String front) {
        return chars.isEmpty() ? this : new Text(front.concat(chars), first, heads == 0 ? 0 : heads + front.length());
    }

    Text withChars(String other, int otherHeads) {
        return new Text(other, first, otherHeads);
    }
}
