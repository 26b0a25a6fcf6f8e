package dev.headwater.explorer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Says whether a file is an attribution graph that can be shown: the required fields of the field's graph schema with
 * their
 * types, ids that are unique, links that lead somewhere. It reads token by token and keeps only the node ids.
 */
final class GraphCheck {
    private static final int MOST_NODES = 200_000;
    private static final int MOST_LINKS = 10_000_000;
    private static final int LONGEST_ID = 200;

    private final Map<String, Boolean> nodes = new HashMap<>(); // id -> is an error node
    private int promptTokens = -1;

    private GraphCheck() {}

    /** A {@link Refusal} with 422 and the first thing that is wrong, or nothing. */
    static void check(Path file) {
        try {
            GraphCheck check = new GraphCheck();
            Set<String> parts = new HashSet<>();
            check.parts(file, parts);
            for (String part : List.of("metadata", "nodes", "links")) {
                if (!parts.contains(part)) {
                    throw wrong("it has no " + part);
                }
            }
            check.nodes(file);
            check.links(file);
        } catch (JsonProcessingException e) {
            throw wrong(Json.firstLine(e));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private interface Part {
        void read(JsonParser json) throws IOException;
    }

    private void parts(Path file, Set<String> seen) throws IOException {
        each(file, (name, json) -> {
            if (!seen.add(name)) {
                throw wrong("it has " + name + " twice");
            }
            switch (name) {
                case "metadata" -> metadata(json);
                case "qParams" -> {
                    demand(json.currentToken() == JsonToken.START_OBJECT, "qParams is not an object");
                    json.skipChildren();
                }
                default -> json.skipChildren();
            }
        });
    }

    private void metadata(JsonParser json) throws IOException {
        Set<String> seen = new HashSet<>();
        object(json, "metadata", field -> {
            seen.add(field);
            switch (field) {
                case "slug", "scan", "prompt" ->
                    demand(json.currentToken() == JsonToken.VALUE_STRING, "metadata." + field + " is not text");
                case "prompt_tokens" -> {
                    demand(json.currentToken() == JsonToken.START_ARRAY, "metadata.prompt_tokens is not an array");
                    promptTokens = 0;
                    while (json.nextToken() != JsonToken.END_ARRAY) {
                        demand(
                                json.currentToken() == JsonToken.VALUE_STRING,
                                "metadata.prompt_tokens[" + promptTokens + "] is not text");
                        promptTokens++;
                    }
                }
                default -> json.skipChildren();
            }
        });
        for (String field : List.of("slug", "scan", "prompt", "prompt_tokens")) {
            demand(seen.contains(field), "its metadata has no " + field);
        }
    }

    private void nodes(Path file) throws IOException {
        each(file, "nodes", json -> {
            int index = nodes.size();
            String where = "nodes[" + index + "]";
            demand(index < MOST_NODES, "it has more than " + MOST_NODES + " nodes");
            Map<String, String> text = new HashMap<>();
            Set<String> seen = new HashSet<>();
            object(json, where, field -> {
                seen.add(field);
                JsonToken value = json.currentToken();
                switch (field) {
                    case "node_id", "feature_type", "clerp", "jsNodeId" -> {
                        demand(value == JsonToken.VALUE_STRING, where + "." + field + " is not text");
                        text.put(field, json.getText());
                    }
                    case "layer" ->
                        demand(
                                value == JsonToken.VALUE_STRING || value == JsonToken.VALUE_NUMBER_INT,
                                where + ".layer is neither text nor an integer");
                    case "feature" ->
                        demand(
                                value == JsonToken.VALUE_NUMBER_INT || value == JsonToken.VALUE_NULL,
                                where + ".feature is neither an integer nor null");
                    case "ctx_idx" -> {
                        demand(value == JsonToken.VALUE_NUMBER_INT, where + ".ctx_idx is not an integer");
                        long position = json.getLongValue();
                        demand(
                                position >= 0 && position < Math.max(promptTokens, 1),
                                where + ".ctx_idx is " + position + ", outside the " + promptTokens
                                        + " tokens of the prompt");
                    }
                    case "influence", "activation" ->
                        demand(
                                value == JsonToken.VALUE_NULL
                                        || value.isNumeric() && Double.isFinite(json.getDoubleValue()),
                                where + "." + field + " is neither a number nor null");
                    default -> json.skipChildren();
                }
            });
            for (String field : List.of("node_id", "feature", "layer", "ctx_idx", "feature_type", "clerp")) {
                demand(seen.contains(field), where + " has no " + field);
            }
            String id = text.get("node_id");
            demand(!id.isEmpty() && id.length() <= LONGEST_ID, where + ".node_id is empty or too long");
            boolean error = text.get("feature_type").contains("error");
            Boolean before = nodes.put(id, error);
            // Early graph files name an error node like a feature of layer 0; the page tells them apart by their type.
            demand(before == null || before != error, where + ".node_id \"" + id + "\" is there twice");
        });
    }

    private void links(Path file) throws IOException {
        int[] count = {0};
        each(file, "links", json -> {
            String where = "links[" + count[0]++ + "]";
            demand(count[0] <= MOST_LINKS, "it has more than " + MOST_LINKS + " links");
            int[] ends = {0};
            object(json, where, field -> {
                switch (field) {
                    case "source", "target" -> {
                        demand(json.currentToken() == JsonToken.VALUE_STRING, where + "." + field + " is not text");
                        demand(
                                nodes.containsKey(json.getText()),
                                where + "." + field + " names a node that is not there");
                        ends[0]++;
                    }
                    case "weight" -> {
                        demand(
                                json.currentToken().isNumeric() && Double.isFinite(json.getDoubleValue()),
                                where + ".weight is not a finite number");
                        ends[0]++;
                    }
                    default -> json.skipChildren();
                }
            });
            demand(ends[0] == 3, where + " lacks source, target or weight");
        });
    }

    private interface Member {
        void read(String name, JsonParser json) throws IOException;
    }

    /** Each member of the file's top object; the parser stands on its value. */
    private static void each(Path file, Member member) throws IOException {
        try (JsonParser json = Json.STREAMING.createParser(file.toFile())) {
            demand(json.nextToken() == JsonToken.START_OBJECT, "it is not a JSON object");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                json.nextToken();
                member.read(name, json);
            }
            demand(json.nextToken() == null, "something follows the JSON object");
        }
    }

    /** Each element of a top-level array; the parser stands on it. */
    private static void each(Path file, String array, Part element) throws IOException {
        each(file, (name, json) -> {
            if (!name.equals(array)) {
                json.skipChildren();
                return;
            }
            demand(json.currentToken() == JsonToken.START_ARRAY, array + " is not an array");
            while (json.nextToken() != JsonToken.END_ARRAY) {
                element.read(json);
            }
        });
    }

    private interface Field {
        void read(String name) throws IOException;
    }

    private static void object(JsonParser json, String where, Field field) throws IOException {
        demand(json.currentToken() == JsonToken.START_OBJECT, where + " is not an object");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            field.read(name);
        }
    }

    private static void demand(boolean condition, String otherwise) {
        if (!condition) {
            throw wrong(otherwise);
        }
    }

    private static Refusal wrong(String what) {
        return new Refusal(422, "This is not an attribution graph that can be shown: " + what + ".");
    }
}
