package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A graph file for front ends as it was read: ours, the public Python library's (both ways of naming errors) or
 * Neuronpedia's, schema versions 0 and 1. What we do not know of is kept and written back.
 *
 * @param rest          all fields of the file but {@code nodes} and {@code links}; {@code metadata} and {@code qParams}
 *      among them
 * @param danglingLinks links left out because one of their ends is not a node of the file
 */
public record GraphDocument(ObjectNode rest, List<DocumentNode> nodes, List<Link> links, int danglingLinks) {
    /**
     * An edge between nodes of the document.
     *
     * @param source index in {@link #nodes}
     * @param target index in {@link #nodes}
     * @param weight direct effect, signed
     * @param extra  fields beyond these, null if none
     */
    public record Link(
            int source, int target, double weight, @Nullable ObjectNode extra) {}

    /**
     * Reads a graph file.
     *
     * @throws HeadwaterException if the file is missing, too large, or no graph
     */
    public static GraphDocument read(Path file) {
        Reader reader = new Reader(file.toString(), true);
        GraphReader.read(file, reader);
        return reader.document();
    }

    /**
     * Reads a graph file.
     *
     * @param file closed in the end
     * @param name for messages
     * @throws HeadwaterException likewise
     */
    public static GraphDocument read(InputStream file, String name) {
        return read(file, name, true);
    }

    /**
     * Reads a graph's file without its links, so that they take no memory.
     *
     * @param file closed in the end
     * @param name for messages
     * @throws HeadwaterException likewise
     */
    public static GraphDocument readNodes(InputStream file, String name) {
        return read(file, name, false);
    }

    private static GraphDocument read(InputStream file, String name, boolean links) {
        Reader reader = new Reader(name, links);
        GraphReader.read(() -> file, name, reader);
        return reader.document();
    }

    /** {@return the file's {@code metadata}, live: changes are written with the document} */
    public ObjectNode metadata() {
        return (ObjectNode) rest.get("metadata");
    }

    /** {@return the file's {@code qParams} (pins, supernodes, clicked node), live} */
    public ObjectNode qParams() {
        return (ObjectNode) rest.get("qParams");
    }

    /** {@return the name that the file gives itself; empty if none} */
    public String slug() {
        return metadata().path("slug").asText();
    }

    /** Writes the document; the file appears whole or not at all. */
    public void write(Path file) {
        AtomicJson.write(file, (json, _) -> {
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
    private static final class Reader implements GraphReader.Visitor {
        private record RawLink(
                String source,
                String target,
                double weight,
                @Nullable ObjectNode extra) {}

        private final String file;
        private final boolean withLinks;
        private final GraphReader.Values values = new GraphReader.Values();
        private final ObjectNode rest = BoundedJson.mapper().createObjectNode();
        private final List<JsonNode> rawNodes = new ArrayList<>();
        private final List<RawLink> rawLinks = new ArrayList<>();
        private final Map<String, String> names = new HashMap<>();
        private boolean nodesSeen;
        private boolean linksSeen;

        Reader(String file, boolean withLinks) {
            this.file = file;
            this.withLinks = withLinks;
        }

        @Override
        public boolean member(String name, JsonParser json) throws IOException {
            switch (name) {
                case "nodes" -> {
                    nodesSeen = GraphReader.elements(json, _ -> addNode(json));
                    require(nodesSeen, "has \"nodes\" that are no list");
                }
                case "links" -> {
                    require(json.currentToken() == JsonToken.START_ARRAY, "has \"links\" that are no list");
                    linksSeen = true;
                    if (withLinks) {
                        GraphReader.elements(json, _ -> addLink(json));
                    } else {
                        json.skipChildren();
                    }
                }
                default -> rest.set(name, values.read(json));
            }
            return true;
        }

        GraphDocument document() {
            require(
                    nodesSeen && linksSeen && rest.path("metadata").isObject(),
                    "is no graph file: it needs \"metadata\", \"nodes\" and \"links\"");
            if (!rest.has("qParams")) rest.putObject("qParams");
            require(rest.get("qParams").isObject(), "has \"qParams\" that are no object");
            return resolve();
        }

        private void require(boolean holds, String otherwise) {
            if (!holds) throw bad(otherwise);
        }

        private void addNode(JsonParser json) throws IOException {
            if (rawNodes.size() == GraphLimits.NODES) throw bad("has more than %d nodes".formatted(GraphLimits.NODES));
            rawNodes.add(values.read(json));
        }

        private void addLink(JsonParser json) throws IOException {
            if (rawLinks.size() == GraphLimits.LINKS) throw bad("has more than %d links".formatted(GraphLimits.LINKS));
            rawLinks.add(link(json));
        }

        private RawLink link(JsonParser json) throws IOException {
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
                    extra.set(field, values.read(json));
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
            if (names.size() > 2 * GraphLimits.NODES)
                throw bad("has links between more than %d nodes".formatted(2 * GraphLimits.NODES));
            return known == null ? name : known;
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
                nodes.add(withLinks ? node : node.withoutJson());
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
