package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a callable is given; for filters and tests the piped value is the first. */
record Arguments(Budget budget, List<Object> positional, Map<String, Object> named) {
    int size() {
        return positional.size();
    }

    /** The first positional argument, which must be there. */
    @Nullable
    Object first() {
        return required(0, "");
    }

    /** An argument that must be there. */
    @Nullable
    Object required(int index, String name) {
        if (!has(index, name)) {
            throw new TemplateException("a function misses its argument" + (name.isEmpty() ? "" : " '" + name + "'"));
        }
        return get(index, name, null);
    }

    boolean has(int index, String name) {
        return index < positional.size() || named.containsKey(name);
    }

    @Nullable
    Object get(int index, String name, @Nullable Object otherwise) {
        return index < positional.size() ? positional.get(index) : named.getOrDefault(name, otherwise);
    }

    /** A text, null if it is absent or none; other kinds are an error, as in Python's own methods. */
    @Nullable
    String text(int index, String name, @Nullable String otherwise) {
        Object value = get(index, name, otherwise);
        if (value != null && !(value instanceof String)) {
            throw new TemplateException("a text is needed, not " + Values.kind(value));
        }
        return (String) value;
    }

    long integer(int index, String name, long otherwise) {
        return Values.integer(get(index, name, otherwise));
    }

    boolean flag(int index, String name) {
        return Values.truth(get(index, name, false));
    }
}
