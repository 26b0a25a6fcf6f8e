package dev.headwater.engine.tokens;

import dev.headwater.engine.UsageException;
import java.util.Locale;

/** What is a text at all: Java's strings, like JSON's, can hold halves of surrogate pairs, which are no characters and have no UTF-8. */
public final class Unicode {
    private Unicode() {}

    /** Whether every surrogate has its other half. */
    public static boolean isValid(String text) {
        return firstHalf(text) < 0;
    }

    private static int firstHalf(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c)
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    /**
     * Checks a text that came from outside before anything is computed from it.
     *
     * @return the text
     * @throws UsageException if it holds half of a surrogate pair
     */
    public static String check(String text) {
        int half = firstHalf(text);
        if (half >= 0) {
            throw new UsageException(String.format(
                    Locale.ROOT,
                    "The text is not valid Unicode: character %d is half of a surrogate pair (\\u%04x), which is no character.",
                    half + 1,
                    (int) text.charAt(half)));
        }
        return text;
    }
}
