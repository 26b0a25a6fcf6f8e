package dev.headwater.engine.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.nio.file.Path;
import java.util.Map;

/**
 * A model's {@code config.json}, which nobody vouches for: every number that it yields lies within bounds, and an error
 * names
 * the file and the key. A key whose value is null counts as absent.
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
            ObjectNode merged = (ObjectNode) BoundedJson.mapper().readTree(json);
            root.properties().forEach(entry -> merged.set(entry.getKey(), entry.getValue()));
            return new ConfigFile(path, prefix, merged, aliases);
        } catch (JsonProcessingException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** This file, read by standard keys although it has others. */
    ConfigFile withAliases(Map<String, String> ownKeys) {
        return new ConfigFile(path, prefix, root, ownKeys);
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

    private static String shown(JsonNode node) {
        return ErrorText.of(node.toString());
    }
}
