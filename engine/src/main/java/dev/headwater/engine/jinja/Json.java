package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** JSON as Python's {@code json.dumps(value)} writes it, which chat templates show to models. */
final class Json {
    private final StringBuilder text = new StringBuilder();
    private final Budget budget;
    private final @Nullable String indent;
    private final String afterItem;
    private final String afterKey;
    private final boolean ascii;
    private final boolean sorted;

    private Json(
            Budget budget, boolean ascii, @Nullable String indent, String afterItem, String afterKey, boolean sorted) {
        this.budget = budget;
        this.ascii = ascii;
        this.indent = indent;
        this.afterItem = afterItem;
        this.afterKey = afterKey;
        this.sorted = sorted;
    }

    /** The filter {@code tojson(ensure_ascii=false, indent, separators, sort_keys)} of Hugging Face's library. */
    static String write(Arguments arguments) {
        Budget budget = arguments.budget();
        Object width = arguments.get(2, "indent", null);
        String indent = width == null
                ? null
                : width instanceof String blanks ? blanks : " ".repeat(blanks(Values.integer(width), budget));
        Object separators = arguments.get(3, "separators", null);
        String afterItem = indent == null ? ", " : ",";
        String afterKey = ": ";
        if (separators != null) {
            List<Object> pair = Values.items(separators, budget);
            if (pair.size() != 2 || !(pair.get(0) instanceof String first) || !(pair.get(1) instanceof String second)) {
                throw new TemplateException("tojson's separators are two texts");
            }
            afterItem = first;
            afterKey = second;
        }
        Json json = new Json(
                budget, arguments.flag(1, "ensure_ascii"), indent, afterItem, afterKey, arguments.flag(4, "sort_keys"));
        json.value(arguments.first(), 0);
        return json.text.toString();
    }

    private static int blanks(long width, Budget budget) {
        budget.spend(Math.max(0, width));
        return (int) Math.max(0, width);
    }

    private void append(String part) {
        budget.spend(part.length());
        text.append(part);
    }

    private void value(@Nullable Object value, int depth) {
        budget.enter();
        switch (value) {
            case null -> append("null");
            case Boolean bool -> append(bool ? "true" : "false");
            case Long number -> append(Long.toString(number));
            case Double number -> append(decimal(number));
            case String string -> string(string);
            case Markup markup -> string(markup.text());
            case List<?> list
            when !(list instanceof Sequence) || Sequence.isTuple(list) ->
                enclosed('[', ']', list.iterator(), depth, item -> value(item, depth + 1));
            case Map<?, ?> map -> {
                budget.spend(map.size(), Budget.ITEM);
                List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
                if (sorted) {
                    entries.sort((a, b) -> Operators.order(a.getKey(), b.getKey(), budget));
                }
                enclosed('{', '}', entries.iterator(), depth, entry -> {
                    Map.Entry<?, ?> pair = (Map.Entry<?, ?>) entry;
                    string(
                            switch (pair.getKey()) {
                                case null -> "null";
                                case Boolean bool -> bool ? "true" : "false";
                                case Double number -> decimal(number);
                                case Object key -> Values.text(key, budget);
                            });
                    append(afterKey);
                    value(pair.getValue(), depth + 1);
                });
            }
            default -> throw new TemplateException(Values.kind(value) + " has no JSON");
        }
        budget.leave();
    }

    private static String decimal(double number) {
        return Double.isNaN(number)
                ? "NaN"
                : Double.isInfinite(number) ? number > 0 ? "Infinity" : "-Infinity" : Values.decimal(number);
    }

    private void enclosed(char open, char close, Iterator<?> items, int depth, Consumer<Object> write) {
        text.append(open);
        boolean any = items.hasNext();
        while (items.hasNext()) {
            line(depth + 1);
            write.accept(items.next());
            append(items.hasNext() ? afterItem : "");
        }
        if (any) {
            line(depth);
        }
        text.append(close);
    }

    private void line(int depth) {
        if (indent != null) {
            budget.spend(1L + (long) indent.length() * depth);
            text.append('\n').repeat(indent, depth);
        }
    }

    private void string(String string) {
        budget.spend(6L * string.length());
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
                default -> {
                    if (c < ' ' || ascii && c > '~') {
                        String digits = Integer.toHexString(c);
                        text.append("\\u").repeat('0', 4 - digits.length()).append(digits);
                    } else {
                        text.append((char) c);
                    }
                }
            }
        });
        text.append('"');
    }
}
