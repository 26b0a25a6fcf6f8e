package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's two ways to put values into a text: {@code '%s' % value} and {@code '{}'.format(value)}, without widths. */
final class Formatting {
    private Formatting() {}

    /** {@code format % values}, where a tuple holds several. */
    static String percent(String format, @Nullable Object values, Budget budget) {
        List<?> several = Sequence.isTuple(values) ? (List<?>) values : null;
        StringBuilder text = new StringBuilder();
        int used = 0;
        for (int i = 0; i < format.length(); i++) {
            if (format.charAt(i) != '%') {
                append(text, format.substring(i, i + 1), budget);
                continue;
            }
            char directive = ++i < format.length() ? format.charAt(i) : ' ';
            if (directive == '%') {
                append(text, "%", budget);
                continue;
            }
            if (several == null ? used > 0 : used >= several.size()) {
                throw new TemplateException("a format has more directives than values");
            }
            Object value = several == null ? values : several.get(used);
            used++;
            append(
                    text,
                    switch (directive) {
                        case 's' -> Values.text(value, budget);
                        case 'r' -> represented(value, budget);
                        case 'd', 'i' ->
                            String.valueOf(
                                    value instanceof Double number
                                            ? (long) number.doubleValue()
                                            : Values.integer(value));
                        default -> throw TemplateException.unsupported("the format directive '%" + directive + "'");
                    },
                    budget);
        }
        if (several == null
                ? used == 0
                        && !(values instanceof Map<?, ?>)
                        && !(values instanceof List<?> list && Sequence.isIndexed(list))
                : used < several.size()) {
            throw new TemplateException("a format has fewer directives than values");
        }
        return text.toString();
    }

    /** {@code format.format(...)} with the fields {@code {}}, {@code {0}} and {@code {name}}. */
    static String braces(String format, Arguments arguments) {
        Budget budget = arguments.budget();
        StringBuilder text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            boolean doubled = i + 1 < format.length() && format.charAt(i + 1) == c;
            if (c != '{' && c != '}' || doubled) {
                append(text, String.valueOf(c), budget);
                i += doubled && (c == '{' || c == '}') ? 1 : 0;
                continue;
            }
            int end = format.indexOf('}', i);
            if (c == '}' || end < 0) {
                throw new TemplateException("a format has a single '" + c + "'");
            }
            String field = format.substring(i + 1, end);
            if (!field.matches("[0-9]{0,3}|[A-Za-z_][A-Za-z0-9_]*")) {
                throw TemplateException.unsupported("the format field '{" + field + "}'");
            }
            Object value = field.isEmpty()
                    ? at(arguments, next++)
                    : Character.isDigit(field.charAt(0))
                            ? at(arguments, Integer.parseInt(field))
                            : named(arguments, field);
            append(text, Values.text(value, budget), budget);
            i = end;
        }
        return text.toString();
    }

    private static Object at(Arguments arguments, int index) {
        if (index >= arguments.size()) {
            throw new TemplateException("a format has more fields than values");
        }
        return arguments.positional().get(index);
    }

    private static Object named(Arguments arguments, String name) {
        if (!arguments.named().containsKey(name)) {
            throw new TemplateException("a format's field '" + name + "' is not given");
        }
        return arguments.named().get(name);
    }

    private static String represented(@Nullable Object value, Budget budget) {
        StringBuilder text = new StringBuilder();
        Values.represent(value, text, budget);
        return text.toString();
    }

    private static void append(StringBuilder text, String part, Budget budget) {
        budget.spend(part.length());
        text.append(part);
    }
}
