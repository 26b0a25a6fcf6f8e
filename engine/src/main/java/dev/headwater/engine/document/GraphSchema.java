package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Says whether a file is a graph: by the rules of Neuronpedia's schema of attribution graphs, version 1.0.0 (fields
 * that have to be there and types of those that are known; what the schema does not name may be there too), and by what
 * every reader relies on: numbers that are finite, ids that are unique, positions within the prompt, links that lead
 * somewhere, sizes within {@link GraphLimits}.
 */
public final class GraphSchema {
    /** Who will read the file. */
    public enum Reader {
        /** Our own explorer, which does without some fields of the schema. */
        EXPLORER,
        /** Neuronpedia. */
        SITE
    }

    private static final int MOST_PROBLEMS = 20;

    /** What a field holds, in words, and the test of it. */
    private record Type(String words, Predicate<JsonNode> test) {
        static final Type TEXT = new Type("text", JsonNode::isTextual);
        static final Type NUMBER = new Type("a finite number", Type::isFinite);
        static final Type INTEGER = new Type("an integer", Type::isInteger);
        static final Type TRUTH = new Type("true or false", JsonNode::isBoolean);
        static final Type SHARE = new Type(
                "a share from 0 to 1",
                value -> isFinite(value) && value.doubleValue() >= 0 && value.doubleValue() <= 1);
        static final Type COUNT =
                new Type("an integer that is not negative", value -> isInteger(value) && value.doubleValue() >= 0);
        static final Type OBJECT = new Type("an object", JsonNode::isObject);
        static final Type LIST = new Type("a list", JsonNode::isArray);
        static final Type TEXTS = new Type(
                "a list of texts",
                value -> value.isArray() && value.valueStream().allMatch(JsonNode::isTextual));

        Type or(Type other) {
            return new Type(words + " or " + other.words, test.or(other.test));
        }

        Type orNull() {
            return or(new Type("null", JsonNode::isNull));
        }

        private static boolean isFinite(JsonNode value) {
            return value.isNumber() && Double.isFinite(value.doubleValue());
        }

        /** As JSON Schema has it: 2.0 is one too. */
        private static boolean isInteger(JsonNode value) {
            return value.isIntegralNumber() || isFinite(value) && value.doubleValue() == Math.rint(value.doubleValue());
        }
    }

    private static final Type TRACING =
            new Type("QK results: lists of [name, name, number] and [name, number]", QkTracing::isSound);

    private static final Map<String, Type> METADATA =
            sorted("slug", Type.TEXT, "scan", Type.TEXT, "prompt_tokens", Type.TEXTS, "prompt", Type.TEXT);
    private static final Map<String, Type> METADATA_MORE = sorted(
            "feature_details", Type.OBJECT,
            "node_threshold", Type.NUMBER,
            "info", Type.OBJECT,
            "generation_settings", Type.OBJECT,
            "pruning_settings", Type.OBJECT);
    private static final Map<String, Map<String, Type>> METADATA_PARTS = new TreeMap<>(Map.of(
            "feature_details",
            sorted(
                    "feature_json_base_url", Type.TEXT,
                    "neuronpedia_source_set", Type.TEXT,
                    "neuronpedia_lorsa_source_set", Type.TEXT),
            "info",
            sorted(
                    "description", Type.TEXT,
                    "creator_name", Type.TEXT,
                    "creator_url", Type.TEXT,
                    "source_urls", Type.LIST,
                    "generator", Type.OBJECT,
                    "create_time_ms", Type.NUMBER),
            "generation_settings",
            sorted(
                    "max_n_logits", Type.INTEGER,
                    "desired_logit_prob", Type.NUMBER,
                    "batch_size", Type.INTEGER,
                    "max_feature_nodes", Type.INTEGER,
                    "enable_qk_tracing", Type.TRUTH,
                    "qk_top_fraction", Type.SHARE,
                    "qk_topk", Type.COUNT),
            "pruning_settings",
            sorted("node_threshold", Type.NUMBER, "edge_threshold", Type.NUMBER)));
    private static final Map<String, Type> GENERATOR =
            sorted("name", Type.TEXT, "version", Type.TEXT, "url", Type.TEXT, "email", Type.TEXT);
    private static final Map<String, Type> PARAMETERS = sorted(
            "pinnedIds", Type.TEXTS,
            "supernodes", Type.LIST,
            "linkType", Type.TEXT,
            "clickedId", Type.TEXT,
            "sg_pos", Type.TEXT);
    private static final Map<String, Type> NODE = sorted(
            "node_id", Type.TEXT,
            "feature", Type.INTEGER.orNull(),
            "layer", Type.TEXT.or(Type.INTEGER),
            "ctx_idx", Type.INTEGER,
            "feature_type", Type.TEXT,
            "clerp", Type.TEXT);
    private static final Map<String, Type> NODE_OF_SITE = sorted("jsNodeId", Type.TEXT);
    private static final Map<String, Type> NODE_MORE = sorted(
            "influence",
            Type.NUMBER.orNull(),
            "activation",
            Type.NUMBER.orNull(),
            "token_prob",
            Type.NUMBER.orNull(),
            AttentionBlock.NODE_FIELD,
            TRACING.orNull());
    private static final Map<String, Type> LINK =
            sorted("source", Type.TEXT, "target", Type.TEXT, "weight", Type.NUMBER);

