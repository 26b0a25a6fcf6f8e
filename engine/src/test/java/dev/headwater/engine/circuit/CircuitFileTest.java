package dev.headwater.engine.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.circuit.Alignment.By;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphSchema;
import dev.headwater.engine.document.PlainGraph;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A merged circuit as a graph's file, and files that are no graphs of a set. */
class CircuitFileTest {
    @TempDir
    private Path directory;

    /** Writes {@code merged.json} and reads it as others do. */
    static void check(MergedCircuit circuit, Path directory) {
        Path file = directory.resolve("merged.json");
        CircuitFile.write(circuit, file, Map.of());
        CircuitFile.write(circuit, file, Map.of()); // over itself
        for (GraphSchema.Reader reader : GraphSchema.Reader.values()) {
            assertEquals(List.of(), GraphSchema.check(file, reader).problems());
        }
        GraphDocument document = GraphDocument.read(file);
        assertEquals(0, document.danglingLinks());
        assertEquals(circuit.nodes().size(), document.nodes().size());
        String prompt = document.metadata().get("prompt").asText();
        assertTrue(prompt.matches("<bos>The capital of…{1,3} is"), prompt);
        for (int i = 0; i < circuit.nodes().size(); i++) {
            MergedCircuit.Node node = circuit.nodes().get(i);
            DocumentNode written = document.nodes().get(i);
            assertEquals(node.member().kind(), written.kind());
            if (node.member().ofFeature()) {
                assertEquals(node.member().layer(), written.layer());
                assertEquals(node.member().feature(), written.feature());
                assertEquals(node.activation().mean(), written.activation());
            }
        }
        try (PlainGraph graph = PlainGraph.of("merged", document)) {
            assertNull(graph.tokens(), "its prompt is nobody's");
            assertTrue(graph.influence().length > 0, "it has no cycle");
        }
        JsonNode block = document.rest().get(CircuitFile.FIELD);
        assertEquals(circuit.graphs().size(), block.get("graphs").size());
        for (int i = 0; i < circuit.edges().size(); i++) {
            MergedCircuit.Edge edge = circuit.edges().get(i);
            assertEquals(edge.weight().mean(), document.links().get(i).weight());
            assertEquals(
                    document.nodes().get(edge.source()).id(),
                    block.at("/edges/" + i + "/source").asText());
            assertEquals(
                    CircuitFile.ranges(edge.in()),
                    block.at("/edges/" + i + "/graphs").asText());
        }
    }

    @Test
    void everyWayToCountGivesAFileThatKeepsToTheSchema() {
        Random random = new Random(3);
        for (int i = 0; i < 5; i++) {
            FamilyGraphs.random(random).write(directory.resolve("set"), "g" + i);
        }
        GraphSet set = GraphSet.open(directory.resolve("set"), _ -> {}, Progress.NONE);
        for (By by : By.values()) {
            Path file = directory.resolve(by + ".json");
            CircuitFile.write(
                    MergedCircuit.of(set, set.alignment(by), 0.3, 1000, Progress.NONE),
                    file,
                    Map.of("feature_json_base_url", "x"));
            assertEquals(
                    List.of(), GraphSchema.check(file, GraphSchema.Reader.SITE).problems());
            assertEquals(
                    List.of(),
                    GraphSchema.check(file, GraphSchema.Reader.EXPLORER).problems());
        }
    }

    @Test
    void ranges() {
        assertEquals("", CircuitFile.ranges(List.of()));
        assertEquals("0-2,4,7-8", CircuitFile.ranges(List.of(0, 1, 2, 4, 7, 8)));
        assertEquals("1000-1001", CircuitFile.ranges(List.of(1000, 1001)));
    }

    @Test
    void namesAndFilesOfOthers() throws IOException {
        assertThrows(UsageException.class, () -> CircuitFile.check(Path.of("circuit.safetensors")));
        assertThrows(UsageException.class, () -> CircuitFile.check(Path.of("graph-metadata.json")));
        assertEquals("new", CircuitFile.check(directory.resolve("new.json")));
        Path graph = FamilyGraphs.random(new Random(1)).write(directory, "graph");
        byte[] before = Files.readAllBytes(graph);
        refused(() -> CircuitFile.check(graph), "no circuit of many prompts");
        assertTrue(java.util.Arrays.equals(before, Files.readAllBytes(graph)));
    }

    private static void refused(org.junit.jupiter.api.function.Executable work, String sentence) {
        String message = assertThrows(HeadwaterException.class, work).getMessage();
        assertTrue(message.contains(sentence), message);
    }

    /** A set with one graph more, changed. */
    private void refused(String name, String sentence, Consumer<ObjectNode> change) {
        Path set = directory.resolve(name);
        FamilyGraphs.random(new Random(1)).write(set, "a");
        FamilyGraphs.Made graph = FamilyGraphs.random(new Random(2));
        change.accept(graph.json());
        graph.write(set, "b");
        refused(
                () -> {
                    GraphSet opened = GraphSet.open(set, _ -> {}, Progress.NONE);
                    MergedCircuit.of(opened, opened.alignment(By.ROLE), 0.5, 10, Progress.NONE);
                },
                sentence);
    }

    private static ObjectNode at(ObjectNode graph, String pointer) {
        return (ObjectNode) graph.at(pointer);
    }

    @Test
    void whatIsNoSetIsRefusedInASentence() throws IOException {
        refused(() -> GraphSet.open(directory.resolve("nowhere"), _ -> {}, Progress.NONE), "is not there");
        Files.createDirectory(directory.resolve("empty"));
        Files.writeString(directory.resolve("empty/graph-metadata.json"), "{}");
        refused(() -> GraphSet.open(directory.resolve("empty"), _ -> {}, Progress.NONE), "has no graphs in it");
        refused(
                () -> GraphSet.open(directory.resolve("empty/graph-metadata.json"), _ -> {}, Progress.NONE),
                "is no directory");
        refused(
                "other",
                "b.json of model made, transcoders other",
                json -> at(json, "/metadata/info").put("transcoder_set", "other"));
        refused(
                "untold",
                "does not say which tokens",
                json -> at(json, "/metadata").remove("prompt_tokens"));
        refused("outside", "outside its prompt", json -> at(json, "/nodes/1").put("ctx_idx", 1 << 30));
        refused("twice", "in two nodes", json -> at(json, "/nodes/1").put("ctx_idx", 0));
        refused("cycle", "b.json: The edges of the graph form a cycle", json -> {
            String up = json.at("/links/0/target").asText();
            at(json, "/links/1")
                    .put("source", up)
                    .put("target", json.at("/links/0/source").asText());
        });
        refused("large", "too large to be summed", json -> at(json, "/links/0").put("weight", 1e300));
        refused("nothing", "is no graph file", json -> json.removeAll());
        Files.createDirectories(directory.resolve("text"));
        Files.writeString(directory.resolve("text/a.json"), "{\"metadata\":");
        refused(() -> GraphSet.open(directory.resolve("text"), _ -> {}, Progress.NONE), "is not valid JSON");
    }
}
