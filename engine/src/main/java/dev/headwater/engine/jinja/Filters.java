package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What may stand after {@code |}. */
final class Filters {
    static final Map<String, Callable> ALL = Map.ofEntries(
            Map.entry(
                    "trim", arguments -> Methods.strip(text(arguments), arguments.text(1, "chars", null), true, true)),
            Map.entry("upper", arguments -> text(arguments).toUpperCase(Locale.ROOT)),
            Map.entry("lower", arguments -> text(arguments).toLowerCase(Locale.ROOT)),
            Map.entry("capitalize", arguments -> Methods.capitalized(text(arguments))),
            Map.entry("title", arguments -> Methods.title(text(arguments))),
            Map.entry("string", Filters::text),
            Map.entry("safe", arguments -> arguments.first()),
            Map.entry("escape", arguments -> escaped(text(arguments))),
            Map.entry("e", arguments -> escaped(text(arguments))),
            Map.entry(
                    "replace",
                    arguments -> Methods.replace(
                            arguments.scope(),
                            text(arguments),
                            arguments.text(1, "old", ""),
                            arguments.text(2, "new", ""),
                            count(arguments, 3, "count"))),
            Map.entry("indent", Filters::indented),
            Map.entry("join", Filters::joined),
            Map.entry("length", arguments -> Values.length(arguments.first())),
            Map.entry("count", arguments -> Values.length(arguments.first())),
            Map.entry("default", Filters::otherwise),
            Map.entry("d", Filters::otherwise),
            Map.entry("first", arguments -> end(items(arguments), true)),
            Map.entry("last", arguments -> end(items(arguments), false)),
            Map.entry("list", Filters::items),
            Map.entry(
                    "items",
                    arguments -> arguments.first() instanceof Map<?, ?> map ? Methods.pairs(map) : new ArrayList<>()),
            Map.entry(
                    "dictsort",
                    arguments -> arguments.first() instanceof Map<?, ?> map
                            ? sorted(Methods.pairs(map), Filters::key, false)
                            : new ArrayList<>()),
            Map.entry(
                    "reverse",
                    arguments -> arguments.first() instanceof String text
                            ? new StringBuilder(text).reverse().toString()
                            : items(arguments).reversed()),
            Map.entry(
                    "sort",
                    arguments -> sorted(
                            items(arguments),
                            by(arguments, arguments.get(3, "attribute", null)),
                            Values.truth(arguments.get(1, "reverse", false)))),
            Map.entry("unique", Filters::unique),
            Map.entry("map", Filters::mapped),
            Map.entry("select", arguments -> kept(arguments, null, 1, true)),
            Map.entry("reject", arguments -> kept(arguments, null, 1, false)),
            Map.entry("selectattr", arguments -> kept(arguments, arguments.get(1, "", null), 2, true)),
            Map.entry("rejectattr", arguments -> kept(arguments, arguments.get(1, "", null), 2, false)),
            Map.entry("groupby", Filters::grouped),
            Map.entry(
                    "sum",
                    arguments -> items(arguments).stream()
                            .reduce(arguments.get(2, "start", 0L), (a, b) -> Values.arithmetic("+", a, b))),
            Map.entry("min", arguments -> extreme(items(arguments), Values::order)),
            Map.entry("max", arguments -> extreme(items(arguments), (a, b) -> Values.order(b, a))),
            Map.entry(
                    "abs",
                    arguments -> Values.order(arguments.first(), 0L) < 0
                            ? Values.arithmetic("-", 0L, arguments.first())
                            : arguments.first()),
            Map.entry("int", Filters::whole),
            Map.entry("float", Filters::decimal),
            Map.entry("round", arguments -> {
                double scale = Math.pow(10, arguments.integer(1, "precision", 0));
                return Math.rint(Values.decimalOf(arguments.first()) * scale) / scale;
            }),
            Map.entry("tojson", Json::write));

    private Filters() {}

    private static String text(Arguments arguments) {
        return Values.text(arguments.first());
    }

    private static List<Object> items(Arguments arguments) {
        List<Object> items = Values.items(arguments.first());
        arguments.scope().spend(items.size());
        return items;
    }

    private static long count(Arguments arguments, int index, String name) {
        Object count = arguments.get(index, name, null);
        return count == null ? -1 : Values.integer(count);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&#34;")
                .replace("'", "&#39;");
    }

