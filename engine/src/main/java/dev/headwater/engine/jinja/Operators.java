package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's operators on two values. What they read and build is paid for first. */
final class Operators {
    private Operators() {}

    static boolean compare(String operator, @Nullable Object a, @Nullable Object b, Budget budget) {
        return switch (operator) {
            case "==" -> equal(a, b, budget);
            case "!=" -> !equal(a, b, budget);
            case "in" -> contains(b, a, budget);
            case "not in" -> !contains(b, a, budget);
            default -> {
                if (Values.isNumber(a) && Values.isNumber(b) && (isNan(a) || isNan(b))) {
                    yield false;
                }
                int order = order(a, b, budget);
                yield switch (operator) {
                    case "<" -> order < 0;
                    case "<=" -> order <= 0;
                    case ">" -> order > 0;
                    default -> order >= 0;
                };
            }
        };
    }

    static boolean equal(@Nullable Object a, @Nullable Object b, Budget budget) {
        budget.enter();
        boolean equal = switch (a) {
            case null -> b == null;
            case Undefined _ -> b instanceof Undefined;
            case Markup markup -> equal(markup.text(), b, budget);
            case Object _ when b instanceof Markup markup -> equal(a, markup.text(), budget);
            case String first
            when b instanceof String second -> {
                budget.spend(first.length() == second.length() ? first.length() : 1);
                yield first.equals(second);
            }
            case Object _
            when Values.isNumber(a) && Values.isNumber(b) ->
                a instanceof Double || b instanceof Double
                        ? Values.decimalOf(a) == Values.decimalOf(b)
                        : Values.integer(a) == Values.integer(b);
            case List<?> first when b instanceof List<?> second -> sameItems(first, second, budget);
            case Map<?, ?> first
            when b instanceof Map<?, ?> second -> {
                boolean same = first.size() == second.size();
                for (Map.Entry<?, ?> entry : first.entrySet()) {
                    if (!same) {
                        break;
                    }
                    Object key = Values.key(entry.getKey(), budget);
                    same = second.containsKey(key) && equal(entry.getValue(), second.get(key), budget);
                }
                yield same;
            }
            default -> a == b;
        };
        budget.leave();
        return equal;
    }

    private static boolean sameItems(List<?> a, List<?> b, Budget budget) {
        if (a == b) {
            return true;
        }
        boolean ordered =
                (Sequence.isTuple(a) || !(a instanceof Sequence)) && (Sequence.isTuple(b) || !(b instanceof Sequence));
        if (!ordered) {
            if (Sequence.isGenerator(a) || Sequence.isGenerator(b)) {
                return false;
            }
            throw TemplateException.unsupported("comparing " + Values.kind(a) + " with " + Values.kind(b));
        }
        boolean same = Sequence.isTuple(a) == Sequence.isTuple(b) && a.size() == b.size();
        for (int i = 0; same && i < a.size(); i++) {
            same = equal(a.get(i), b.get(i), budget);
        }
        return same;
    }

    private static boolean isNan(@Nullable Object value) {
        return value instanceof Double number && number.isNaN();
    }

    /** Negative, zero or positive as {@code a} is before, with or after {@code b}. */
    static int order(@Nullable Object a, @Nullable Object b, Budget budget) {
        budget.enter();
        int order = switch (a) {
            case Object _
            when Values.isNumber(a) && Values.isNumber(b) -> {
                if (isNan(a) || isNan(b)) {
                    throw new TemplateException("what is not a number has no order");
                }
                double first = Values.decimalOf(a);
                double second = Values.decimalOf(b);
                yield a instanceof Double || b instanceof Double
                        ? first < second ? -1 : first > second ? 1 : 0
                        : Long.compare(Values.integer(a), Values.integer(b));
            }
            case String first
            when b instanceof String second -> {
                budget.spend(Math.min(first.length(), second.length()));
                yield Strings.order(first, second);
            }
            case List<?> first
            when b instanceof List<?> second && areAlike(first, second) -> {
                int result = Integer.compare(first.size(), second.size());
                for (int i = 0; i < Math.min(first.size(), second.size()); i++) {
                    if (!equal(first.get(i), second.get(i), budget)) {
                        result = order(first.get(i), second.get(i), budget);
                        break;
                    }
                }
                yield result;
            }
            case null, default ->
                throw new TemplateException(Values.kind(a) + " and " + Values.kind(b) + " have no order");
        };
        budget.leave();
        return order;
    }

