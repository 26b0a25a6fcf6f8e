package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.graph.Provenance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Questions about attention over HTTP: what is answered, what is refused, what can be cancelled. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AttentionApiTest {
    private static final String ATTENTION = "/api/jobs/attention";

    @TempDir
    static Path graphs;

    private ExplorerServer server;
    private Client client;

    @BeforeAll
    void start() {
        SampleGraphs.copy(SampleGraphs.DALLAS, graphs);
        SampleGraphs.copy(SampleGraphs.GEMMA, graphs);
        server = ExplorerServer.start(ExplorerConfig.local(graphs).withEngine(new FakeEngine(2)));
        client = new Client(server.port());
    }

    @AfterAll
    void stop() {
        client.close();
        server.close();
    }

    private static String about(String graph, String rest) {
        return "{\"graph\":\"" + graph + "\"," + rest + "}";
    }

    private static String dallas(String rest) {
        return about(SampleGraphs.DALLAS, rest);
    }

    private JsonNode ended(Client.Reply accepted) {
        assertEquals(202, accepted.status(), accepted.error());
        while (true) {
            JsonNode status = client.get(
                            "/api/jobs/" + accepted.json().get("id").textValue())
                    .json();
            if (!status.get("state").textValue().matches("QUEUED|RUNNING")) {
                return status;
            }
            Browser.pause(10);
        }
    }

    private JsonNode result(String body) {
        JsonNode status = ended(client.send("POST", ATTENTION, body));
        assertEquals("DONE", status.get("state").textValue(), status.toString());
        return status.get("result");
    }

    @Test
    void edgesScoresAndPatternsAreAnsweredTogether() {
        JsonNode result = result(dallas(
                "\"edges\":[{\"source\":\"E_5352_9\",\"target\":\"7_3913_10\"}],\"scores\":[{\"layer\":2,\"head\":0,\"query\":10,\"key\":9}],"
                        + "\"patterns\":[{\"layer\":2,\"head\":0}],\"top\":4"));
        assertEquals("7_3913_10", result.at("/edges/0/target").textValue());
        assertEquals(6, result.at("/edges/0/layers").size());
        assertEquals(10, result.at("/scores/0/query").intValue());
        assertEquals(11, result.at("/patterns/0/attention").size());
        assertEquals(1, result.at("/patterns/0/attention/0").size(), "from a position at those up to it");
        assertEquals(0, result.at("/strongest").size());
    }

    @Test
    void allEdgesThatAttentionLiesBetween() {
        JsonNode strongest = result(dallas("\"allEdges\":true")).get("strongest");
        assertTrue(strongest.size() > 300, strongest.size() + " edges");
        assertEquals(3, strongest.at("/0/parts/0").size(), "layer, head, loading");
    }

    @Test
    void whatTheFileCanTellToBeWrongIsRefusedAtOnce() {
        Map<String, String> refused = Map.ofEntries(
                Map.entry("\"scores\":[]", "Name a graph, and edges, scores or patterns to explain."),
                Map.entry(
                        "\"patterns\":[{\"layer\":6,\"head\":0}]",
                        "Head 6/0: there is no layer 6; the model's are 0 to 5."),
                Map.entry(
                        "\"patterns\":[{\"layer\":0,\"head\":-1}]",
                        "Head 0/-1: there is no head -1; those of a layer are 0 to 5."),
                Map.entry(
                        "\"scores\":[{\"layer\":2,\"head\":0,\"query\":11,\"key\":9}]",
                        "Head 2/0: there is no position 11; the prompt's are 0 to 10."),
                Map.entry(
                        "\"scores\":[{\"layer\":2,\"head\":0,\"query\":4,\"key\":9}]",
                        "Head 2/0: the key at 9 comes after the query at 4; a head sees its own position and those before it."),
                Map.entry(
                        "\"edges\":[{\"source\":\"0_1_1\",\"target\":\"7_3913_10\"}]",
                        "There is no node \"0_1_1\" in the graph that an edge could have."),
                Map.entry(
                        "\"edges\":[],\"top\":-1,\"allEdges\":true",
                        "At most 1000 edges, scores and patterns can be explained at once, and top can't be negative."));
        refused.forEach((rest, sentence) -> {
            var reply = client.send("POST", ATTENTION, dallas(rest));
            assertEquals(400, reply.status(), rest);
            assertEquals(sentence, reply.error());
        });
        assertEquals(
                404,
                client.send("POST", ATTENTION, about("nowhere", "\"allEdges\":true"))
                        .status());
        assertEquals(400, client.send("POST", ATTENTION, "null").status());
        assertEquals(
                400, client.send("POST", ATTENTION, dallas("\"edges\":[null]")).status());
        assertEquals(
                400,
                client.send("POST", ATTENTION, dallas("\"patterns\":[null]")).status());
    }

    @Test
    void anEdgeWithoutAttentionBetweenItsEndsFailsWithASentence() {
        JsonNode status = ended(
                client.send("POST", ATTENTION, dallas("\"edges\":[{\"source\":\"7_3913_10\",\"target\":\"0_94_9\"}]")));
        assertEquals("FAILED", status.get("state").textValue());
        assertEquals(
                "no attention lies between the ends of the edge",
                status.get("error").textValue());
    }

    @Test
    void aModelThatDidNotMakeTheGraphAndNoModelAtAllAreTold() {
        var other =
                client.send("POST", ATTENTION, about(SampleGraphs.GEMMA, "\"patterns\":[{\"layer\":0,\"head\":0}]"));
        assertEquals(422, other.status());
        assertTrue(other.error().contains("this explorer runs atlas-plt, atlas-clt"), other.error());
        try (ExplorerServer bare = ExplorerServer.start(ExplorerConfig.local(graphs));
                Client alone = new Client(bare.port())) {
            var none = alone.send("POST", ATTENTION, dallas("\"patterns\":[{\"layer\":0,\"head\":0}]"));
            assertEquals(422, none.status());
            assertEquals(
                    "This explorer runs without a live model: start it with the graph's model and transcoders to explain attention.",
                    none.error());
        }
    }

    /** What heads carry is known from 0 only; where they look is the same. */
    @Test
    void aGraphThatCountsFromAContrastIsToldApart() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path file = graphs.resolve(SampleGraphs.DALLAS + ".json");
        ObjectNode graph = (ObjectNode) mapper.readTree(Files.readAllBytes(file));
        ((ObjectNode) graph.get("metadata")).put("slug", "contrasted");
        graph.withObject("/metadata/generation_settings").put(Provenance.CONTRAST, "[[1, 2]]");
        Files.write(graphs.resolve("contrasted.json"), mapper.writeValueAsBytes(graph));
        for (String rest : List.of(
                "\"edges\":[{\"source\":\"E_5352_9\",\"target\":\"7_3913_10\"}]",
                "\"allEdges\":true",
                "\"scores\":[{\"layer\":2,\"head\":0,\"query\":10,\"key\":9}]")) {
            var reply = client.send("POST", ATTENTION, about("contrasted", rest));
            assertEquals(422, reply.status(), rest);
            assertEquals(
                    "The graph counts from the mean over a contrast, and what heads carry is known from 0 only: make it without a contrast to see heads.",
                    reply.error());
        }
        assertEquals(
                11,
                result(about("contrasted", "\"patterns\":[{\"layer\":2,\"head\":0}]"))
                        .at("/patterns/0/attention")
                        .size());
    }

    @Test
    void aQuestionCanBeCancelled() {
        var accepted = client.send("POST", ATTENTION, dallas("\"patterns\":[{\"layer\":5,\"head\":5}]"));
        client.send("DELETE", "/api/jobs/" + accepted.json().get("id").textValue(), null);
        assertEquals("CANCELLED", ended(accepted).get("state").textValue());
    }

    @Test
    void headsAreSteeredAlone() {
        JsonNode status = ended(
                client.send(
                        "POST",
                        "/api/jobs/intervene",
                        dallas(
                                "\"heads\":[{\"layer\":2,\"head\":0},{\"layer\":3,\"head\":5,\"query\":10,\"key\":9,\"probability\":0}]")));
        assertEquals("DONE", status.get("state").textValue(), status.toString());
        Map.of(
                        "{\"layer\":2,\"head\":6}", "Head 2/6: there is no head 6; those of a layer are 0 to 5.",
                        "{\"layer\":2,\"head\":0,\"query\":10}",
                                "A head is taken out with layer and head alone, or forced with query, key and probability.",
                        "{\"layer\":2,\"head\":0,\"query\":1,\"key\":0,\"probability\":2}",
                                "Attention is a probability from 0 to 1, not 2.0.",
                        "{\"layer\":2,\"head\":0,\"query\":1,\"key\":2,\"probability\":1}",
                                "Head 2/0: the key at 2 comes after the query at 1; a head sees its own position and those before it.")
                .forEach((change, sentence) -> {
                    var reply = client.send("POST", "/api/jobs/intervene", dallas("\"heads\":[" + change + "]"));
                    assertEquals(400, reply.status(), change);
                    assertEquals(sentence, reply.error());
                });
    }
}
