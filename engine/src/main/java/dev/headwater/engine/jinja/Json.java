package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** JSON as Python's {@code json.dumps(value, ensure_ascii=False)} writes it, which chat templates show to models. */
final class Json {
    private final StringBuilder text = new StringBuilder();
    private final Scope scope;
    private final String indent;
    private final String afterItem;
    private final String afterKey;
    private final boolean sorted;

    private Json(Scope scope, String indent, String afterItem, String afterKey, boolean sorted) {
        this.scope = scope;
        this.indent = indent;
        this.afterItem = afterItem;
        this.afterKey = afterKey;
        this.sorted = sorted;
    }

    /** The filter {@code tojson(ensure_ascii, indent, separators, sort_keys)}. */
    static String write(Arguments arguments) {
        Object width = arguments.named().containsKey("indent")
                ? arguments.named().get("indent")
                : arguments.size() > 1 ? arguments.positional().get(1) : null;
        String indent = width == null
                ? null
                : width instanceof String text ? text : " ".repeat(Math.clamp(Values.integer(width), 0, 100));
        List<?> separators = arguments.named().get("separators") instanceof List<?> list && list.size() == 2
                ? list
                : List.of(indent == null ? ", " : ",", ": ");
        Json json = new Json(
                arguments.scope(),
                indent,
                Values.text(separators.get(0)),
                Values.text(separators.get(1)),
                Values.truth(arguments.named().get("sort_keys")));
        json.value(arguments.first(), 0);
        return json.text.toString();
    }

    private void value(Object value, int depth) {
        scope.spend(1);
        switch (value) {
            case null -> text.append("null");
            case Boolean bool -> text.append(bool);
            case Long number -> text.append(number);
            case Double number ->
                text.append(
                        Double.isNaN(number)
                                ? "NaN"
                                : number.isInfinite()
                                        ? (number > 0 ? "Infinity" : "-Infinity")
                                        : Values.decimal(number));
            case String string -> string(string);
            case List<?> list -> enclosed('[', ']', list.iterator(), depth, item -> value(item, depth + 1));
            case Map<?, ?> map -> {
                List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
                if (sorted) {
                    entries.sort((a, b) -> Values.order(a.getKey(), b.getKey()));
                }
                enclosed('{', '}', entries.iterator(), depth, entry -> {
                    Map.Entry<?, ?> pair = (Map.Entry<?, ?>) entry;
                    string(pair.getKey() instanceof String key ? key : Values.text(pair.getKey()));
                    text.append(afterKey);
                    value(pair.getValue(), depth + 1);
                });
            }
            default -> throw new TemplateException(Values.kind(value) + " has no JSON");
        }
    }

    private void enclosed(char open, char close, Iterator<?> items, int depth, Consumer<Object> write) {
        text.append(open);
        boolean any = items.hasNext();
        while (items.hasNext()) {
            line(depth + 1);
            write.accept(items.next());
            text.append(items.hasNext() ? afterItem : "");
        }
        if (any) {
            line(depth);
        }
        text.append(close);
    }

    private void line(int depth) {
        if (indent != null) {
            text.append('\n').repeat(indent, depth);
        }
    }

    private void string(String string) {
        scope.spend(string.length());
        text.append('"');
        string.chars().forEach(c -> {
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                default -> text.append(c < ' ' ? "\\u%04x".formatted(c) : Character.toString(c));
            }
        });
        text.append('"');
    }
}