    private static boolean contains(@Nullable Object container, @Nullable Object value, Budget budget) {
        return switch (container) {
            case String text when value instanceof String part -> Strings.find(text, part, 0, budget) >= 0;
            case Map<?, ?> map -> map.containsKey(Values.key(value, budget));
            case List<?> items -> {
                for (Object item : Values.items(items, budget)) {
                    if (equal(item, value, budget)) {
                        yield true;
                    }
                }
                yield false;
            }
            case Undefined _ -> false;
            case null, default ->
                throw new TemplateException(Values.kind(container) + " cannot contain " + Values.kind(value));
        };
    }

    static Object arithmetic(String operator, @Nullable Object a, @Nullable Object b, Budget budget) {
        if (a instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Values.isNumber(a) && Values.isNumber(b)) {
            boolean decimal = a instanceof Double
                    || b instanceof Double
                    || operator.equals("/")
                    || operator.equals("**") && order(b, 0L, budget) < 0;
            return decimal
                    ? (Object) decimals(operator, Values.decimalOf(a), Values.decimalOf(b))
                    : integers(operator, Values.integer(a), Values.integer(b));
        }
        if (operator.equals("+") && a instanceof String first && b instanceof String second) {
            budget.spend((long) first.length() + second.length());
            return first + second;
        }
        if (operator.equals("+")
                && a instanceof List<?> first
                && b instanceof List<?> second
                && areAlike(first, second)) {
            budget.spend((long) first.size() + second.size(), Budget.ITEM);
            List<Object> sum = new ArrayList<>(first.size() + second.size());
            sum.addAll(first);
            sum.addAll(second);
            return Sequence.isTuple(a) ? new Sequence(Sequence.Kind.TUPLE, sum) : sum;
        }
        if (operator.equals("*") && (a instanceof Long || a instanceof Boolean)) {
            return repeated(b, Values.integer(a), a, budget);
        }
        if (operator.equals("*") && (b instanceof Long || b instanceof Boolean)) {
            return repeated(a, Values.integer(b), b, budget);
        }
        if (operator.equals("%") && a instanceof String format) {
            return Formatting.percent(format, b, budget);
        }
        throw new TemplateException("'" + operator + "' cannot take " + Values.kind(a) + " and " + Values.kind(b));
    }

    /** Whether both are lists, or both tuples. */
    private static boolean areAlike(List<?> a, List<?> b) {
        return Sequence.isTuple(a) && Sequence.isTuple(b) || !(a instanceof Sequence) && !(b instanceof Sequence);
    }

    private static Object repeated(@Nullable Object value, long times, Object factor, Budget budget) {
        long wanted = Math.max(0, times);
        if (value instanceof String text) {
            budget.spend(wanted, Math.max(1, text.length()));
            return text.isEmpty() ? "" : text.repeat((int) wanted);
        }
        if (value instanceof List<?> list && (Sequence.isTuple(list) || !(list instanceof Sequence))) {
            budget.spend(wanted, Math.max(1, list.size() * Budget.ITEM));
            List<Object> result = new ArrayList<>();
            for (long i = 0; i < wanted; i++) {
                result.addAll(list);
            }
            return Sequence.isTuple(list) ? new Sequence(Sequence.Kind.TUPLE, result) : result;
        }
        throw new TemplateException("'*' cannot take " + Values.kind(value) + " and " + Values.kind(factor));
    }

    private static long integers(String operator, long a, long b) {
        try {
            return switch (operator) {
                case "+" -> Math.addExact(a, b);
                case "-" -> Math.subtractExact(a, b);
                case "*" -> Math.multiplyExact(a, b);
                case "//" -> Math.floorDivExact(a, b);
                case "%" -> Math.floorMod(a, b);
                default -> Math.powExact(a, b > 64 ? Math.abs(a) > 1 ? 64 : (int) (b % 2) + 2 : (int) b);
            };
        } catch (ArithmeticException e) {
            throw new TemplateException(b == 0 ? "a division by zero" : "a whole number is too large");
        }
    }

    private static double decimals(String operator, double a, double b) {
        if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))
                || operator.equals("**") && a == 0 && b < 0) {
            throw new TemplateException("a division by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> {
                double whole = (a - modulo(a, b)) / b;
                double floor = Math.floor(whole);
                yield whole - floor > 0.5 ? floor + 1 : floor;
            }
            case "%" -> modulo(a, b);
            default -> {
                double power = Math.pow(a, b);
                if (Double.isNaN(power) && !Double.isNaN(a) && !Double.isNaN(b)
                        || Double.isInfinite(power) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
                    throw new TemplateException("a power has no value here");
                }
                yield power;
            }
        };
    }

    private static double modulo(double a, double b) {
        double remainder = a % b;
        return remainder == 0 ? Math.copySign(0.0, b) : remainder < 0 != b < 0 ? remainder + b : remainder;
    }
}
