package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * The rules of Neuronpedia's schema of attribution graphs, version 1.0.0 (reference section 3.4): fields that have to
 * be there and
 * types of those that are known. What the schema does not name may be there too.
 */
public final class GraphSchema {
    private static final int MOST_PROBLEMS = 20;
    private static final ObjectReader VALUE =
            BoundedJson.mapper().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** What a field holds, in words, and the test of it. */
    private record Type(String words, Predicate<JsonNode> test) {
        static final Type TEXT = new Type("text", JsonNode::isTextual);
        static final Type NUMBER = new Type("a number", JsonNode::isNumber);
        static final Type INTEGER = new Type("an integer", GraphSchema::isInteger);
        static final Type OBJECT = new Type("an object", JsonNode::isObject);
        static final Type LIST = new Type("a list", JsonNode::isArray);
        static final Type TEXTS =
                new Type("a list of texts", value -> value.isArray() && all(value, JsonNode::isTextual));

        Type or(Type other) {
            return new Type(words + " or " + other.words, test.or(other.test));
        }

        Type orNull() {
            return or(new Type("null", JsonNode::isNull));
        }

        private static boolean all(JsonNode list, Predicate<JsonNode> test) {
            for (JsonNode value : list) {
                if (!test.test(value)) {
                    return false;
                }
            }
            return true;
        }
    }

    private static final Type TRACING =
            new Type("QK results: lists of [name, name, number] and [name, number]", QkTracing::isSound);

    private static final Map<String, Type> METADATA =
            Map.of("slug", Type.TEXT, "scan", Type.TEXT, "prompt_tokens", Type.TEXTS, "prompt", Type.TEXT);
    private static final Map<String, Type> METADATA_MORE = Map.of(
            "feature_details",
            Type.OBJECT,
            "node_threshold",
            Type.NUMBER,
            "info",
            Type.OBJECT,
            "generation_settings",
            Type.OBJECT,
            "pruning_settings",
            Type.OBJECT);
    private static final Map<String, Map<String, Type>> METADATA_PARTS = Map.of(
            "feature_details",
                    Map.of(
                            "feature_json_base_url",
                            Type.TEXT,
                            "neuronpedia_source_set",
                            Type.TEXT,
                            "neuronpedia_lorsa_source_set",
                            Type.TEXT),
            "info",
                    Map.of(
                            "description",
                            Type.TEXT,
                            "creator_name",
                            Type.TEXT,
                            "creator_url",
                            Type.TEXT,
                            "source_urls",
                            Type.LIST,
                            "generator",
                            Type.OBJECT,
                            "create_time_ms",
                            Type.NUMBER),
            "generation_settings",
                    Map.of(
                            "max_n_logits",
                            Type.INTEGER,
                            "desired_logit_prob",
                            Type.NUMBER,
                            "batch_size",
                            Type.INTEGER,
                            "max_feature_nodes",
                            Type.INTEGER),
            "pruning_settings", Map.of("node_threshold", Type.NUMBER, "edge_threshold", Type.NUMBER));
    private static final Map<String, Type> GENERATOR =
            Map.of("name", Type.TEXT, "version", Type.TEXT, "url", Type.TEXT, "email", Type.TEXT);
    private static final Map<String, Type> PARAMETERS = Map.of(
            "pinnedIds",
            Type.TEXTS,
            "supernodes",
            Type.LIST,
            "linkType",
            Type.TEXT,
            "clickedId",
            Type.TEXT,
            "sg_pos",
            Type.TEXT);
    private static final Map<String, Type> NODE = Map.of(
            "node_id",
            Type.TEXT,
            "feature",
            Type.INTEGER.orNull(),
            "layer",
            Type.TEXT.or(Type.INTEGER),
            "ctx_idx",
            Type.INTEGER,
            "feature_type",
            Type.TEXT,
            "jsNodeId",
            Type.TEXT,
            "clerp",
            Type.TEXT);
    private static final Map<String, Type> NODE_MORE = Map.of(
            "influence",
            Type.NUMBER.orNull(),
            "activation",
            Type.NUMBER.orNull(),
            AttentionBlock.NODE_FIELD,
            TRACING.orNull());
    private static final Map<String, Type> LINK =
            Map.of("source", Type.TEXT, "target", Type.TEXT, "weight", Type.NUMBER);

