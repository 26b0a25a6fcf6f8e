package dev.headwater.engine.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The only value that a template can change. */
final class Namespace implements Attributed {
    private final Map<String, Object> values = new HashMap<>();

    void set(String name, @Nullable Object value) {
        values.put(name, value);
    }

    @Override
    public Object attribute(String name) {
        return values.containsKey(name) ? values.get(name) : new Undefined(name);
    }
}
