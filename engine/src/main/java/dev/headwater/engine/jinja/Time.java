package dev.headwater.engine.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** The directives of C's strftime, in English whatever the locale. */
final class Time {
    private Time() {}

    static String format(LocalDateTime now, String format, Budget budget) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            budget.spend(32);
            if (format.charAt(i) != '%' || i + 1 == format.length()) {
                text.append(format.charAt(i));
                continue;
            }
            boolean unpadded = format.charAt(i + 1) == '-' && i + 2 < format.length();
            i += unpadded ? 2 : 1;
            String part = directive(now, format.charAt(i));
            text.append(unpadded ? part.replaceFirst("^[0 ]+(?=.)", "") : part);
        }
        return text.toString();
    }

    private static String directive(LocalDateTime now, char directive) {
        int sundays = now.get(ChronoField.DAY_OF_WEEK) % 7;
        return switch (directive) {
            case 'd' -> of(now, "dd");
            case 'e' -> String.format(Locale.ROOT, "%2d", now.getDayOfMonth());
            case 'm' -> of(now, "MM");
            case 'y' -> of(now, "yy");
            case 'Y' -> of(now, "yyyy");
            case 'C' -> of(now, "yyyy").substring(0, 2);
            case 'b', 'h' -> of(now, "MMM").substring(0, 3);
            case 'B' -> of(now, "MMMM");
            case 'a' -> of(now, "EEE");
            case 'A' -> of(now, "EEEE");
            case 'H' -> of(now, "HH");
            case 'k' -> String.format(Locale.ROOT, "%2d", now.getHour());
            case 'I' -> of(now, "hh");
            case 'M' -> of(now, "mm");
            case 'S' -> of(now, "ss");
            case 'f' -> of(now, "SSSSSS");
            case 'p' -> of(now, "a");
            case 'j' -> of(now, "DDD");
            case 'F' -> of(now, "yyyy-MM-dd");
            case 'D', 'x' -> of(now, "MM/dd/yy");
            case 'T', 'X' -> of(now, "HH:mm:ss");
            case 'R' -> of(now, "HH:mm");
            case 'r' -> of(now, "hh:mm:ss a");
            case 'c' -> of(now, "EEE MMM ") + directive(now, 'e') + of(now, " HH:mm:ss yyyy");
            case 'u' -> String.valueOf(now.get(ChronoField.DAY_OF_WEEK));
            case 'w' -> String.valueOf(sundays);
            case 'U' -> twoDigits((now.getDayOfYear() + 6 - sundays) / 7);
            case 'W' -> twoDigits((now.getDayOfYear() + 6 - (sundays + 6) % 7) / 7);
            case 'V' -> twoDigits(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'G' -> String.valueOf(now.get(IsoFields.WEEK_BASED_YEAR));
            // Python's clock here knows no zone.
            case 'z', 'Z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> throw TemplateException.unsupported("the time directive %" + directive);
        };
    }

    private static String of(LocalDateTime now, String pattern) {
        return now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
    }

    private static String twoDigits(int number) {
        return String.format(Locale.ROOT, "%02d", number);
    }
}
