package dev.headwater.engine.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What may stand after {@code |}: filters of texts and numbers here, of several items in {@link ItemFilters}. */
final class Filters {
    static final Map<String, Callable> ALL = all();

    private Filters() {}

    private static Map<String, Callable> all() {
        Map<String, Callable> filters = new HashMap<>();
        add(
                filters,
                "trim",
                "chars",
                arguments -> Strings.strip(
                        text(arguments), arguments.text(1, "chars", null), true, true, arguments.budget()));
        add(filters, "upper", "", arguments -> Strings.upper(text(arguments), arguments.budget()));
        add(filters, "lower", "", arguments -> Strings.lower(text(arguments), arguments.budget()));
        add(filters, "capitalize", "", arguments -> Strings.capitalize(text(arguments), arguments.budget()));
        add(filters, "title", "", arguments -> Strings.titleOfWords(text(arguments), arguments.budget()));
        add(filters, "string", "", arguments -> arguments.first() instanceof Markup markup ? markup : text(arguments));
        add(
                filters,
                "safe",
                "",
                arguments -> arguments.first() instanceof Markup markup ? markup : new Markup(text(arguments)));
        add(
                filters,
                "escape",
                "",
                arguments -> arguments.first() instanceof Markup markup
                        ? markup
                        : escaped(text(arguments), arguments.budget()));
        add(
                filters,
                "forceescape",
                "",
                arguments -> escaped(Values.text(arguments.first(), arguments.budget()), arguments.budget()));
        add(filters, "replace", "old new count", Filters::replaced);
        add(filters, "indent", "width first blank", Filters::indented);
        add(filters, "wordcount", "", Filters::words);
        add(filters, "length", "", arguments -> Values.length(arguments.first(), arguments.budget()));
        add(filters, "default", "default_value boolean", Filters::otherwise);
        add(
                filters,
                "attr",
                "name",
                arguments ->
                        attribute(arguments.first(), Values.text(arguments.required(1, "name"), arguments.budget())));
        add(
                filters,
                "abs",
                "",
                arguments -> Operators.order(arguments.first(), 0L, arguments.budget()) < 0
                        ? Operators.arithmetic("-", 0L, arguments.first(), arguments.budget())
                        : Operators.arithmetic("+", 0L, arguments.first(), arguments.budget()));
        add(filters, "int", "default base", Filters::whole);
        add(filters, "float", "default", Filters::decimal);
        add(filters, "round", "precision method", Filters::rounded);
        add(filters, "tojson", "ensure_ascii indent separators sort_keys", Json::write);
        filters.put("format", Filters::formatted);
        ItemFilters.addTo(filters);
        filters.put("count", filters.get("length"));
        filters.put("d", filters.get("default"));
        filters.put("e", filters.get("escape"));
        return Map.copyOf(filters);
    }

    static void add(Map<String, Callable> filters, String name, String parameters, Callable filter) {
        filters.put(name, Function.piped("the filter '" + name + "'", parameters, filter));
    }

    private static String text(Arguments arguments) {
        if (arguments.first() instanceof Markup) {
            throw TemplateException.unsupported("a filter that changes an escaped text");
        }
        return Values.text(arguments.first(), arguments.budget());
    }

    private static Markup escaped(String text, Budget budget) {
        budget.spend(6L * text.length());
        return new Markup(text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&#34;")
                .replace("'", "&#39;"));
    }

    private static Object replaced(Arguments arguments) {
        Object count = arguments.get(3, "count", null);
        return Strings.replace(
                text(arguments),
                Values.text(arguments.required(1, "old"), arguments.budget()),
                Values.text(arguments.required(2, "new"), arguments.budget()),
                count == null ? -1 : Values.integer(count),
                arguments.budget());
    }

