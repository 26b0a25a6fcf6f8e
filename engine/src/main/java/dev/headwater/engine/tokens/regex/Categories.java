package dev.headwater.engine.tokens.regex;

import java.lang.Character.UnicodeScript;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The names that {@code \p{…}} and {@code [:…:]} take: general categories, POSIX classes, scripts and a few binary properties. */
final class Categories {
    private static final String NAMES =
            "Cn Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No Zs Zl Zp Cc Cf -- Co Cs Pd Ps Pe Pc Po Sm Sc Sk So Pi Pf";
    private static final int LETTER = mask("L");
    private static final int NUMBER = mask("N");
    private static final int PUNCTUATION = mask("P");
    private static final int SYMBOL = mask("S");
    private static final int OTHER = mask("C");

    private static final Map<String, CharClass> PROPERTIES = Map.ofEntries(
            Map.entry("any", CharClass.ANY),
            Map.entry("assigned", CharClass.of(Character::isDefined)),
            Map.entry("alpha", CharClass.of(Character::isAlphabetic)),
            Map.entry("alphabetic", CharClass.of(Character::isAlphabetic)),
            Map.entry(
                    "alnum",
                    CharClass.of(
                            c -> Character.isAlphabetic(c) || Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER)),
            Map.entry("ascii", CharClass.range(0, 127)),
            Map.entry("blank", CharClass.of(c -> c == '\t' || Character.getType(c) == Character.SPACE_SEPARATOR)),
            Map.entry("cntrl", CharClass.category(1 << Character.CONTROL)),
            Map.entry("digit", CharClass.DIGIT),
            Map.entry(
                    "graph",
                    CharClass.of(c -> !CharClass.isWhiteSpace(c)
                            && !CharClass.isIn(
                                    c, 1 << Character.CONTROL | 1 << Character.UNASSIGNED | 1 << Character.SURROGATE))),
            Map.entry("lower", CharClass.of(Character::isLowerCase)),
            Map.entry("lowercase", CharClass.of(Character::isLowerCase)),
            Map.entry(
                    "print",
                    CharClass.of(c -> CharClass.isIn(c, 1 << Character.SPACE_SEPARATOR)
                            || !CharClass.isWhiteSpace(c)
                                    && !CharClass.isIn(
                                            c,
                                            1 << Character.CONTROL
                                                    | 1 << Character.UNASSIGNED
                                                    | 1 << Character.SURROGATE))),
            Map.entry("punct", CharClass.category(PUNCTUATION)),
            Map.entry("punctuation", CharClass.category(PUNCTUATION)),
            Map.entry("space", CharClass.SPACE),
            Map.entry("whitespace", CharClass.SPACE),
            Map.entry("upper", CharClass.of(Character::isUpperCase)),
            Map.entry("uppercase", CharClass.of(Character::isUpperCase)),
            Map.entry("xdigit", CharClass.HEX),
            Map.entry("word", CharClass.WORD),
            Map.entry("ideographic", CharClass.of(Character::isIdeographic)),
            Map.entry("emoji", CharClass.of(Character::isEmoji)),
            Map.entry("emojipresentation", CharClass.of(Character::isEmojiPresentation)),
            Map.entry("emojimodifier", CharClass.of(Character::isEmojiModifier)),
            Map.entry("extendedpictographic", CharClass.of(Character::isExtendedPictographic)),
            Map.entry("letter", CharClass.category(LETTER)),
            Map.entry("mark", CharClass.category(CharClass.MARKS)),
            Map.entry("number", CharClass.category(NUMBER)),
            Map.entry("symbol", CharClass.category(SYMBOL)),
            Map.entry("separator", CharClass.category(mask("Z"))),
            Map.entry("other", CharClass.category(OTHER)));
    private static final Set<String> POSIX = Set.of(
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "xdigit", "word");

    private Categories() {}

    /** Bits of the categories whose name begins so. */
    private static int mask(String prefix) {
        String[] names = NAMES.split(" ");
        int mask = 0;
        for (int type = 0; type < names.length; type++) {
            mask |= names[type].startsWith(prefix) ? 1 << type : 0;
        }
        return mask;
    }

    /** What {@code \p{NAME}} means; null if Oniguruma may know the name but this class does not. */
    static @Nullable CharClass property(String name) {
        String plain = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
        CharClass known = PROPERTIES.get(plain);
        if (known != null) {
            return known;
        }
        if (plain.length() == 1 || plain.length() == 2) {
            int mask = mask(plain.substring(0, 1).toUpperCase(Locale.ROOT) + plain.substring(1));
            if (mask != 0) {
                return CharClass.category(mask);
            }
        }
        try {
            UnicodeScript script = UnicodeScript.forName(name.strip());
            return CharClass.of(c -> UnicodeScript.of(c) == script);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** What {@code [:NAME:]} means; null if there is no such class. */
    static @Nullable CharClass posix(String name) {
        // Oniguruma counts symbols of ASCII, and all others too, as punctuation here but not in \p{punct}.
        return name.equals("punct")
                ? CharClass.category(PUNCTUATION | SYMBOL)
                : POSIX.contains(name) ? PROPERTIES.get(name) : null;
    }
}
