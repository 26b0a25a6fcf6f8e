package dev.headwater.cli.report;

import java.util.Locale;

/** Text made fit for a terminal: control characters visible, cut and padded by columns rather than chars. */
public final class Text {
    private Text() {}

    /** A token's or prompt's text on one line: what would move the cursor or colour the screen is shown, not obeyed. */
    public static String visible(String text) {
        StringBuilder shown = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> shown.append('↵');
                case '\t' -> shown.append('⇥');
                case '\r' -> shown.append('␍');
                default -> {
                    switch (Character.getType(c)) {
                        case Character.CONTROL,
                                Character.FORMAT,
                                Character.LINE_SEPARATOR,
                                Character.PARAGRAPH_SEPARATOR,
                                Character.SURROGATE -> shown.append(String.format(Locale.ROOT, "‹%04X›", c));
                        default -> shown.appendCodePoint(c);
                    }
                }
            }
        });
        return shown.toString();
    }

    /** {@link #visible} text for SVG and HTML, between tags and in quoted attributes; what XML does not allow is shown too. */
    public static String markup(String text) {
        StringBuilder escaped = new StringBuilder(text.length());
        visible(text).codePoints().forEach(c -> {
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                case 0xfffe, 0xffff -> escaped.append(String.format(Locale.ROOT, "‹%04X›", c));
                default -> escaped.appendCodePoint(c);
            }
        });
        return escaped.toString();
    }

    /** {@link #visible} text for markdown: nothing in it is markup, a link or a mention. */
    public static String markdown(String text) {
        return visible(text)
                .replaceAll("([\\\\`*_{}\\[\\]<>#|!&~$@])", "\\\\$1")
                .replaceAll("(?i)(?<=www)\\.|:(?=//)", "\\\\$0");
    }

    /** Terminal columns that the text takes. */
    public static int columns(String text) {
        return text.codePoints().map(Text::columns).sum();
    }

    private static int columns(int c) {
        int type = Character.getType(c);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK || type == Character.FORMAT) {
            return 0;
        }
        // East Asian wide and fullwidth forms, and emoji.
        boolean wide = c >= 0x1100 && c <= 0x115f
                || c >= 0x2e80 && c <= 0xa4cf && c != 0x303f
                || c >= 0xac00 && c <= 0xd7a3
                || c >= 0xf900 && c <= 0xfaff
                || c >= 0xfe30 && c <= 0xfe6f
                || c >= 0xff00 && c <= 0xff60
                || c >= 0xffe0 && c <= 0xffe6
                || c >= 0x1f300 && c <= 0x1faff
                || c >= 0x20000 && c <= 0x3fffd;
        return wide ? 2 : 1;
    }

    /** At most so many columns, the last one an ellipsis where something was cut. */
    public static String cut(String text, int columns) {
        if (columns(text) <= columns) {
            return text;
        }
        StringBuilder kept = new StringBuilder();
        int used = 0;
        for (int c : text.codePoints().toArray()) {
            used += columns(c);
            if (used > columns - 1) {
                break;
            }
            kept.appendCodePoint(c);
        }
        return kept.append('…').toString();
    }

    /** Exactly so many columns, filled with spaces on the right. */
    public static String pad(String text, int columns) {
        String cut = cut(text, columns);
        return cut + " ".repeat(columns - columns(cut));
    }

    /** 1,234,567 whatever the locale. */
    public static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** 12 B, 3.4 kB, 56 MB, 1.2 GB: powers of 1000, as disks are sold. */
    public static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 999.5) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, value < 9.95 ? "%.1f %cB" : "%.0f %cB", value, "kMGTP".charAt(unit));
    }

    /** 0.42 s, 12.3 s, 4 min 05 s, 2 h 07 min. */
    public static String seconds(double seconds) {
        if (seconds < 9.995) {
            return String.format(Locale.ROOT, "%.2f s", seconds);
        }
        if (seconds < 99.95) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long whole = Math.round(seconds);
        return whole < 3600
                ? String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60)
                : String.format(Locale.ROOT, "%d h %02d min", whole / 3600, whole / 60 % 60);
    }
}
