package dev.headwater.engine.tokens.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A part of tokenizer.json and which of its keys have been read: one that nobody asked for is refused by name. */
final class Part {
    private final String name;
    private final JsonNode node;
    private final Set<String> read = new HashSet<>(Set.of("type"));

    private Part(String name, JsonNode node) {
        this.name = name;
        this.node = node;
    }

    /** @param kind as a key of tokenizer.json names it */
    static Part of(String kind, JsonNode node) {
        if (!node.isObject() || !node.path("type").isTextual()) {
            throw new RefusedException("its " + kind + " has a part without a type");
        }
        return new Part(kind + " " + node.path("type").textValue(), node);
    }

    /** The same object, as a part of no type. */
    static Part untyped(String name, JsonNode node) {
        if (!node.isObject()) {
            throw new RefusedException("its " + name + " is no object");
        }
        return new Part(name, node);
    }

    String type() {
        return node.path("type").textValue();
    }

    boolean has(String key) {
        return node.hasNonNull(key);
    }

    private JsonNode value(String key) {
        read.add(key);
        return node.path(key);
    }

    String text(String key) {
        JsonNode value = value(key);
        if (!value.isTextual()) {
            throw wrong(key);
        }
        return checked(value.textValue());
    }

    String text(String key, String absent) {
        return has(key) ? text(key) : readAs(key, absent);
    }

    private <T> T readAs(String key, T absent) {
        read.add(key);
        return absent;
    }

    private String checked(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i)) && Character.charCount(text.codePointAt(i)) == 1) {
                throw new RefusedException("its " + name + " has half of a surrogate pair, which is no character");
            }
            i += Character.charCount(text.codePointAt(i)) - 1;
        }
        return text;
    }

    /** One character. */
    int character(String key) {
        String text = text(key);
        if (text.codePointCount(0, text.length()) != 1) {
            throw wrong(key);
        }
        return text.codePointAt(0);
    }

    boolean flag(String key) {
        JsonNode value = value(key);
        if (!value.isBoolean()) {
            throw wrong(key);
        }
        return value.booleanValue();
    }

    boolean flag(String key, boolean absent) {
        return has(key) ? flag(key) : readAs(key, absent);
    }

    int number(String key, int absent) {
        JsonNode value = value(key);
        if (value.isMissingNode()) {
            return absent;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw wrong(key);
        }
        return value.intValue();
    }

    /** An added or special token's id. */
    int id(String key) {
        int id = number(key, -1);
        if (id < 0 || id > Vocabulary.LARGEST_ID) {
            throw wrong(key);
        }
        return id;
    }

    <T> List<T> list(String key, Function<JsonNode, @Nullable T> reader) {
        JsonNode value = value(key);
        if (!value.isArray()) {
            throw wrong(key);
        }
        List<T> all = new ArrayList<>();
        for (JsonNode each : value) {
            T read = reader.apply(each);
            if (read == null) {
                throw wrong(key);
            }
            all.add(read);
        }
        return all;
    }

    JsonNode object(String key) {
        JsonNode value = value(key);
        if (!value.isObject()) {
            throw wrong(key);
        }
        return value;
    }

    /** Passes over a key that says nothing about tokens. */
    Part ignoring(String... keys) {
        read.addAll(List.of(keys));
        return this;
    }

    /** @throws RefusedException if there is a key that was not read */
    void end() {
        node.fieldNames().forEachRemaining(key -> {
            if (!read.contains(key)) {
                throw new RefusedException(
                        "its " + name + " has the key \"" + shortened(key) + "\", which is not known here");
            }
        });
    }

    /** That the part itself is not known. */
    RefusedException unknown() {
        return new RefusedException("its " + shortened(name) + " is not known here");
    }

    RefusedException wrong(String key) {
        return new RefusedException("its " + shortened(name) + " has no valid \"" + key + "\"");
    }

    private static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }
}
