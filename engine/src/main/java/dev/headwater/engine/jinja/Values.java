package dev.headwater.engine.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's rules for values: null, Boolean, Long, Double, String, {@link Markup}, List ({@link Sequence} included), Map with keys
 * that are texts, whole numbers or none, {@link Callable}, {@link Attributed} and {@link Undefined}. */
final class Values {
    private Values() {}

    /** A Java value in the types that templates use. */
    static @Nullable Object of(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case Integer number -> number.longValue();
            case Float number -> number.doubleValue();
            case Collection<?> items -> {
                List<Object> list = new ArrayList<>(items.size());
                items.forEach(item -> list.add(of(item)));
                yield list;
            }
            case Map<?, ?> map -> mapping(map);
            case Boolean _, Long _, Double _, String _ -> value;
            default ->
                throw new IllegalArgumentException(
                        "a template has no use for a " + value.getClass().getName());
        };
    }

    /** {@link #of} of each value. */
    static Map<Object, Object> mapping(Map<?, ?> map) {
        Map<Object, Object> converted = new LinkedHashMap<>();
        map.forEach((key, item) -> converted.put(key, of(item)));
        return converted;
    }

    /** What a value of {@link #of} holds, in characters. */
    static long size(@Nullable Object value) {
        return switch (value) {
            case String text -> text.length();
            case List<?> items ->
                items.stream().mapToLong(item -> Budget.ITEM + size(item)).sum();
            case Map<?, ?> map ->
                map.entrySet().stream()
                        .mapToLong(entry -> Budget.ENTRY + size(entry.getKey()) + size(entry.getValue()))
                        .sum();
            case null, default -> 0;
        };
    }

    static boolean truth(@Nullable Object value) {
        return switch (value) {
            case null -> false;
            case Undefined _ -> false;
            case Boolean bool -> bool;
            case Long number -> number != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case Markup markup -> !markup.text().isEmpty();
            case List<?> items -> Sequence.isGenerator(items) || !items.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> true;
        };
    }

    /** What {@code str(value)} gives. */
    static String text(@Nullable Object value, Budget budget) {
        return switch (value) {
            case String text -> text;
            case Markup markup -> markup.text();
            case Undefined _ -> "";
            case null, default -> {
                StringBuilder text = new StringBuilder();
                represent(value, text, budget);
                yield text.toString();
            }
        };
    }

    /** Appends what {@code repr(value)} gives. */
    static void represent(@Nullable Object value, StringBuilder text, Budget budget) {
        budget.enter();
        switch (value) {
            case null -> text.append("None");
            case Boolean bool -> text.append(bool ? "True" : "False");
            case Long number -> text.append(number.longValue());
            case Double number -> text.append(decimal(number));
            case String string -> quote(string, text, budget);
            case Sequence sequence -> {
                switch (sequence.kind()) {
                    case TUPLE -> list(sequence, "(", sequence.size() == 1 ? ",)" : ")", text, budget);
                    case KEYS -> list(sequence, "dict_keys([", "])", text, budget);
                    case VALUES -> list(sequence, "dict_values([", "])", text, budget);
                    case ITEMS -> list(sequence, "dict_items([", "])", text, budget);
                    default ->
                        throw TemplateException.unsupported(
                                "writing out " + sequence.kind() + " without the filter 'list'");
                }
            }
            case List<?> items -> list(items, "[", "]", text, budget);
            case Map<?, ?> map -> {
                text.append('{');
                String separator = "";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(separator);
                    represent(entry.getKey(), text, budget);
                    text.append(": ");
                    represent(entry.getValue(), text, budget);
                    separator = ", ";
                }
                text.append('}');
            }
            case Undefined _ -> text.append("Undefined");
            default -> throw TemplateException.unsupported("writing out " + kind(value));
        }
        budget.leave();
    }

    private static void list(List<?> items, String open, String close, StringBuilder text, Budget budget) {
        text.append(open);
        for (int i = 0; i < items.size(); i++) {
            text.append(i == 0 ? "" : ", ");
            represent(items.get(i), text, budget);
        }
        text.append(close);
    }

    static String decimal(double number) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return Double.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }
        double size = Math.abs(number);
        if (size != 0 && (size < 1e-4 || size >= 1e16)) {
            String[] parts = Double.toString(number).split("E");
            int exponent = Integer.parseInt(parts[1]);
            return (parts[0].endsWith(".0") ? parts[0].substring(0, parts[0].length() - 2) : parts[0])
                    + (exponent < 0 ? "e-" : "e+")
                    + (Math.abs(exponent) < 10 ? "0" : "")
                    + Math.abs(exponent);
        }
        String plain = new BigDecimal(Double.toString(number)).toPlainString();
        plain = plain.contains(".") ? plain : plain + ".0";
        return number == 0 && 1 / number < 0 && !plain.startsWith("-") ? "-" + plain : plain;
    }

    private static void quote(String string, StringBuilder text, Budget budget) {
        budget.spend(4L * string.length());
        char quote = string.contains("'") && !string.contains("\"") ? '"' : '\'';
        text.append(quote);
        string.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\\' -> text.append("\\\\");
                default -> {
                    if (c == quote) {
                        text.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        text.appendCodePoint(c);
                    } else {
                        String digits = Integer.toHexString(c);
                        int width = c <= 0xff ? 2 : c <= 0xffff ? 4 : 8;
                        text.append(width == 2 ? "\\x" : width == 4 ? "\\u" : "\\U")
                                .repeat('0', width - digits.length())
                                .append(digits);
                    }
                }
            }
        });
        text.append(quote);
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** What iterating gives: items, keys, or characters. Not to be changed; a generator is empty afterwards. */
    @SuppressWarnings("unchecked")
    static List<Object> items(@Nullable Object value, Budget budget) {
        return switch (value) {
            case Sequence sequence -> sequence.read();
            case List<?> items -> (List<Object>) items;
            case Map<?, ?> map -> keys(map, budget);
            case String text -> {
                budget.spend(text.length(), Budget.ITEM);
                List<Object> characters = new ArrayList<>(text.length());
                text.codePoints().forEach(c -> characters.add(Character.toString(c)));
                yield characters;
            }
            case Undefined _ -> List.of();
            case null, default -> throw new TemplateException(kind(value) + " has no items to go through");
        };
    }

    static List<Object> keys(Map<?, ?> map, Budget budget) {
        budget.spend(map.size(), Budget.ITEM);
        return new ArrayList<>(map.keySet());
    }

    static List<Object> pairs(Map<?, ?> map, Budget budget) {
        budget.spend(map.size(), Budget.ENTRY);
        List<Object> pairs = new ArrayList<>(map.size());
        map.forEach((key, item) -> pairs.add(Sequence.tuple(key, item)));
        return pairs;
    }

    /** The items in a new list that may be changed. */
    static List<Object> copied(@Nullable Object value, Budget budget) {
        List<Object> items = items(value, budget);
        budget.spend(items.size(), Budget.ITEM);
        return new ArrayList<>(items);
    }

    static long length(@Nullable Object value, Budget budget) {
        return switch (value) {
            case String text -> {
                budget.spend(text.length());
                yield text.codePointCount(0, text.length());
            }
            case List<?> items when !Sequence.isGenerator(items) -> items.size();
            case Map<?, ?> map -> map.size();
            case Undefined _ -> 0;
            case null, default -> throw new TemplateException(kind(value) + " has no length");
        };
    }

    static long integer(@Nullable Object value) {
        return switch (value) {
            case Long number -> number;
            case Boolean bool -> bool ? 1 : 0;
            case null, default -> throw new TemplateException("a whole number is needed, not " + kind(value));
        };
    }

    /** A mapping's key: hashed by Python's rules, where true is 1 and 1.0 is 1. */
    static @Nullable Object key(@Nullable Object value, Budget budget) {
        return switch (value) {
            case null -> null;
            case Boolean bool -> bool ? 1L : 0L;
            case Double number when number == Math.rint(number) && Math.abs(number) < 1e15 -> number.longValue();
            case Long _, Double _ -> value;
            case String text -> {
                budget.spend(text.length());
                yield text;
            }
            case Markup markup -> markup.text();
            default -> throw new TemplateException(kind(value) + " cannot be a key");
        };
    }

    /** {@code value[key]}. */
    static Object item(@Nullable Object value, @Nullable Object key, Budget budget) {
        switch (value) {
            case Map<?, ?> map
            when !(key instanceof List<?> || key instanceof Map<?, ?> || key instanceof Undefined) -> {
                Object known = key(key, budget);
                if (map.containsKey(known)) {
                    return map.get(known);
                }
            }
            case List<?> items
            when Sequence.isIndexed(items) && (key instanceof Long || key instanceof Boolean) -> {
                long index = integer(key);
                long place = index < 0 ? index + items.size() : index;
                return place < 0 || place >= items.size() ? new Undefined("item " + index) : items.get((int) place);
            }
            case String text
            when key instanceof Long || key instanceof Boolean -> {
                return Strings.character(text, integer(key), budget);
            }
            case Undefined undefined -> throw undefined.error();
            case Markup _ -> throw TemplateException.unsupported("a part of an escaped text");
            case null, default -> {}
        }
        return key instanceof String name
                ? Methods.ofObject(value, name)
                : new Undefined(isNumber(key) ? String.valueOf(key) : "the item");
    }

    static Object slice(
            @Nullable Object value, @Nullable Object from, @Nullable Object to, @Nullable Object by, Budget budget) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!(value instanceof String || value instanceof List<?> list && Sequence.isIndexed(list))) {
            throw new TemplateException(kind(value) + " has no slices");
        }
        long step = by == null ? 1 : integer(by);
        if (step == 0) {
            throw new TemplateException("a slice's step is zero");
        }
        if (value instanceof String text && step == 1) {
            return Strings.slice(text, from, to, budget);
        }
        List<Object> items = items(value, budget);
        int n = items.size();
        // No step beyond the length makes a difference, and none must overflow.
        step = Math.clamp(step, -n - 1L, n + 1L);
        long first = bound(from, step > 0 ? 0 : n - 1, n, step);
        long end = to == null ? step > 0 ? n : -1 : bound(to, 0, n, step);
        List<Object> slice = new ArrayList<>();
        for (long i = first; step > 0 ? i < end : i > end; i += step) {
            budget.spend(Budget.ITEM);
            slice.add(items.get((int) i));
        }
        return switch (value) {
            case String _ -> Strings.join(slice, "", budget);
            case Sequence sequence -> new Sequence(sequence.kind(), slice);
            default -> slice;
        };
    }

    /** Where a slice of {@code n} items begins or ends. */
    static long bound(@Nullable Object value, long otherwise, int n, long step) {
        if (value == null) {
            return otherwise;
        }
        long bound = integer(value);
        bound = bound < 0 ? bound + n : bound;
        return step > 0 ? Math.clamp(bound, 0, n) : Math.clamp(bound, -1, n - 1);
    }

    static boolean isNumber(@Nullable Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double decimalOf(@Nullable Object value) {
        return switch (value) {
            case Double number -> number;
            case Long number -> number;
            case Boolean bool -> bool ? 1 : 0;
            case null, default -> throw new TemplateException("a number is needed, not " + kind(value));
        };
    }

    /** A value's kind in an error's words. */
    static String kind(@Nullable Object value) {
        return switch (value) {
            case null -> "none";
            case Undefined undefined -> "'" + undefined.name() + "', which is undefined,";
            case Boolean _ -> "a boolean";
            case Long _, Double _ -> "a number";
            case String _ -> "a text";
            case Markup _ -> "an escaped text";
            case Sequence sequence -> sequence.kind().toString();
            case List<?> _ -> "a list";
            case Map<?, ?> _ -> "a mapping";
            case Namespace _ -> "a namespace";
            default -> "a function";
        };
    }
}
