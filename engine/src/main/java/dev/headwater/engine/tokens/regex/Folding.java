package dev.headwater.engine.tokens.regex;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Classes in any case, as far as one letter stands for one letter. */
final class Folding {
    private static final int LONG_S = 0x17F;
    private static final int KELVIN = 0x212A;

    private Folding() {}

    /**
     * The class with the other cases of ASCII's letters, and of the two letters beyond that fold to one of those.
     *
     * @return null if it has letters beyond ASCII that lack another case of theirs or fold to several
     */
    static @Nullable CharClass anyCase(CharClass of) {
        if (!of.isOnlyAscii()) {
            for (int c = 128; c <= Character.MAX_CODE_POINT; c++) {
                if (of.contains(c) && Character.isAlphabetic(c) && !isClosed(of, c)) {
                    return null;
                }
            }
        }
        boolean s = of.contains('s') || of.contains('S');
        boolean k = of.contains('k') || of.contains('K');
        return CharClass.of(
                c -> of.contains(c) || c < 128 && of.contains(otherCase(c)) || s && c == LONG_S || k && c == KELVIN);
    }

    private static boolean isClosed(CharClass of, int c) {
        String letter = Character.toString(c);
        String upper = letter.toUpperCase(Locale.ROOT);
        boolean single = upper.codePointCount(0, upper.length()) == 1 && c != 0x1E9E && c != 0x130;
        return single
                && of.contains(Character.toLowerCase(c))
                && of.contains(upper.codePointAt(0))
                && of.contains(Character.toTitleCase(c));
    }

    private static int otherCase(int c) {
        return Character.isLowerCase(c) ? Character.toUpperCase(c) : Character.toLowerCase(c);
    }
}
