package dev.headwater.engine.gguf;

import dev.headwater.engine.HeadwaterException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a GGUF file says about its model: texts, numbers, truth values and lists of them by key. Asking for a key under
 * another kind than the file has is an error that names both.
 *
 * @param source the file, for errors
 * @param values String, Long, Double, Boolean or a List of them
 */
public record GgufMetadata(String source, Map<String, Object> values) {
    public GgufMetadata {
        values = Collections.unmodifiableMap(values);
    }

    /** {@return whether the key is there} */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** {@return all keys, in the order of the file} */
    public Set<String> keys() {
        return values.keySet();
    }

    /** The sentence for a key whose value cannot be used. */
    public HeadwaterException error(String key, String complaint) {
        return new HeadwaterException("%s: '%s' %s".formatted(source, key, complaint));
    }

    private <T> T get(String key, Class<T> kind, String described) {
        Object value = values.get(key);
        if (value == null) {
            throw error(key, "is missing");
        }
        if (!kind.isInstance(value)) {
            throw error(key, "is not " + described);
        }
        return kind.cast(value);
    }

    /**
     * @return the value of a key
     * @throws dev.headwater.engine.HeadwaterException if it is missing or no text
     */
    public String text(String key) {
        return get(key, String.class, "a text");
    }

    /**
     * @return the value of a key, or {@code otherwise} if it is missing
     * @throws dev.headwater.engine.HeadwaterException if it is no text
     */
    public String text(String key, String otherwise) {
        return has(key) ? text(key) : otherwise;
    }

    /**
     * @return the value of a key, of whatever width the file gave it
     * @throws dev.headwater.engine.HeadwaterException if it is missing or no whole number
     */
    public long integer(String key) {
        return get(key, Long.class, "a whole number");
    }

    /**
     * @return the value of a key, or {@code otherwise} if it is missing
     * @throws dev.headwater.engine.HeadwaterException if it is no whole number
     */
    public long integer(String key, long otherwise) {
        return has(key) ? integer(key) : otherwise;
    }

    /** A whole number counts too. */
    public double number(String key) {
        return get(key, Number.class, "a number").doubleValue();
    }

    /**
     * @return the value of a key, or {@code otherwise} if it is missing
     * @throws dev.headwater.engine.HeadwaterException if it is no truth value
     */
    public boolean flag(String key, boolean otherwise) {
        return has(key) ? get(key, Boolean.class, "a truth value") : otherwise;
    }

    /**
     * @return the value of a key
     * @throws dev.headwater.engine.HeadwaterException if it is missing or no array of texts
     */
    public List<String> texts(String key) {
        return list(key, String.class, "texts");
    }

    /**
     * @return the value of a key
     * @throws dev.headwater.engine.HeadwaterException if it is missing or no array of whole numbers
     */
    public List<Long> integers(String key) {
        return list(key, Long.class, "whole numbers");
    }

    /**
     * @return the value of a key
     * @throws dev.headwater.engine.HeadwaterException if it is missing or no array of numbers
     */
    public List<Double> numbers(String key) {
        return list(key, Double.class, "numbers with a fraction");
    }

    private <T> List<T> list(String key, Class<T> kind, String described) {
        List<?> list = get(key, List.class, "a list");
        List<T> checked = new ArrayList<>(list.size());
        for (Object item : list) {
            if (!kind.isInstance(item)) {
                throw error(key, "is not a list of " + described);
            }
            checked.add(kind.cast(item));
        }
        return Collections.unmodifiableList(checked);
    }
}