    private static Object indented(Arguments arguments) {
        Budget budget = arguments.budget();
        if (!(arguments.first() instanceof String text)) {
            throw new TemplateException("the filter 'indent' needs a text, not " + Values.kind(arguments.first()));
        }
        Object width = arguments.get(1, "width", 4L);
        long blanks = width instanceof String ? 0 : Math.max(0, Values.integer(width));
        budget.spend(blanks);
        String indent = width instanceof String given ? given : " ".repeat((int) blanks);
        boolean first = arguments.flag(2, "first");
        boolean blank = arguments.flag(3, "blank");
        StringBuilder indented = new StringBuilder();
        List<Object> lines = Strings.lines(text + "\n", false, budget);
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            boolean wanted = i == 0 ? first : blank || !line.isEmpty();
            budget.spend(1L + line.length() + (wanted ? indent.length() : 0));
            indented.append(i == 0 ? "" : "\n").append(wanted ? indent : "").append(line);
        }
        return indented.toString();
    }

    private static Object words(Arguments arguments) {
        String text = text(arguments);
        arguments.budget().spend(text.length());
        long words = 0;
        boolean inWord = false;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            boolean ofWord = Character.isLetterOrDigit(c)
                    || c == '_'
                    || Character.getType(c) == Character.OTHER_NUMBER
                    || Character.getType(c) == Character.LETTER_NUMBER;
            words += ofWord && !inWord ? 1 : 0;
            inWord = ofWord;
        }
        return words;
    }

    private static Object formatted(Arguments arguments) {
        if (!arguments.named().isEmpty()) {
            throw TemplateException.unsupported("the filter 'format' with named values");
        }
        return Formatting.percent(
                text(arguments),
                new Sequence(Sequence.Kind.TUPLE, arguments.positional().subList(1, arguments.size())),
                arguments.budget());
    }

    /** An attribute, but no item of that name. */
    private static Object attribute(@Nullable Object value, String name) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        return Methods.ofObject(value, name);
    }

    private static @Nullable Object otherwise(Arguments arguments) {
        Object value = arguments.first();
        boolean absent = value instanceof Undefined || arguments.flag(2, "boolean") && !Values.truth(value);
        return absent ? arguments.get(1, "default_value", "") : value;
    }

    private static @Nullable Object whole(Arguments arguments) {
        Object value = arguments.first();
        Object otherwise = arguments.get(1, "default", 0L);
        if (arguments.integer(2, "base", 10) != 10) {
            throw TemplateException.unsupported("the filter 'int' with a base other than 10");
        }
        return switch (value) {
            case Undefined undefined -> throw undefined.error();
            case Long _, Boolean _ -> Values.integer(value);
            case Double number -> truncated(number, otherwise);
            case String text -> {
                String digits = number(text, arguments.budget());
                if (!digits.matches("[+-]?[0-9]+")) {
                    yield truncated(parsed(digits), otherwise);
                }
                try {
                    yield Long.parseLong(digits);
                } catch (NumberFormatException e) {
                    throw new TemplateException("a whole number is too large");
                }
            }
            case null, default -> otherwise;
        };
    }

    private static @Nullable Object truncated(@Nullable Double number, @Nullable Object otherwise) {
        if (number == null || number.isNaN() || number.isInfinite()) {
            return otherwise;
        }
        if (Math.abs(number) >= 0x1p63) {
            throw new TemplateException("a whole number is too large");
        }
        return (long) number.doubleValue();
    }

    private static @Nullable Object decimal(Arguments arguments) {
        Object value = arguments.first();
        Double number = switch (value) {
            case Undefined undefined -> throw undefined.error();
            case Long _, Double _, Boolean _ -> Values.decimalOf(value);
            case String text -> parsed(number(text, arguments.budget()));
            case null, default -> null;
        };
        return number == null ? arguments.get(1, "default", 0.0) : number;
    }

    /** A number's digits without the blanks around them and the underscores between them. */
    private static String number(String text, Budget budget) {
        String stripped = Strings.strip(text, null, true, true, budget);
        if (stripped.length() > 400) {
            throw new TemplateException("a number has too many digits");
        }
        return stripped.replaceAll("(?<=[0-9])_(?=[0-9])", "");
    }

    private static @Nullable Double parsed(String text) {
        if (text.matches("(?i)[+-]?(inf|infinity|nan)")) {
            return text.toLowerCase(java.util.Locale.ROOT).contains("nan")
                    ? Double.NaN
                    : text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        return text.matches("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?")
                ? (Double) Double.parseDouble(text)
                : null;
    }

    private static Object rounded(Arguments arguments) {
        Object value = arguments.first();
        int precision = Math.clamp(arguments.integer(1, "precision", 0), -400, 400);
        String method = arguments.text(2, "method", "common");
        double number = Values.decimalOf(value);
        if (!"common".equals(method)) {
            if (!"ceil".equals(method) && !"floor".equals(method)) {
                throw new TemplateException("the filter 'round' knows common, ceil and floor");
            }
            double scale = Math.pow(10, precision);
            return ("ceil".equals(method) ? Math.ceil(number * scale) : Math.floor(number * scale)) / scale;
        }
        if (value instanceof Double) {
            return Double.isNaN(number) || Double.isInfinite(number)
                    ? number
                    : Math.copySign(
                            new BigDecimal(number)
                                    .setScale(precision, RoundingMode.HALF_EVEN)
                                    .doubleValue(),
                            number);
        }
        BigInteger whole = new BigDecimal(BigInteger.valueOf(Values.integer(value)))
                .setScale(Math.min(0, precision), RoundingMode.HALF_EVEN)
                .toBigInteger();
        if (whole.bitLength() > 63) {
            throw new TemplateException("a whole number is too large");
        }
        return whole.longValue();
    }
}
