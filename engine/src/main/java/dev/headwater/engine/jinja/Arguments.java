package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Map;

/** What a callable is given; for filters and tests the piped value is the first. */
record Arguments(Scope scope, List<Object> positional, Map<String, Object> named) {
    int size() {
        return positional.size();
    }

    /** The first positional argument, which must be there. */
    Object first() {
        if (positional.isEmpty()) {
            throw new TemplateException("a function misses its argument");
        }
        return positional.getFirst();
    }

    boolean has(int index, String name) {
        return index < positional.size() || named.containsKey(name);
    }

    Object get(int index, String name, Object otherwise) {
        return index < positional.size() ? positional.get(index) : named.getOrDefault(name, otherwise);
    }

    String text(int index, String name, String otherwise) {
        Object value = get(index, name, otherwise);
        return value == null ? null : Values.text(value);
    }

    long integer(int index, String name, long otherwise) {
        return Values.integer(get(index, name, otherwise));
    }
}
