package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A graph that is written again keeps what people added to it; a graph of something else is not written over it. */
class KeptAnnotationsTest {
    private static final String ANNOTATED = """
            {"pinnedIds": ["a", "b", "c"], "supernodes": [["one", "b", "a"], ["two", "c"]], "clerps": "[[\\"k\\",\\"name\\"]]",
             "linkType": "both", "clickedId": "c", "sg_pos": "", "theirs": [1.50],
             "headwater": {"colours": {"b": "red", "c": "blue"}, "places": {"a": [1, 2], "b": [3, 4]}, "more": 1}}""";

    @TempDir
    Path directory;

    private static ObjectNode object(String json) throws IOException {
        return (ObjectNode) new ObjectMapper().readTree(json);
    }

    @Test
    void whatIsOfNodesThatAreGoneWaitsForThem() throws IOException {
        ObjectNode fewer = KeptAnnotations.of(object(ANNOTATED), Set.of("a")::contains);
        assertEquals(object("""
                {"pinnedIds": ["a"], "supernodes": [["one", "a"]], "clerps": "[[\\"k\\",\\"name\\"]]", "linkType": "both",
                 "clickedId": "", "sg_pos": "", "theirs": [1.50],
                 "headwater": {"colours": {"a": "red"}, "places": {"a": [1, 2]}, "more": 1},
                 "headwaterAbsent": {"pinnedIds": ["b", "c"], "supernodes": [["one", "b"], ["two", "c"]],
                  "places": {"b": [3, 4]}, "colours": {"b": "red", "c": "blue"}}}"""), fewer);
        JsonNode all = KeptAnnotations.of(fewer, _ -> true);
        assertEquals(object("{\"p\": [\"a\", \"b\", \"c\"]}").get("p"), all.get("pinnedIds"));
        assertEquals(
                object("{\"s\": [[\"one\", \"a\", \"b\"], [\"two\", \"c\"]]}").get("s"), all.get("supernodes"));
        assertEquals(object("{\"a\": [1, 2], \"b\": [3, 4]}"), all.at("/headwater/places"));
        assertTrue(all.path("headwaterAbsent").isMissingNode());
    }

    @Test
    void textsThatHoldListsAndNonsenseAreUnderstoodOrDropped() throws IOException {
        ObjectNode kept = KeptAnnotations.of(object("""
                {"pinnedIds": "a,b,a", "supernodes": "[[\\"g\\",\\"a\\"]]", "headwater": [], "headwaterAbsent": 7}"""), Set.of("a")::contains);
        assertEquals(object("{\"p\": [\"a\"]}").get("p"), kept.get("pinnedIds"));
        assertEquals(object("{\"s\": [[\"g\", \"a\"]]}").get("s"), kept.get("supernodes"));
        assertEquals(object("{\"p\": [\"b\"]}").get("p"), kept.at("/headwaterAbsent/pinnedIds"));
        KeptAnnotations.of(object("{\"pinnedIds\": 3, \"supernodes\": [3, [], {}]}"), _ -> true);
    }

    private static void annotate(Path file) throws IOException {
        ObjectNode graph = object(Files.readString(file));
        graph.set(
                "qParams",
                object("{\"pinnedIds\": [\"0_100_0\", \"9_9_9\"], \"supernodes\": [[\"mine\", \"0_100_0\"]]}"));
        ((ObjectNode) graph.at("/nodes/0")).put("clerp", "by hand");
        Files.writeString(file, graph.toString());
    }

    private Path write(AttributionGraph graph, boolean numbered, GraphJson.Labels labels) {
        return GraphJson.write(
                graph, Pruning.of(graph, 1, 1), new GraphJson.Options("g", numbered, labels, Map.of()), directory);
    }

    @Test
    void theSamePromptKeepsThem() throws IOException {
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            annotate(write(graph, false, GraphJson.Labels.NONE));
            Path again = write(graph, true, GraphJson.Labels.NONE);
            assertEquals(directory.resolve("g.json"), again);
            GraphDocument document = GraphDocument.read(again);
            assertEquals(
                    object("{\"p\": [\"0_100_0\"]}").get("p"),
                    document.qParams().get("pinnedIds"));
            assertEquals("mine", document.qParams().at("/supernodes/0/0").asText());
            assertEquals("by hand", document.nodes().getFirst().label());
            assertEquals(
                    "9_9_9",
                    document.qParams().at("/headwaterAbsent/pinnedIds/0").asText());
            write(graph, true, (_, _) -> "newer");
            assertEquals("newer", GraphDocument.read(again).nodes().getFirst().label());
        }
    }

    @Test
    void anotherGraphGetsANumberOrARefusal() throws IOException {
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            AttributionGraph other = new AttributionGraph(
                    new Prompt("A\n\"b\"", new int[] {1, 7}, List.of("A\n", "\"b\"")),
                    2,
                    16,
                    graph.active(),
                    graph.selected(),
                    graph.targets(),
                    graph.edges(),
                    graph.provenance());
            Path first = write(graph, true, GraphJson.Labels.NONE);
            annotate(first);
            String before = Files.readString(first);
            assertThrows(HeadwaterException.class, () -> write(other, false, GraphJson.Labels.NONE));
            assertEquals(directory.resolve("g-2.json"), write(other, true, GraphJson.Labels.NONE));
            assertEquals(directory.resolve("g-2.json"), write(other, true, GraphJson.Labels.NONE));
            assertEquals(before, Files.readString(first));
            Path foreign = Files.writeString(directory.resolve("h.json"), "{\"my\": \"notes\"}");
            var options = new GraphJson.Options("h", true, GraphJson.Labels.NONE, Map.of());
            assertEquals(
                    directory.resolve("h-2.json"), GraphJson.write(graph, Pruning.of(graph, 1, 1), options, directory));
            assertEquals("{\"my\": \"notes\"}", Files.readString(foreign));
            assertEquals(List.of("g", "g-2", "h-2"), List.copyOf(GraphIndex.slugs(directory)));
        }
    }
}
