package dev.headwater.engine.document;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.LockFile;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The list of the graphs in a directory, {@code graph-metadata.json}: for each the metadata block of its file. Whoever
 * changes it holds the directory's {@link LockFile}, so that any number of processes may.
 */
public final class GraphIndex {
    public static final String FILE = "graph-metadata.json";

    private static final long MAX_BYTES = 256L << 20;

    private GraphIndex() {}

    /**
     * Replaces the entry with the same slug or adds one; other entries, and fields of the index that are not ours,
     * stay.
     *
     * @param metadata the metadata block of a graph file
     * @throws HeadwaterException if there is an index that cannot be understood; it is left as it is
     */
    public static void put(Path directory, ObjectNode metadata) {
        put(directory, List.of(metadata));
    }

    /** As above, for many graphs at once. */
    public static void put(Path directory, List<ObjectNode> metadata) {
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            enter(directory, metadata);
        }
    }

    private static void enter(Path directory, List<ObjectNode> metadata) {
        ObjectNode root = read(directory);
        ArrayNode graphs = graphs(directory, root);
        Map<String, Integer> places = new HashMap<>();
        for (int i = 0; i < graphs.size(); i++)
            places.putIfAbsent(graphs.get(i).path("slug").asText(), i);
        for (ObjectNode graph : metadata) {
            Integer place = places.putIfAbsent(graph.path("slug").asText(), graphs.size());
            if (place == null) graphs.add(graph);
            else graphs.set(place, graph);
        }
        AtomicJson.write(directory.resolve(FILE), (json, _) -> json.writeTree(root));
    }

    /**
     * Brings the index in step with the directory: entries of graphs that are gone go, graphs that lack get one, the
     * others keep theirs.
     *
     * @param slugs    of all graphs that are there
     * @param changed  one whose entry is made anew if it is there
     * @param metadata of a graph; empty if its file has none, and then it gets no entry
     * @throws HeadwaterException if there is an index that cannot be understood; it is left as it is
     */
    public static void reconcile(
            Path directory, Set<String> slugs, String changed, Function<String, Optional<ObjectNode>> metadata) {
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            bringInStep(directory, slugs, changed, metadata);
        }
    }

    private static void bringInStep(
            Path directory, Set<String> slugs, String changed, Function<String, Optional<ObjectNode>> metadata) {
        ObjectNode root = read(directory);
        ArrayNode graphs = graphs(directory, root);
        Set<String> lacking = new TreeSet<>(slugs);
        for (var entries = graphs.elements(); entries.hasNext(); ) {
            String slug = entries.next().path("slug").asText(null);
            if (slug != null && (slug.equals(changed) || !slugs.contains(slug))) entries.remove();
            else if (slug != null) lacking.remove(slug);
        }
        lacking.forEach(slug -> metadata.apply(slug).ifPresent(found -> graphs.add(found.put("slug", slug))));
        AtomicJson.write(directory.resolve(FILE), (json, _) -> json.writeTree(root));
    }

    /** Names of the graphs in the index, in its order. */
    public static Set<String> slugs(Path directory) {
        Set<String> slugs = new LinkedHashSet<>();
        graphs(directory, read(directory))
                .forEach(graph -> slugs.add(graph.path("slug").asText()));
        return slugs;
    }

    /**
     * Brings the entries with these names into this order, after all others; names without an entry are passed over.
     */
    public static void arrange(Path directory, List<String> slugs) {
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            order(directory, slugs);
        }
    }

    private static void order(Path directory, List<String> slugs) {
        ObjectNode root = read(directory);
        ArrayNode graphs = graphs(directory, root);
        Map<String, JsonNode> named = new HashMap<>();
        List<JsonNode> arranged = new ArrayList<>();
        Set<String> wanted = Set.copyOf(slugs);
        for (JsonNode graph : graphs) {
            String slug = graph.path("slug").asText();
            if (!wanted.contains(slug) || named.putIfAbsent(slug, graph) != null) arranged.add(graph);
        }
        slugs.stream().distinct().map(named::get).filter(Objects::nonNull).forEach(arranged::add);
        if (!named.isEmpty()) {
            graphs.removeAll();
            graphs.addAll(arranged);
            AtomicJson.write(directory.resolve(FILE), (json, _) -> json.writeTree(root));
        }
    }

    private static ObjectNode read(Path directory) {
        Path index = directory.resolve(FILE);
        return Files.exists(index, LinkOption.NOFOLLOW_LINKS)
                ? (ObjectNode) BoundedJson.read(index, MAX_BYTES)
                : BoundedJson.mapper().createObjectNode();
    }

    private static ArrayNode graphs(Path directory, ObjectNode root) {
        JsonNode present = root.path("graphs");
        if (!present.isArray() && !present.isMissingNode()) {
            throw new HeadwaterException("%s has no list of graphs under \"graphs\": repair or remove it."
                    .formatted(directory.resolve(FILE)));
        }
        return root.withArrayProperty("graphs");
    }
}
