package dev.headwater.engine.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names and their values, inner ones hiding outer ones. A name is set in the innermost scope only. */
final class Scope {
    /** Steps and characters that one rendering may take; a long conversation needs some hundred thousand. */
    static final long ALLOWANCE = 4_000_000;

    private final Scope parent;
    private final Map<String, Object> values = new HashMap<>();
    private final long[] spent;

    Scope(Scope parent) {
        this.parent = parent;
        this.spent = parent.spent;
    }

    private Scope(Map<String, ?> functions) {
        this.parent = null;
        this.spent = new long[1];
        values.putAll(functions);
    }

    static Scope global(Map<String, ?> functions) {
        return new Scope(functions);
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Object value = scope.values.get(name);
            if (value != null || scope.values.containsKey(name)) {
                return value;
            }
        }
        return new Undefined(name);
    }

    void set(String name, Object value) {
        values.put(name, value);
    }

    /** Counts a value that was made by its size, against texts that grow without end. */
    Object made(Object value) {
        spend(value instanceof String text ? text.length() : value instanceof List<?> list ? list.size() : 1);
        return value;
    }

    /** Counts work done, against templates that never end. */
    void spend(long amount) {
        spent[0] += amount;
        if (spent[0] > ALLOWANCE) {
            throw new TemplateException("it does more work or writes more text than a conversation can need");
        }
    }
}
