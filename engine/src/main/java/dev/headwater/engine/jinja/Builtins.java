package dev.headwater.engine.jinja;

import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that every chat template can call. */
record Builtins(Clock clock) {
    private static final int LONGEST_RANGE = 100_000;

    Map<String, Callable> functions() {
        return Map.of(
                "raise_exception",
                        arguments -> {
                            throw new TemplateException(
                                    "it refuses these messages: " + arguments.text(0, "message", ""));
                        },
                "strftime_now", arguments -> time(arguments.text(0, "format", "")),
                "namespace",
                        arguments -> {
                            Map<String, Object> values = new HashMap<>(arguments.named());
                            if (arguments.size() > 0 && arguments.first() instanceof Map<?, ?> initial) {
                                initial.forEach((name, value) -> values.put(Values.text(name), value));
                            }
                            return new Statement.Namespace(values);
                        },
                "dict", arguments -> new LinkedHashMap<Object, Object>(arguments.named()),
                "range", Builtins::range);
    }

    private static List<Object> range(Arguments arguments) {
        long from = arguments.size() > 1 ? Values.integer(arguments.first()) : 0;
        long to = arguments.size() > 1 ? arguments.integer(1, "", 0) : Values.integer(arguments.first());
        long step = arguments.integer(2, "", 1);
        if (step == 0 || Math.abs((double) to - from) / Math.abs((double) step) > LONGEST_RANGE) {
            throw new TemplateException("a range is too long");
        }
        List<Object> range = new ArrayList<>();
        for (long i = from; step > 0 ? i < to : i > to; i += step) {
            range.add(i);
        }
        return range;
    }

    /** The directives of C's strftime that templates use, in English whatever the locale. */
    private String time(String format) {
        LocalDateTime now = LocalDateTime.now(clock);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            if (format.charAt(i) != '%' || i + 1 == format.length()) {
                text.append(format.charAt(i));
                continue;
            }
            boolean unpadded = format.charAt(i + 1) == '-' && i + 2 < format.length();
            i += unpadded ? 2 : 1;
            String pattern = switch (format.charAt(i)) {
                case 'd' -> unpadded ? "d" : "dd";
                case 'm' -> unpadded ? "M" : "MM";
                case 'y' -> "yy";
                case 'Y' -> "yyyy";
                case 'b' -> "MMM";
                case 'B' -> "MMMM";
                case 'a' -> "EEE";
                case 'A' -> "EEEE";
                case 'H' -> unpadded ? "H" : "HH";
                case 'I' -> unpadded ? "h" : "hh";
                case 'M' -> unpadded ? "m" : "mm";
                case 'S' -> unpadded ? "s" : "ss";
                case 'p' -> "a";
                case 'j' -> unpadded ? "D" : "DDD";
                case 'F' -> "yyyy-MM-dd";
                case 'T' -> "HH:mm:ss";
                case '%' -> "'%'";
                default -> throw new TemplateException("the time directive %" + format.charAt(i) + " is not supported");
            };
            text.append(now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH)));
        }
        return text.toString();
    }
}
