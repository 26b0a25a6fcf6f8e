package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What may stand after {@code is}. */
final class Tests {
    static final Map<String, Callable> ALL = Map.ofEntries(
            Map.entry("defined", arguments -> !(arguments.first() instanceof Undefined)),
            Map.entry("undefined", arguments -> arguments.first() instanceof Undefined),
            Map.entry("none", arguments -> arguments.first() == null),
            Map.entry("true", arguments -> Boolean.TRUE.equals(arguments.first())),
            Map.entry("false", arguments -> Boolean.FALSE.equals(arguments.first())),
            Map.entry("boolean", arguments -> arguments.first() instanceof Boolean),
            Map.entry("string", arguments -> arguments.first() instanceof String),
            Map.entry("integer", arguments -> arguments.first() instanceof Long),
            Map.entry("float", arguments -> arguments.first() instanceof Double),
            Map.entry("number", arguments -> Values.number(arguments.first())),
            Map.entry("mapping", arguments -> arguments.first() instanceof Map<?, ?>),
            Map.entry("sequence", arguments -> sequence(arguments.first())),
            Map.entry("iterable", arguments -> sequence(arguments.first()) || arguments.first() instanceof Undefined),
            Map.entry("callable", arguments -> arguments.first() instanceof Callable),
            Map.entry("odd", arguments -> Math.floorMod(Values.integer(arguments.first()), 2) == 1),
            Map.entry("even", arguments -> Math.floorMod(Values.integer(arguments.first()), 2) == 0),
            Map.entry(
                    "divisibleby",
                    arguments -> Values.equal(Values.arithmetic("%", arguments.first(), other(arguments)), 0L)),
            Map.entry(
                    "lower",
                    arguments -> Values.text(arguments.first())
                            .equals(Values.text(arguments.first()).toLowerCase(Locale.ROOT))),
            Map.entry(
                    "upper",
                    arguments -> Values.text(arguments.first())
                            .equals(Values.text(arguments.first()).toUpperCase(Locale.ROOT))),
            Map.entry("in", comparison("in")),
            Map.entry("eq", comparison("==")),
            Map.entry("equalto", comparison("==")),
            Map.entry("==", comparison("==")),
            Map.entry("sameas", comparison("==")),
            Map.entry("ne", comparison("!=")),
            Map.entry("!=", comparison("!=")),
            Map.entry("lt", comparison("<")),
            Map.entry("lessthan", comparison("<")),
            Map.entry("<", comparison("<")),
            Map.entry("le", comparison("<=")),
            Map.entry("<=", comparison("<=")),
            Map.entry("gt", comparison(">")),
            Map.entry("greaterthan", comparison(">")),
            Map.entry(">", comparison(">")),
            Map.entry("ge", comparison(">=")),
            Map.entry(">=", comparison(">=")));

    private Tests() {}

    private static boolean sequence(Object value) {
        return value instanceof List<?> || value instanceof Map<?, ?> || value instanceof String;
    }

    private static Callable comparison(String operator) {
        return arguments -> Values.compare(operator, arguments.first(), other(arguments));
    }

    private static Object other(Arguments arguments) {
        if (arguments.size() < 2) {
            throw new TemplateException("a test misses its argument");
        }
        return arguments.positional().get(1);
    }
}