    private final List<String> problems = new ArrayList<>();
    private String slug = "";
    private String scan = "";

    private GraphSchema() {}

    /**
     * What a file says of itself, and what is wrong with it.
     *
     * @param problems each a place and a rule that it breaks, the first twenty; empty if the file is valid
     */
    public record Verdict(String slug, String scan, List<String> problems) {
        public boolean isValid() {
            return problems.isEmpty();
        }
    }

    /**
     * Reads a graph file, an element at a time.
     *
     * @throws HeadwaterException if the file is missing or not JSON
     */
    public static Verdict check(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new HeadwaterException("There is no graph file " + file);
        }
        GraphSchema schema = new GraphSchema();
        try (JsonParser json = BoundedJson.mapper().createParser(file.toFile())) {
            schema.read(json);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException("%s is not valid JSON%s".formatted(file, BoundedJson.where(e)), e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
        return new Verdict(schema.slug, schema.scan, List.copyOf(schema.problems));
    }

    private void read(JsonParser json) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            problem("the file", "is no object");
            return;
        }
        Set<String> missing = new HashSet<>(List.of("metadata", "qParams", "nodes", "links"));
        for (String part = json.nextFieldName(); part != null; part = json.nextFieldName()) {
            missing.remove(part);
            json.nextToken();
            switch (part) {
                case "metadata" -> metadata(VALUE.readTree(json));
                case "qParams" -> fields(part, VALUE.readTree(json), Map.of(), PARAMETERS);
                case "nodes" -> elements(json, part, NODE, NODE_MORE);
                case "links" -> elements(json, part, LINK, Map.of());
                case AttentionBlock.ONLY_FIELD -> named(json, part);
                default -> json.skipChildren();
            }
        }
        missing.stream().sorted().forEach(part -> problem("the file", "has no " + part));
        if (json.nextToken() != null) {
            problem("the file", "goes on after its end");
        }
    }

    private void metadata(JsonNode metadata) {
        fields("metadata", metadata, METADATA, METADATA_MORE);
        METADATA_PARTS.forEach((part, types) -> {
            if (metadata.path(part).isObject()) {
                fields("metadata." + part, metadata.get(part), Map.of(), types);
            }
        });
        if (metadata.at("/info/generator").isObject()) {
            fields("metadata.info.generator", metadata.at("/info/generator"), Map.of(), GENERATOR);
        }
        slug = metadata.path("slug").asText();
        scan = metadata.path("scan").asText();
    }

    private void elements(JsonParser json, String list, Map<String, Type> required, Map<String, Type> optional)
            throws IOException {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            problem(list, "is no list");
            json.skipChildren();
            return;
        }
        for (int i = 0; json.nextToken() != JsonToken.END_ARRAY; i++) {
            fields(list + "[" + i + "]", VALUE.readTree(json), required, optional);
        }
    }

    /** Nodes by their names. */
    private void named(JsonParser json, String part) throws IOException {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            problem(part, "is no object");
            json.skipChildren();
            return;
        }
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            fields(part + "." + ErrorText.of(name), VALUE.readTree(json), NODE, NODE_MORE);
        }
    }

    private void fields(String where, JsonNode object, Map<String, Type> required, Map<String, Type> optional) {
        if (!object.isObject()) {
            problem(where, "is no object");
            return;
        }
        new TreeMap<>(required).forEach((field, type) -> {
            if (!object.has(field)) {
                problem(where, "has no " + field);
            } else {
                type(where + "." + field, object.get(field), type);
            }
        });
        new TreeMap<>(optional).forEach((field, type) -> {
            if (object.has(field)) {
                type(where + "." + field, object.get(field), type);
            }
        });
    }

    private void type(String where, JsonNode value, Type type) {
        if (!type.test.test(value)) {
            problem(
                    where,
                    "is not " + type.words + (value.isValueNode() ? " but " + ErrorText.of(value.toString()) : ""));
        }
    }

    private void problem(String where, String what) {
        if (problems.size() < MOST_PROBLEMS) {
            problems.add(where + " " + what);
        }
    }

    /** As JSON Schema has it: 2.0 is one too. */
    private static boolean isInteger(JsonNode value) {
        return value.isIntegralNumber()
                || value.isNumber()
                        && value.doubleValue() == Math.rint(value.doubleValue())
                        && !Double.isInfinite(value.doubleValue());
    }
}
