package dev.headwater.engine.graph;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.weights.AtomicFile;
import dev.headwater.engine.weights.BoundedJson;
import dev.headwater.engine.weights.Quote;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** The list of the graphs in a directory, {@code graph-metadata.json}: for each the metadata block of its file. */
public final class GraphIndex {
    public static final String FILE = "graph-metadata.json";

    private static final Pattern SLUG = Pattern.compile("[a-zA-Z0-9_.-]{1,200}");
    private static final long MAX_BYTES = 256L << 20;

    private GraphIndex() {}

    /**
     * The file of the graph with this name.
     *
     * @throws UsageException if the name is not 1 to 200 letters, digits, dots, dashes or underscores, or is the index's own
     */
    public static Path file(Path directory, String slug) {
        if (!SLUG.matcher(slug).matches() || slug.matches("\\.+")) {
            throw new UsageException("'%s' cannot name a graph: use up to 200 letters, digits, dots, dashes and underscores."
                    .formatted(Quote.of(slug)));
        }
        String name = slug + ".json";
        if (name.equalsIgnoreCase(FILE)) {
            throw new UsageException("'%s' cannot name a graph: the index of the directory has that name.".formatted(slug));
        }
        return directory.resolve(name);
    }

    /**
     * Replaces the entry with the same slug or adds one; other entries, and fields of the index that are not ours, stay.
     *
     * @param metadata the metadata block of a graph file
     * @throws HeadwaterException if there is an index that cannot be understood; it is left as it is
     */
    public static synchronized void put(Path directory, ObjectNode metadata) {
        Path index = directory.resolve(FILE);
        ObjectNode root = Files.exists(index) ? (ObjectNode) BoundedJson.read(index, MAX_BYTES) : BoundedJson.mapper().createObjectNode();
        JsonNode present = root.path("graphs");
        if (!present.isArray() && !present.isMissingNode()) {
            throw new HeadwaterException("%s has no list of graphs under \"graphs\": repair or remove it.".formatted(index));
        }
        ArrayNode graphs = root.withArrayProperty("graphs");
        String slug = metadata.path("slug").asText();
        int place = 0;
        while (place < graphs.size() && !graphs.get(place).path("slug").asText().equals(slug)) place++;
        if (place < graphs.size()) graphs.set(place, metadata);
        else graphs.add(metadata);
        save(index, json -> json.writeTree(root));
    }

    /** Writes JSON. */
    @FunctionalInterface
    interface Content {
        void write(JsonGenerator json) throws IOException;
    }

    /** Writes a JSON file that appears whole or not at all. */
    static void save(Path file, Content content) {
        try (AtomicFile target = AtomicFile.create(file)) {
            var out = new BufferedOutputStream(Channels.newOutputStream(target.channel()), 1 << 16);
            JsonGenerator json = BoundedJson.mapper().createGenerator(out, JsonEncoding.UTF8);
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            try (json) {
                content.write(json);
            }
            out.flush();
            target.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }
}
