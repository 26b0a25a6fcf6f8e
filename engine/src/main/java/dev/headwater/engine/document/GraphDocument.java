package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A graph file for front ends as it was read: ours, the public Python library's (both ways of naming errors) or
 * Neuronpedia's,
 * schema versions 0 and 1. What we do not know of is kept and written back.
 *
 * @param rest          all fields of the file but {@code nodes} and {@code links}; {@code metadata} and {@code qParams}
 *      among them
 * @param danglingLinks links left out because one of their ends is not a node of the file
 */
public record GraphDocument(ObjectNode rest, List<DocumentNode> nodes, List<Link> links, int danglingLinks) {
    private static final long MAX_BYTES = 1L << 30;
    private static final int MAX_NODES = 500_000;
    private static final int MAX_LINKS = 20_000_000;
    /** JSON values other than the ends and weights of links. */
    private static final int MAX_VALUES = 10_000_000;

    /**
     * An edge between nodes of the document.
     *
     * @param source index in {@link #nodes}
     * @param target index in {@link #nodes}
     * @param weight direct effect, signed
     * @param extra  fields beyond these, null if none
     */
    public record Link(int source, int target, double weight, ObjectNode extra) {}

    /**
     * Reads a graph file.
     *
     * @throws HeadwaterException if the file is missing, too large, or no graph
     */
    public static GraphDocument read(Path file) {
        if (!Files.isRegularFile(file)) throw new HeadwaterException("There is no graph file %s.".formatted(file));
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new HeadwaterException("%s is too large for a graph file: %d bytes, at most %d are read."
                        .formatted(file, size, MAX_BYTES));
            }
            try (JsonParser json = BoundedJson.mapper().createParser(file.toFile())) {
                return new Reader(file, json).document();
            }
        } catch (JsonProcessingException e) {
            throw new HeadwaterException("%s is not valid JSON%s".formatted(file, BoundedJson.where(e)), e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    public ObjectNode metadata() {
        return (ObjectNode) rest.get("metadata");
    }

    public ObjectNode qParams() {
        return (ObjectNode) rest.get("qParams");
    }

    public String slug() {
        return metadata().path("slug").asText();
    }

    /** Writes the document; the file appears whole or not at all. */
    public void write(Path file) {
        GraphIndex.save(file, (json, _) -> {
            json.writeStartObject();
            for (Map.Entry<String, JsonNode> field : rest.properties()) {
                json.writeFieldName(field.getKey());
                json.writeTree(field.getValue());
            }
            json.writeArrayFieldStart("nodes");
            for (DocumentNode node : nodes) json.writeTree(node.json());
            json.writeEndArray();
            json.writeArrayFieldStart("links");
            for (Link link : links) {
                json.writeStartObject();
                json.writeStringField("source", nodes.get(link.source).id());
                json.writeStringField("target", nodes.get(link.target).id());
                json.writeNumberField("weight", link.weight);
                if (link.extra != null) {
                    for (Map.Entry<String, JsonNode> field : link.extra.properties()) {
                        json.writeFieldName(field.getKey());
                        json.writeTree(field.getValue());
                    }
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        });
    }

    /** Takes a file apart, nodes and links one at a time. */
    private static final class Reader {
        private static final ObjectReader SCALAR =
                BoundedJson.mapper().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

        private record RawLink(String source, String target, double weight, ObjectNode extra) {}

        private final Path file;
        private final JsonParser json;
        private final ObjectNode rest = BoundedJson.mapper().createObjectNode();
        private final List<JsonNode> rawNodes = new ArrayList<>();
        private final List<RawLink> rawLinks = new ArrayList<>();
        private final Map<String, String> names = new HashMap<>();
        private int values;

        Reader(Path file, JsonParser json) {
            this.file = file;
            this.json = json;
        }

        GraphDocument document() throws IOException {
            if (json.nextToken() != JsonToken.START_OBJECT) throw bad("holds no JSON object");
            boolean nodesSeen = false;
            boolean linksSeen = false;
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "nodes" -> {
                        nodesSeen = true;
                        readNodes();
                    }
                    case "links" -> {
                        linksSeen = true;
                        readLinks();
                    }
                    default -> rest.set(field, value());
                }
            }
            if (json.nextToken() != null) throw bad("goes on after its end");
            if (!nodesSeen || !linksSeen || !rest.path("metadata").isObject()) {
                throw bad("is no graph file: it needs \"metadata\", \"nodes\" and \"links\"");
            }
            if (!rest.has("qParams")) rest.putObject("qParams");
            if (!rest.get("qParams").isObject()) throw bad("has \"qParams\" that are no object");
            return resolve();
        }

        private void readNodes() throws IOException {
            requireArray("nodes");
            while (json.nextToken() != JsonToken.END_ARRAY) {
                if (rawNodes.size() == MAX_NODES) throw bad("has more than %d nodes".formatted(MAX_NODES));
                rawNodes.add(value());
            }
        }

        private void readLinks() throws IOException {
            requireArray("links");
            while (json.nextToken() != JsonToken.END_ARRAY) {
                if (rawLinks.size() == MAX_LINKS) throw bad("has more than %d links".formatted(MAX_LINKS));
                rawLinks.add(link());
            }
        }

        private RawLink link() throws IOException {
            String source = null;
            String target = null;
            double weight = Double.NaN;
            ObjectNode extra = null;
            for (String field = json.isExpectedStartObjectToken() ? json.nextFieldName() : null;
                    field != null;
                    field = json.nextFieldName()) {
                JsonToken token = json.nextToken();
                if (field.equals("source") && token == JsonToken.VALUE_STRING) {
                    source = name(json.getText());
                } else if (field.equals("target") && token == JsonToken.VALUE_STRING) {
                    target = name(json.getText());
                } else if (field.equals("weight") && token.isNumeric()) {
                    weight = json.getDoubleValue();
                } else {
                    if (extra == null) extra = BoundedJson.mapper().createObjectNode();
                    extra.set(field, value());
                }
            }
            if (source == null || target == null || !Double.isFinite(weight)) {
                throw bad("has a link (number %d) without the names of its source and target and a finite weight"
                        .formatted(rawLinks.size()));
            }
            return new RawLink(source, target, weight, extra);
        }

        /** The same string for the same name, as each occurs in many links. */
        private String name(String name) {
            String known = names.putIfAbsent(name, name);
            if (names.size() > 2 * MAX_NODES)
                throw bad("has links between more than %d nodes".formatted(2 * MAX_NODES));
            return known == null ? name : known;
        }

        /** The value at the current token, counted, as a small file may hold very many. */
        private JsonNode value() throws IOException {
            if (++values > MAX_VALUES) throw bad("holds more than %d values".formatted(MAX_VALUES));
            if (json.isExpectedStartObjectToken()) {
                ObjectNode object = BoundedJson.mapper().createObjectNode();
                for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                    json.nextToken();
                    object.set(field, value());
                }
                return object;
            }
            if (json.isExpectedStartArrayToken()) {
                ArrayNode array = BoundedJson.mapper().createArrayNode();
                while (json.nextToken() != JsonToken.END_ARRAY) array.add(value());
                return array;
            }
            return SCALAR.readTree(json);
        }

        private void requireArray(String field) {
            if (json.currentToken() != JsonToken.START_ARRAY) throw bad("has \"%s\" that are no list".formatted(field));
        }

        private GraphDocument resolve() {
            int version = rest.get("metadata").path("schema_version").asInt(0);
            var nodes = new ArrayList<DocumentNode>(rawNodes.size());
            var indices = new HashMap<String, Integer>();
            for (JsonNode raw : rawNodes) {
                DocumentNode node;
                try {
                    node = DocumentNode.of(raw, version);
                } catch (IllegalArgumentException e) {
                    throw bad("has a node (number %d) that %s".formatted(nodes.size(), e.getMessage()));
                }
                Integer other = indices.putIfAbsent(node.id(), nodes.size());
                if (other != null && (node.kind() == nodes.get(other).kind())) {
                    throw bad("has two nodes named '%s'".formatted(ErrorText.of(node.id())));
                }
                nodes.add(node);
            }
            var links = new ArrayList<Link>(rawLinks.size());
            int dangling = 0;
            for (RawLink raw : rawLinks) {
                Integer source = indices.get(raw.source);
                Integer target = indices.get(raw.target);
                if (source == null || target == null) dangling++;
                else links.add(new Link(source, target, raw.weight, raw.extra));
            }
            return new GraphDocument(rest, nodes, links, dangling);
        }

        private HeadwaterException bad(String what) {
            return new HeadwaterException("%s %s.".formatted(file, what));
        }
    }
}
