package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Python's functions on texts, which count in code points. What they read and build is paid for first. */
final class Strings {
    private Strings() {}

    /** What Python's {@code str.isspace} takes for white. */
    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    static Object character(String text, long index, Budget budget) {
        budget.spend(Math.min(text.length(), index < 0 ? -Math.max(index, -Long.MAX_VALUE) : index));
        int n = text.length();
        boolean outside = index < 0
                ? -Math.max(index, -Long.MAX_VALUE) > n || text.codePointCount(0, n) + index < 0
                : index >= n || index >= text.codePointCount(0, n);
        if (outside) {
            return new Undefined("character " + index);
        }
        int at = index < 0 ? text.offsetByCodePoints(n, (int) index) : text.offsetByCodePoints(0, (int) index);
        return Character.toString(text.codePointAt(at));
    }

    static String slice(String text, @Nullable Object from, @Nullable Object to, Budget budget) {
        budget.spend(text.length());
        int n = text.codePointCount(0, text.length());
        int first = (int) Values.bound(from, 0, n, 1);
        int end = (int) Values.bound(to, n, n, 1);
        if (first >= end) {
            return "";
        }
        int start = text.offsetByCodePoints(0, first);
        return text.substring(start, text.offsetByCodePoints(start, end - first));
    }

    static String reversed(String text, Budget budget) {
        budget.spend(text.length());
        return new StringBuilder(text).reverse().toString();
    }

    /** By code points, which UTF-16's order isn't. */
    static int order(String a, String b) {
        int place = 0;
        int shorter = Math.min(a.length(), b.length());
        while (place < shorter && a.charAt(place) == b.charAt(place)) {
            place++;
        }
        if (place == shorter) {
            return Integer.compare(a.length(), b.length());
        }
        boolean pairs = Character.isSurrogate(a.charAt(place)) != Character.isSurrogate(b.charAt(place));
        int order = Character.compare(a.charAt(place), b.charAt(place));
        return pairs ? Character.isSurrogate(a.charAt(place)) ? 1 : -1 : order;
    }