    private static String indented(Arguments arguments) {
        Object width = arguments.get(1, "width", 4L);
        String indent = width instanceof String text ? text : " ".repeat(Math.clamp(Values.integer(width), 0, 1000));
        boolean first = Values.truth(arguments.get(2, "first", false));
        boolean blank = Values.truth(arguments.get(3, "blank", false));
        String[] lines = text(arguments).split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            boolean wanted = i == 0 ? first : blank || !lines[i].isEmpty();
            lines[i] = wanted ? indent + lines[i] : lines[i];
            arguments.scope().spend(lines[i].length());
        }
        return String.join("\n", lines);
    }

    private static String joined(Arguments arguments) {
        Object attribute = arguments.get(2, "attribute", null);
        List<Object> items = items(arguments);
        if (attribute != null) {
            items.replaceAll(item -> path(item, attribute));
        }
        return joined(arguments.scope(), items, arguments.text(1, "d", ""));
    }

    static String joined(Scope scope, List<Object> items, String separator) {
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            int before = joined.length();
            joined.append(i == 0 ? "" : separator).append(Values.text(items.get(i)));
            scope.spend(joined.length() - before);
        }
        return joined.toString();
    }

    private static Object otherwise(Arguments arguments) {
        Object value = arguments.first();
        boolean absent =
                value instanceof Undefined || Values.truth(arguments.get(2, "boolean", false)) && !Values.truth(value);
        return absent ? arguments.get(1, "default_value", "") : value;
    }

    private static Object end(List<Object> items, boolean first) {
        return items.isEmpty() ? new Undefined("the end of an empty list") : first ? items.getFirst() : items.getLast();
    }

    /** An attribute or item, or several with dots between them. */
    private static Object path(Object value, Object attribute) {
        if (!(attribute instanceof String names)) {
            return Values.item(value, attribute);
        }
        for (String name : names.split("\\.")) {
            value = name.matches("\\d{1,9}") ? Values.item(value, Long.parseLong(name)) : Values.item(value, name);
        }
        return value;
    }

    private static UnaryOperator<Object> by(Arguments arguments, Object attribute) {
        boolean caseSensitive = Values.truth(arguments.get(2, "case_sensitive", false));
        return item -> {
            Object key = attribute == null ? item : path(item, attribute);
            return key instanceof String text && !caseSensitive ? text.toLowerCase(Locale.ROOT) : key;
        };
    }

    private static Object key(Object pair) {
        Object key = ((List<?>) pair).getFirst();
        return key instanceof String text ? text.toLowerCase(Locale.ROOT) : key;
    }

    private static List<Object> sorted(List<Object> items, UnaryOperator<Object> key, boolean reverse) {
        Comparator<Object> order = (a, b) -> Values.order(key.apply(a), key.apply(b));
        items.sort(reverse ? Collections.reverseOrder(order) : order);
        return items;
    }

    private static List<Object> unique(Arguments arguments) {
        var key = by(arguments, arguments.get(2, "attribute", null));
        Map<Object, Object> first = new LinkedHashMap<>();
        items(arguments).forEach(item -> first.putIfAbsent(key.apply(item), item));
        return new ArrayList<>(first.values());
    }

    private static List<Object> mapped(Arguments arguments) {
        Object attribute = arguments.named().get("attribute");
        List<Object> result = new ArrayList<>();
        for (Object item : items(arguments)) {
            if (attribute != null) {
                Object value = path(item, attribute);
                result.add(
                        value instanceof Undefined && arguments.named().containsKey("default")
                                ? arguments.named().get("default")
                                : value);
            } else {
                result.add(named(ALL, arguments, 1).call(with(arguments, item, 2)));
            }
        }
        return result;
    }

    private static List<Object> kept(Arguments arguments, Object attribute, int test, boolean wanted) {
        List<Object> kept = new ArrayList<>();
        for (Object item : items(arguments)) {
            Object value = attribute == null ? item : path(item, attribute);
            boolean passes = Values.truth(
                    arguments.size() > test
                            ? named(Tests.ALL, arguments, test).call(with(arguments, value, test + 1))
                            : value);
            if (passes == wanted) {
                kept.add(item);
            }
        }
        return kept;
    }

    private static Callable named(Map<String, Callable> all, Arguments arguments, int index) {
        String name = arguments.text(index, "", "");
        Callable callable = all.get(name);
        if (callable == null) {
            throw new TemplateException("the filter or test '" + name + "' is not supported");
        }
        return callable;
    }

    /** The value, and the arguments from an index on. */
    private static Arguments with(Arguments arguments, Object value, int from) {
        List<Object> positional = new ArrayList<>();
        positional.add(value);
        positional.addAll(arguments.positional().subList(Math.min(from, arguments.size()), arguments.size()));
        return new Arguments(arguments.scope(), positional, Map.of());
    }

    private static List<Object> grouped(Arguments arguments) {
        Object attribute = arguments.get(1, "attribute", "");
        Map<Object, List<Object>> groups = new LinkedHashMap<>();
        sorted(items(arguments), item -> path(item, attribute), false)
                .forEach(item -> groups.computeIfAbsent(path(item, attribute), _ -> new ArrayList<>())
                        .add(item));
        return Methods.pairs(groups);
    }

    private static Object extreme(List<Object> items, Comparator<Object> order) {
        return items.stream().min(order).orElse(new Undefined("the extreme of an empty list"));
    }

    private static Object whole(Arguments arguments) {
        try {
            return switch (arguments.first()) {
                case String text ->
                    text.contains(".") ? (long) Double.parseDouble(text.strip()) : Long.parseLong(text.strip());
                case Double number -> number.longValue();
                case null, default -> Values.integer(arguments.first());
            };
        } catch (NumberFormatException | TemplateException e) {
            return arguments.get(1, "default", 0L);
        }
    }

    private static Object decimal(Arguments arguments) {
        try {
            return arguments.first() instanceof String text
                    ? Double.parseDouble(text.strip())
                    : Values.decimalOf(arguments.first());
        } catch (NumberFormatException | TemplateException e) {
            return arguments.get(1, "default", 0.0);
        }
    }
}
