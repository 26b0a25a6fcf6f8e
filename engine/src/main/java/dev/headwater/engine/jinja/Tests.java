package dev.headwater.engine.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What may stand after {@code is}. */
final class Tests {
    static final Map<String, Callable> ALL = all();

    private Tests() {}

    private interface Check {
        boolean of(@Nullable Object value);
    }

    private static Map<String, Callable> all() {
        Map<String, Callable> tests = new HashMap<>();
        add(tests, "defined", value -> !(value instanceof Undefined));
        add(tests, "undefined", value -> value instanceof Undefined);
        add(tests, "none", value -> value == null);
        add(tests, "true", Boolean.TRUE::equals);
        add(tests, "false", Boolean.FALSE::equals);
        add(tests, "boolean", value -> value instanceof Boolean);
        add(tests, "string", value -> value instanceof String || value instanceof Markup);
        add(tests, "integer", value -> value instanceof Long);
        add(tests, "float", value -> value instanceof Double);
        add(tests, "number", Values::isNumber);
        add(tests, "mapping", value -> value instanceof Map<?, ?>);
        add(tests, "sequence", Tests::isSequence);
        add(tests, "iterable", value -> isSequence(value) || value instanceof List<?>);
        add(tests, "callable", value -> value instanceof Callable || value instanceof Undefined);
        add(tests, "escaped", value -> value instanceof Markup);
        add(tests, "odd", value -> remainder(value) == 1);
        add(tests, "even", value -> remainder(value) == 0);
        tests.put(
                "divisibleby",
                Function.piped(
                        "the test 'divisibleby'",
                        "num",
                        arguments -> Operators.equal(
                                Operators.arithmetic(
                                        "%", arguments.first(), arguments.required(1, "num"), arguments.budget()),
                                0L,
                                arguments.budget())));
        for (String name : List.of("lower", "upper")) {
            tests.put(
                    name,
                    Function.piped(
                            "the test '" + name + "'",
                            "",
                            arguments -> Methods.isCase(
                                    Values.text(arguments.first(), arguments.budget()),
                                    name.equals("upper"),
                                    arguments.budget())));
        }
        tests.put("filter", Function.piped("the test 'filter'", "", arguments -> isIn(Filters.ALL, arguments)));
        tests.put("test", Function.piped("the test 'test'", "", arguments -> isIn(tests, arguments)));
        tests.put(
                "sameas",
                Function.piped(
                        "the test 'sameas'",
                        "other",
                        arguments -> isSame(arguments.first(), arguments.required(1, "other"))));
        compare(tests, "in", "in");
        compare(tests, "==", "==", "eq", "equalto");
        compare(tests, "!=", "!=", "ne");
        compare(tests, "<", "<", "lt", "lessthan");
        compare(tests, "<=", "<=", "le");
        compare(tests, ">", ">", "gt", "greaterthan");
        compare(tests, ">=", ">=", "ge");
        return Map.copyOf(tests);
    }

    private static void add(Map<String, Callable> tests, String name, Check check) {
        tests.put(name, Function.piped("the test '" + name + "'", "", arguments -> check.of(arguments.first())));
    }

    private static void compare(Map<String, Callable> tests, String operator, String... names) {
        for (String name : names) {
            tests.put(
                    name,
                    Function.piped(
                            "the test '" + name + "'",
                            "other",
                            arguments -> Operators.compare(
                                    operator, arguments.first(), arguments.required(1, "other"), arguments.budget())));
        }
    }

    private static boolean isIn(Map<String, Callable> known, Arguments arguments) {
        return Values.key(arguments.first(), arguments.budget()) instanceof String name && known.containsKey(name);
    }

    private static double remainder(@Nullable Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        return value instanceof Double number
                ? number - 2 * Math.floor(number / 2)
                : Math.floorMod(Values.integer(value), 2);
    }

    private static boolean isSame(@Nullable Object a, @Nullable Object b) {
        if (a == null || b == null || a instanceof Boolean || b instanceof Boolean) {
            return a == null ? b == null : a.equals(b);
        }
        throw TemplateException.unsupported("the test 'sameas' for anything but true, false and none");
    }

    private static boolean isSequence(@Nullable Object value) {
        return value instanceof List<?> items && Sequence.isIndexed(items)
                || value instanceof Map<?, ?>
                || value instanceof String
                || value instanceof Markup
                || value instanceof Undefined;
    }
}