    static String join(List<?> items, String separator, Budget budget) {
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            String item = Values.text(items.get(i), budget);
            budget.spend(4L + separator.length() + item.length());
            joined.append(i == 0 ? "" : separator).append(item);
        }
        return joined.toString();
    }

    /** Where a part begins from {@code from} on, or -1: as UTF-16's index. What is read is paid for, repeated readings included. */
    static int find(String text, String part, int from, Budget budget) {
        int place = part.length() < 2 ? text.indexOf(part, from) : matched(text, part, from, budget);
        budget.spend((place < 0 ? text.length() : place) - Math.min(from, text.length()) + part.length());
        return place;
    }

    private static int matched(String text, String part, int from, Budget budget) {
        int last = text.length() - part.length();
        for (int at = text.indexOf(part.charAt(0), from);
                at >= 0 && at <= last;
                at = text.indexOf(part.charAt(0), at + 1)) {
            int same = 1;
            while (same < part.length() && text.charAt(at + same) == part.charAt(same)) {
                same++;
            }
            if (same == part.length()) {
                return at;
            }
            budget.spend(same);
        }
        return -1;
    }

    static int findLast(String text, String part, int before, Budget budget) {
        int place = -1;
        for (int at = Math.min(before, text.length()) - part.length(); at >= 0 && place < 0; at--) {
            int same = 0;
            while (same < part.length() && text.charAt(at + same) == part.charAt(same)) {
                same++;
            }
            budget.spend(1L + same);
            place = same == part.length() ? at : -1;
        }
        return place;
    }

    /** Strips whitespace, or any of these characters. */
    static String strip(String text, @Nullable String characters, boolean left, boolean right, Budget budget) {
        IntPredicate strips = characters == null
                ? Strings::isSpace
                : c -> {
                    budget.spend(characters.length());
                    return characters.indexOf(c) >= 0;
                };
        int from = 0;
        int to = text.length();
        while (left && from < to && strips.test(text.codePointAt(from))) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && to > from && strips.test(text.codePointBefore(to))) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        budget.spend(text.length());
        return text.substring(from, to);
    }

    /** @param separator null for runs of whitespace */
    static List<Object> split(String text, @Nullable String separator, long most, boolean fromRight, Budget budget) {
        long splits = most < 0 ? Long.MAX_VALUE : most;
        List<Object> parts = separator == null
                ? words(text, splits, fromRight, budget)
                : parted(text, separator, splits, fromRight, budget);
        return fromRight ? new ArrayList<>(parts.reversed()) : parts;
    }

    private static List<Object> parted(String text, String separator, long splits, boolean fromRight, Budget budget) {
        if (separator.isEmpty()) {
            throw new TemplateException("a text is split at nothing");
        }
        List<Object> parts = new ArrayList<>();
        int from = 0;
        int to = text.length();
        for (; splits > 0; splits--) {
            int place = fromRight ? findLast(text, separator, to, budget) : find(text, separator, from, budget);
            if (place < 0) {
                break;
            }
            parts.add(part(text, fromRight ? place + separator.length() : from, fromRight ? to : place, budget));
            to = fromRight ? place : to;
            from = fromRight ? from : place + separator.length();
        }
        parts.add(part(text, from, to, budget));
        return parts;
    }

    private static List<Object> words(String text, long splits, boolean fromRight, Budget budget) {
        List<Object> words = new ArrayList<>();
        String rest = strip(text, null, !fromRight, fromRight, budget);
        int from = 0;
        int to = rest.length();
        for (; splits > 0 && from < to; splits--) {
            int end = fromRight ? to : from;
            while (fromRight ? end > from && !isSpace(rest.charAt(end - 1)) : end < to && !isSpace(rest.charAt(end))) {
                end += fromRight ? -1 : 1;
            }
            words.add(part(rest, fromRight ? end : from, fromRight ? to : end, budget));
            while (fromRight ? end > from && isSpace(rest.charAt(end - 1)) : end < to && isSpace(rest.charAt(end))) {
                end += fromRight ? -1 : 1;
            }
            from = fromRight ? from : end;
            to = fromRight ? end : to;
        }
        if (from < to) {
            words.add(part(rest, from, to, budget));
        }
        return words;
    }

    private static String part(String text, int from, int to, Budget budget) {
        budget.spend(Budget.ITEM + to - from);
        return text.substring(from, to);
    }

    /** The lines by all of Python's line breaks. */
    static List<Object> lines(String text, boolean keepEnds, Budget budget) {
        List<Object> lines = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
                int end = c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n' ? i + 2 : i + 1;
                lines.add(part(text, from, keepEnds ? end : i, budget));
                from = end;
                i = end - 1;
            }
        }
        if (from < text.length()) {
            lines.add(part(text, from, text.length(), budget));
        }
        budget.spend(text.length());
        return lines;
    }

    static String replace(String text, String old, String replacement, long count, Budget budget) {
        StringBuilder result = new StringBuilder();
        int from = 0;
        for (long left = count < 0 ? Long.MAX_VALUE : count; left > 0; left--) {
            int place = find(text, old, from, budget);
            if (place < 0) {
                break;
            }
            budget.spend(replacement.length() + 1L);
            result.append(text, from, place).append(replacement);
            from = place + old.length();
            if (old.isEmpty()) {
                if (place == text.length()) {
                    break;
                }
                int next = text.offsetByCodePoints(place, 1);
                if (left > 1) {
                    result.append(text, place, next);
                    from = next;
                }
            }
        }
        budget.spend(text.length());
        return result.append(text, from, text.length()).toString();
    }

    static String upper(String text, Budget budget) {
        budget.spend(2L * text.length());
        return text.toUpperCase(Locale.ROOT);
    }

    static String lower(String text, Budget budget) {
        budget.spend(2L * text.length());
        return text.toLowerCase(Locale.ROOT);
    }

    static String capitalize(String text, Budget budget) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return Character.toString(Character.toTitleCase(text.codePointAt(0))) + lower(text.substring(first), budget);
    }

    /** Python's {@code str.title}: each run of letters begins with a capital. */
    static String title(String text, Budget budget) {
        budget.spend(2L * text.length());
        StringBuilder title = new StringBuilder();
        boolean inWord = false;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            title.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
        }
        return title.toString();
    }

    /** Jinja's filter {@code title}: what follows blanks, hyphens and opening brackets begins with a capital. */
    static String titleOfWords(String text, Budget budget) {
        budget.spend(2L * text.length());
        StringBuilder title = new StringBuilder();
        boolean begins = true;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            String letter = Character.toString(c);
            title.append(begins ? letter.toUpperCase(Locale.ROOT) : letter.toLowerCase(Locale.ROOT));
            begins = isSpace(c) || "-({[<".indexOf(c) >= 0;
        }
        return title.toString();
    }
}
