package dev.headwater.engine.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Python's rules for values: null, Boolean, Long, Double, String, List, Map, Callable, Namespace, {@link Undefined}.
 */
final class Values {
    private static final int LONGEST = 1_000_000;

    private Values() {}

    /** A Java value in the types that templates use. */
    static Object of(Object value) {
        return switch (value) {
            case null -> null;
            case Integer number -> number.longValue();
            case Float number -> number.doubleValue();
            case Collection<?> items -> items.stream().map(Values::of).collect(Collectors.toCollection(ArrayList::new));
            case Map<?, ?> map -> {
                Map<Object, Object> converted = new LinkedHashMap<>();
                map.forEach((key, item) -> converted.put(key, of(item)));
                yield converted;
            }
            case Boolean _, Long _, Double _, String _ -> value;
            default ->
                throw new IllegalArgumentException(
                        "a template has no use for a " + value.getClass().getName());
        };
    }

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Undefined _ -> false;
            case Boolean bool -> bool;
            case Long number -> number != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case Collection<?> items -> !items.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> true;
        };
    }

    /** What {@code str(value)} gives. */
    static String text(Object value) {
        return switch (value) {
            case String text -> text;
            case Undefined _ -> "";
            case null, default -> representation(value);
        };
    }

    /** What {@code repr(value)} gives. */
    private static String representation(Object value) {
        StringBuilder text = new StringBuilder();
        represent(value, text);
        return text.toString();
    }

    private static void represent(Object value, StringBuilder text) {
        if (text.length() > Scope.ALLOWANCE) {
            throw new TemplateException("a list's text is too long");
        }
        switch (value) {
            case null -> text.append("None");
            case Boolean bool -> text.append(bool ? "True" : "False");
            case Long number -> text.append(number);
            case Double number -> text.append(decimal(number));
            case String string -> quote(string, text);
            case List<?> items -> {
                text.append('[');
                for (int i = 0; i < items.size(); i++) {
                    text.append(i == 0 ? "" : ", ");
                    represent(items.get(i), text);
                }
                text.append(']');
            }
            case Map<?, ?> map -> {
                text.append('{');
                String separator = "";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(separator);
                    represent(entry.getKey(), text);
                    text.append(": ");
                    represent(entry.getValue(), text);
                    separator = ", ";
                }
                text.append('}');
            }
            case Undefined _ -> text.append("Undefined");
            default -> throw new TemplateException("a function or namespace has no text");
        }
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
        return plain.contains(".") ? plain : plain + ".0";
    }

    private static void quote(String string, StringBuilder text) {
        char quote = string.contains("'") && !string.contains("\"") ? '"' : '\'';
        text.append(quote);
        string.chars().forEach(c -> {
            switch (c) {
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\\' -> text.append("\\\\");
                default -> text.append(c == quote ? "\\" : "").append((char) c);
            }
        });
        text.append(quote);
    }

    /** What iterating gives: items, keys, or characters. */
    static List<Object> items(Object value) {
        return switch (value) {
            case List<?> items -> new ArrayList<>(items);
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String text ->
                text.codePoints().mapToObj(Character::toString).collect(Collectors.toCollection(ArrayList::new));
            case Undefined _ -> new ArrayList<>();
            case null, default -> throw new TemplateException("this has no items to go through: " + kind(value));
        };
    }

    static long length(Object value) {
        return switch (value) {
            case String text -> text.codePointCount(0, text.length());
            case Collection<?> items -> items.size();
            case Map<?, ?> map -> map.size();
            case Undefined _ -> 0;
            case null, default -> throw new TemplateException("this has no length: " + kind(value));
        };
    }

    static long integer(Object value) {
        return switch (value) {
            case Long number -> number;
            case Boolean bool -> bool ? 1 : 0;
            case null, default -> throw new TemplateException("a whole number is needed, not " + kind(value));
        };
    }

    /** {@code value[key]}. */
    static Object item(Object value, Object key) {
        return switch (value) {
            case Map<?, ?> map ->
                map.containsKey(key)
                        ? map.get(key)
                        : key instanceof String name ? Methods.method(map, name) : new Undefined(text(key));
            case List<?> items when key instanceof Long || key instanceof Boolean -> at(items, integer(key));
            case String text when key instanceof Long -> at(items(text), integer(key));
            case null, default ->
                key instanceof String name ? Methods.attribute(value, name) : new Undefined(text(key));
        };
    }

    private static Object at(List<?> items, long index) {
        long place = index < 0 ? index + items.size() : index;
        return place < 0 || place >= items.size() ? new Undefined("item " + index) : items.get((int) place);
    }

    static Object slice(Object value, Object from, Object to, Object by) {
        List<Object> items = items(value);
        long step = by == null ? 1 : integer(by);
        if (step == 0) {
            throw new TemplateException("a slice's step is zero");
        }
        int n = items.size();
        long first = bound(from, step > 0 ? 0 : n - 1, n, step);
        long end = to == null ? (step > 0 ? n : -1) : bound(to, 0, n, step);
        List<Object> slice = new ArrayList<>();
        for (long i = first; step > 0 ? i < end : i > end; i += step) {
            slice.add(items.get((int) i));
        }
        return value instanceof String ? slice.stream().map(String.class::cast).collect(Collectors.joining()) : slice;
    }

    private static long bound(Object value, long otherwise, int n, long step) {
        if (value == null) {
            return otherwise;
        }
        long bound = integer(value);
        bound = bound < 0 ? bound + n : bound;
        return step > 0 ? Math.clamp(bound, 0, n) : Math.clamp(bound, -1, n - 1);
    }

    static boolean equal(Object a, Object b) {
        if (number(a) && number(b)) {
            return a instanceof Double || b instanceof Double ? decimalOf(a) == decimalOf(b) : integer(a) == integer(b);
        }
        return switch (a) {
            case null -> b == null;
            case Undefined _ -> b instanceof Undefined;
            case List<?> first
            when b instanceof List<?> second -> {
                boolean same = first.size() == second.size();
                for (int i = 0; same && i < first.size(); i++) {
                    same = equal(first.get(i), second.get(i));
                }
                yield same;
            }
            case Map<?, ?> first
            when b instanceof Map<?, ?> second ->
                first.size() == second.size()
                        && first.entrySet().stream()
                                .allMatch(entry -> second.containsKey(entry.getKey())
                                        && equal(entry.getValue(), second.get(entry.getKey())));
            default -> a.equals(b);
        };
    }

    static boolean compare(String operator, Object a, Object b) {
        return switch (operator) {
            case "==" -> equal(a, b);
            case "!=" -> !equal(a, b);
            case "in" -> contains(b, a);
            case "not in" -> !contains(b, a);
            case "<" -> order(a, b) < 0;
            case "<=" -> order(a, b) <= 0;
            case ">" -> order(a, b) > 0;
            default -> order(a, b) >= 0;
        };
    }

    static int order(Object a, Object b) {
        if (number(a) && number(b)) {
            return a instanceof Double || b instanceof Double
                    ? Double.compare(decimalOf(a), decimalOf(b))
                    : Long.compare(integer(a), integer(b));
        }
        if (a instanceof String first && b instanceof String second) {
            return first.compareTo(second);
        }
        throw new TemplateException(kind(a) + " and " + kind(b) + " have no order");
    }

    private static boolean contains(Object container, Object value) {
        return switch (container) {
            case String text when value instanceof String part -> text.contains(part);
            case Map<?, ?> map -> map.containsKey(value);
            case List<?> items -> items.stream().anyMatch(item -> equal(item, value));
            case Undefined _ -> false;
            case null, default -> throw new TemplateException(kind(container) + " cannot contain " + kind(value));
        };
    }

    static Object arithmetic(String operator, Object a, Object b) {
        if (number(a) && number(b)) {
            boolean decimal = a instanceof Double
                    || b instanceof Double
                    || operator.equals("/")
                    || operator.equals("**") && order(b, 0L) < 0;
            return decimal
                    ? decimals(operator, decimalOf(a), decimalOf(b))
                    : (Object) integers(operator, integer(a), integer(b));
        }
        if (operator.equals("+") && a instanceof String first && b instanceof String second) {
            return first + second;
        }
        if (operator.equals("+") && a instanceof List<?> first && b instanceof List<?> second) {
            List<Object> sum = new ArrayList<>(first);
            sum.addAll(second);
            return sum;
        }
        if (operator.equals("*") && a instanceof String text && b instanceof Long times) {
            if (times > LONGEST / Math.max(1, text.length())) {
                throw new TemplateException("a repeated text is too long");
            }
            return text.repeat((int) Math.max(0, times));
        }
        throw new TemplateException("'" + operator + "' cannot take " + kind(a) + " and " + kind(b));
    }

    private static long integers(String operator, long a, long b) {
        try {
            return switch (operator) {
                case "+" -> Math.addExact(a, b);
                case "-" -> Math.subtractExact(a, b);
                case "*" -> Math.multiplyExact(a, b);
                case "//" -> Math.floorDiv(a, b);
                case "%" -> Math.floorMod(a, b);
                default -> BigInteger.valueOf(a).pow((int) Math.min(b, 64)).longValueExact();
            };
        } catch (ArithmeticException e) {
            throw new TemplateException("a division by zero or a number that is too large");
        }
    }

    private static double decimals(String operator, double a, double b) {
        if (b == 0 && "//%".contains(operator)) {
            throw new TemplateException("a division by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor(a / b);
            case "%" -> a - Math.floor(a / b) * b;
            default -> Math.pow(a, b);
        };
    }

    static boolean number(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double decimalOf(Object value) {
        return value instanceof Double number ? number : integer(value);
    }

    /** A value's kind in an error's words. */
    static String kind(Object value) {
        return switch (value) {
            case null -> "none";
            case Undefined undefined -> "'" + undefined.name() + "', which is undefined,";
            case Boolean _ -> "a boolean";
            case Long _, Double _ -> "a number";
            case String _ -> "a text";
            case List<?> _ -> "a list";
            case Map<?, ?> _ -> "a mapping";
            default -> "a function";
        };
    }
}
