package dev.headwater.engine.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model's {@code config.json}, which nobody vouches for: every number that it yields lies within bounds, and an error
 * names the file and the key. A key whose value is null counts as absent.
 *
 * @param path    for errors
 * @param prefix  of the keys in errors: the object that they are in, "" at the top
 * @param aliases the family's own names of standard keys
 */
record ConfigFile(Path path, String prefix, JsonNode root, Map<String, String> aliases) {
    static ConfigFile read(Path directory) {
        Path path = directory.resolve("config.json");
        return new ConfigFile(path, "", BoundedJson.read(path), Map.of());
    }

    /** The object under a key. */
    ConfigFile within(String key) {
        JsonNode node = require(key);
        if (!node.isObject()) {
            throw error(key, "is not an object");
        }
        return new ConfigFile(path, prefix + key + ".", node, aliases);
    }

    /** This file with values for the keys that it doesn't have; one that is null in the file stays absent. */
    ConfigFile withDefaults(String json) {
        try {
            ObjectNode merged = ((ObjectNode) BoundedJson.mapper().readTree(json)).remove(aliases.keySet());
            root.properties().forEach(entry -> merged.set(entry.getKey(), entry.getValue()));
            return new ConfigFile(path, prefix, merged, aliases);
        } catch (JsonProcessingException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** This file with another value under a key. */
    ConfigFile with(String key, JsonNode value) {
        return new ConfigFile(path, prefix, ((ObjectNode) root.deepCopy()).set(own(key), value), aliases);
    }

    /** This file, read by standard keys although it has others; aliases that it has already stay. */
    ConfigFile withAliases(Map<String, String> ownKeys) {
        Map<String, String> all = new HashMap<>(ownKeys);
        all.putAll(aliases);
        return new ConfigFile(path, prefix, root, Map.copyOf(all));
    }

    HeadwaterException error(String key, String complaint) {
        return new HeadwaterException("%s: '%s%s' %s".formatted(path, prefix, own(key), complaint));
    }

    private String own(String key) {
        return aliases.getOrDefault(key, key);
    }

    private JsonNode node(String key) {
        return root.path(own(key));
    }

    boolean has(String key) {
        JsonNode node = node(key);
        return !node.isMissingNode() && !node.isNull();
    }

    JsonNode require(String key) {
        if (!has(key)) {
            throw error(key, "is missing");
        }
        return node(key);
    }

    /** A whole number from 1 to {@code most}. */
    int count(String key, int most) {
        JsonNode node = require(key);
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 1 || node.intValue() > most) {
            throw error(key, "is " + shown(node) + ", not a whole number from 1 to " + most);
        }
        return node.intValue();
    }

    int count(String key, int most, int otherwise) {
        return has(key) ? count(key, most) : otherwise;
    }

    /** A whole number that may be 0. */
    int countOrNone(String key, int most, int otherwise) {
        return has(key) && require(key).isIntegralNumber() && require(key).asLong() == 0
                ? 0
                : count(key, most, otherwise);
    }

    /** A number above 0 and up to {@code most}. */
    double positive(String key, double most) {
        JsonNode node = require(key);
        double value = node.doubleValue();
        if (!node.isNumber() || !(value > 0) || value > most) {
            throw error(key, "is " + shown(node) + ", not a number above 0 and up to " + most);
        }
        return value;
    }

    double positive(String key, double most, double otherwise) {
        return has(key) ? positive(key, most) : otherwise;
    }

    boolean flag(String key, boolean otherwise) {
        if (!has(key)) {
            return otherwise;
        }
        if (!node(key).isBoolean()) {
            throw error(key, "is " + shown(node(key)) + ", neither true nor false");
        }
        return node(key).booleanValue();
    }

    String text(String key) {
        JsonNode node = require(key);
        if (!node.isTextual()) {
            throw error(key, "is " + shown(node) + ", not a text");
        }
        return node.textValue();
    }

    /** Any number. */
    double number(String key, double otherwise) {
        if (!has(key)) {
            return otherwise;
        }
        double value = node(key).doubleValue();
        if (!node(key).isNumber() || !Double.isFinite(value)) {
            throw error(key, "is " + shown(node(key)) + ", not a number");
        }
        return value;
    }

    /**
     * Refuses what is not known, lest it change the computation; null, false and empty values pass, since they ask for
     * nothing.
     *
     * @param known own names
     */
    void requireKnown(Set<String> known) {
        root.properties().forEach(entry -> {
            JsonNode value = entry.getValue();
            boolean asks = value.isContainerNode() || value.isTextual()
                    ? !value.isEmpty()
                            || value.isTextual() && !value.textValue().isEmpty()
                    : !value.isNull() && !(value.isBoolean() && !value.booleanValue());
            if (asks && !known.contains(entry.getKey())) {
                throw new HeadwaterException(
                        "%s: Headwater does not know what '%s%s' means, so that it might compute another model; take the key out if it changes no results"
                                .formatted(path, prefix, ErrorText.of(entry.getKey())));
            }
        });
    }

    /** Numbers above 0, so many of them. */
    List<Double> positives(String key, int count, double most) {
        JsonNode node = require(key);
        List<Double> numbers = new ArrayList<>();
        for (JsonNode item : node) {
            if (!item.isNumber() || !(item.doubleValue() > 0) || item.doubleValue() > most) {
                throw error(key, "has " + shown(item) + ", which is not a number above 0 and up to " + most);
            }
            numbers.add(item.doubleValue());
        }
        if (!node.isArray() || numbers.size() != count) {
            throw error(key, "is not a list of " + count + " numbers");
        }
        return List.copyOf(numbers);
    }

    private static String shown(JsonNode node) {
        return ErrorText.of(node.toString());
    }
}