    /** Names and their types in turn; in the order of names, so that the first problem is the same each time. */
    private static Map<String, Type> sorted(Object... entries) {
        Map<String, Type> sorted = new TreeMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            sorted.put((String) entries[i], (Type) entries[i + 1]);
        }
        return sorted;
    }

    private final Reader reader;
    private final GraphReader.Values values = new GraphReader.Values();
    private final List<String> problems = new ArrayList<>();
    private final Set<String> missing = new LinkedHashSet<>();
    /** Ids of nodes; whether they are errors. */
    private final Map<String, Boolean> ids = new HashMap<>();

    private JsonNode metadata = MissingNode.getInstance();

    private GraphSchema(Reader reader) {
        this.reader = reader;
        missing.addAll(
                reader == Reader.SITE
                        ? List.of("metadata", "qParams", "nodes", "links")
                        : List.of("metadata", "nodes", "links"));
    }

    /**
     * What a file says of itself, and what is wrong with it.
     *
     * @param metadata its block of that name, an empty object if there is none
     * @param problems each a place and a rule that it breaks, the first twenty; empty if the file is valid
     */
    public record Verdict(JsonNode metadata, List<String> problems) {
        /** {@return the name that the file gives itself; empty if none} */
        public String slug() {
            return metadata.path("slug").asText();
        }

        /** {@return the scan that its features belong to; empty if none} */
        public String scan() {
            return metadata.path("scan").asText();
        }

        /** {@return whether nothing was found} */
        public boolean isValid() {
            return problems.isEmpty();
        }
    }

    /**
     * Reads a graph file, an element at a time: once for what stands in it, then, if that is in order, for where links
     * lead.
     *
     * @throws HeadwaterException if the file is missing, too large or not JSON
     */
    public static Verdict check(Path file, Reader reader) {
        return check(file, file.toString(), reader);
    }

    /** @param name of the file in messages */
    public static Verdict check(Path file, String name, Reader reader) {
        GraphSchema schema = new GraphSchema(reader);
        GraphReader.Source source = GraphReader.source(file);
        GraphReader.read(source, name, schema::part);
        schema.missing.forEach(part -> schema.problem("the file", "has no " + part));
        if (schema.problems.isEmpty()) {
            if (reader == Reader.EXPLORER) {
                GraphReader.read(source, name, schema::positions);
            }
            GraphReader.read(source, name, schema::links);
        }
        return new Verdict(schema.metadata, List.copyOf(schema.problems));
    }

    private boolean part(String name, JsonParser json) throws IOException {
        missing.remove(name);
        switch (name) {
            case "metadata" -> metadata(values.read(json));
            case "qParams" -> fields(name, values.read(json), Map.of(), PARAMETERS);
            case "nodes" -> elements(json, name, GraphLimits.NODES, this::node);
            case "links" -> elements(json, name, GraphLimits.LINKS, this::link);
            case AttentionBlock.ONLY_FIELD -> named(json, name);
            default -> json.skipChildren();
        }
        return true;
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
            fields(part + "." + ErrorText.of(name), values.read(json), NODE, NODE_MORE);
        }
    }

    private void metadata(JsonNode block) {
        metadata = block;
        fields("metadata", metadata, METADATA, METADATA_MORE);
        METADATA_PARTS.forEach((part, types) -> {
            if (metadata.path(part).isObject()) {
                fields("metadata." + part, metadata.get(part), Map.of(), types);
            }
        });
        if (metadata.at("/info/generator").isObject()) {
            fields("metadata.info.generator", metadata.at("/info/generator"), Map.of(), GENERATOR);
        }
    }

    /** Checks one element. */
    private interface Check {
        void of(String where, JsonNode element);
    }

    private void elements(JsonParser json, String list, int most, Check check) throws IOException {
        // Each with a count of its own: links are many, and kept by nobody.
        boolean isList = GraphReader.elements(json, i -> {
            if (i >= most) {
                throw new HeadwaterException("The file has more than %d %s.".formatted(most, list));
            }
            check.of(list + "[" + i + "]", new GraphReader.Values().read(json));
        });
        if (!isList) {
            problem(list, "is no list");
        }
    }

    private void node(String where, JsonNode node) {
        if (!fields(where, node, NODE, NODE_MORE)
                || reader == Reader.SITE && !fields(where, node, NODE_OF_SITE, Map.of())) {
            return;
        }
        String id = node.get("node_id").textValue();
        if (id.isEmpty() || id.length() > GraphLimits.ID) {
            problem(where, "has a node_id that is empty or too long");
            return;
        }
        boolean error = node.get("feature_type").textValue().contains("error");
        Boolean before = ids.put(id, error);
        // Early graph files name an error node like a feature of layer 0; readers tell them apart by their type.
        if (before != null && before == error) {
            problem(where, "has the node_id \"" + ErrorText.of(id) + "\", which is there twice");
        }
    }

    private void link(String where, JsonNode link) {
        fields(where, link, LINK, Map.of());
    }

    /** In a second pass, as the prompt may stand behind the nodes. */
    private boolean positions(String name, JsonParser json) throws IOException {
        if (!name.equals("nodes")) {
            json.skipChildren();
            return true;
        }
        int tokens = metadata.path("prompt_tokens").size();
        elements(json, name, GraphLimits.NODES, (where, node) -> {
            double position = node.path("ctx_idx").doubleValue();
            if (!(position >= 0 && position < Math.max(tokens, 1))) {
                problem(
                        where + ".ctx_idx",
                        "is %s, outside the %d tokens of the prompt"
                                .formatted(ErrorText.of(node.path("ctx_idx").asText()), tokens));
            }
        });
        return false;
    }

    /** In a second pass, as links may stand in front of the nodes. */
    private boolean links(String name, JsonParser json) throws IOException {
        if (!name.equals("links")) {
            json.skipChildren();
            return true;
        }
        GraphReader.elements(json, i -> {
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                JsonToken value = json.nextToken();
                if ((field.equals("source") || field.equals("target"))
                        && value == JsonToken.VALUE_STRING
                        && !ids.containsKey(json.getText())) {
                    problem("links[" + i + "]." + field, "names a node that is not there");
                }
                json.skipChildren();
            }
        });
        return false;
    }

    /** Whether all of them are as they have to be. */
    private boolean fields(String where, JsonNode object, Map<String, Type> required, Map<String, Type> optional) {
        if (!object.isObject()) {
            problem(where, "is no object");
            return false;
        }
        boolean[] good = {true};
        required.forEach((field, type) -> {
            if (!object.has(field)) {
                problem(where, "has no " + field);
                good[0] = false;
            } else {
                good[0] &= type(where + "." + field, object.get(field), type);
            }
        });
        optional.forEach((field, type) -> {
            if (object.has(field)) {
                good[0] &= type(where + "." + field, object.get(field), type);
            }
        });
        return good[0];
    }

    private boolean type(String where, JsonNode value, Type type) {
        boolean good = type.test.test(value);
        if (!good) {
            problem(
                    where,
                    "is not " + type.words + (value.isValueNode() ? " but " + ErrorText.of(value.toString()) : ""));
        }
        return good;
    }

    private void problem(String where, String what) {
        if (problems.size() < MOST_PROBLEMS) {
            problems.add(where + " " + what);
        }
    }
}
