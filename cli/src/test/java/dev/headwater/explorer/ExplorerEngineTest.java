package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A live model over HTTP: jobs, steering, tokens. */
class ExplorerEngineTest extends ExplorerCase {
    @Test
    void tracesAPromptWithProgressAndThenTheGraphIsThere() {
        var accepted = client.send(
                "POST",
                "/api/jobs/attribute",
                request("traced", "Fact: the capital of the state containing Dallas is"));
        assertEquals(202, accepted.status(), accepted.error());
        List<JsonNode> events = events(accepted.json().get("id").textValue());
        assertEquals(
                "DONE",
                events.getLast().get("state").textValue(),
                events.getLast().toString());
        assertEquals("traced", events.getLast().at("/result/graph").textValue());
        assertTrue(
                events.size() > 2
                        && events.stream()
                                .anyMatch(e -> e.get("state").textValue().equals("RUNNING")
                                        && e.get("total").intValue() == 20),
                events.toString());
        assertEquals(
                "traced",
                client.get("/api/graphs/traced").json().at("/metadata/slug").textValue());
        assertEquals(
                409,
                client.send("POST", "/api/jobs/attribute", request("traced", "again"))
                        .status());
    }

    @Test
    void aJobThatFailsSaysWhy() {
        var accepted = client.send("POST", "/api/jobs/attribute", request("bad", "fail"));
        JsonNode last = events(accepted.json().get("id").textValue()).getLast();
        assertEquals("FAILED", last.get("state").textValue());
        assertTrue(last.get("error").textValue().contains("shorten it"));
    }

    @Test
    void cancelsWhatRunsAndWhatWaits() throws IOException {
        server.close();
        server = ExplorerServer.start(ExplorerConfig.local(graphs).withEngine(new FakeEngine(100)));
        client.close();
        client = new Client(server.port());
        String running = client.send("POST", "/api/jobs/attribute", request("one", "p"))
                .json()
                .get("id")
                .textValue();
        String waiting = client.send("POST", "/api/jobs/attribute", request("two", "p"))
                .json()
                .get("id")
                .textValue();
        assertEquals(
                "CANCELLED",
                client.send("DELETE", "/api/jobs/" + waiting, null)
                        .json()
                        .get("state")
                        .textValue());
        client.send("DELETE", "/api/jobs/" + running, null);
        assertEquals("CANCELLED", events(running).getLast().get("state").textValue());
        assertEquals(404, client.get("/api/graphs/one").status());
        assertEquals(3, Files.list(graphs).count(), "no draft left");
        assertEquals(404, client.get("/api/jobs/999").status());
    }

    @Test
    void theQueueHasAnEnd() {
        server.close();
        server = ExplorerServer.start(ExplorerConfig.local(graphs).withEngine(new FakeEngine(1000)));
        client.close();
        client = new Client(server.port());
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            statuses.add(client.send("POST", "/api/jobs/attribute", request("q" + i, "p"))
                    .status());
        }
        assertTrue(statuses.contains(503), statuses.toString());
        assertEquals(202, statuses.getFirst());
    }

    @Test
    void activationsAreTakenFromElsewhere() {
        String body = "{\"graph\":\"" + SampleGraphs.DALLAS
                + "\",\"edits\":[{\"site\":{\"layer\":0,\"position\":9,\"feature\":94},\"from\":{\"prompts\":[{\"text\":\"Paris\"}],\"position\":-1,\"factor\":4}}],"
                + "\"newTokens\":8,\"temperature\":1,\"samples\":3}";
        var accepted = client.send("POST", "/api/jobs/intervene", body);
        assertEquals(202, accepted.status(), accepted.error());
        JsonNode last = events(accepted.json().get("id").textValue()).getLast();
        assertEquals(2, last.at("/result/set/0/after").doubleValue(), last.toString());
        assertEquals(3, last.at("/result/steered/texts").size());
        for (String[] wrong : new String[][] {
            {"\"from\":", "\"value\":1,\"from\":"},
            {"\"factor\":4", "\"factor\":\"NaN\""},
            {"\"Paris\"", "\"\""},
            {"\"samples\":3", "\"samples\":21"}
        }) {
            assertEquals(
                    400,
                    client.send("POST", "/api/jobs/intervene", body.replace(wrong[0], wrong[1]))
                            .status(),
                    wrong[1]);
        }
    }

    @Test
    void steersWithTheGraphsOwnTokens() {
        String body = "{\"graph\":\"" + SampleGraphs.DALLAS
                + "\",\"edits\":[{\"site\":{\"layer\":0,\"position\":9,\"feature\":94},\"value\":-2.5,\"onward\":false}],"
                + "\"watch\":[{\"layer\":0,\"position\":9,\"feature\":94}],\"freezeAttention\":true,\"newTokens\":8,\"temperature\":0,\"seed\":1}";
        var accepted = client.send("POST", "/api/jobs/intervene", body);
        assertEquals(202, accepted.status(), accepted.error());
        JsonNode last = events(accepted.json().get("id").textValue()).getLast();
        assertEquals(" Austin", last.at("/result/original/next/0/token").textValue(), last.toString());
        assertEquals(-2.5, last.at("/result/steered/activations/0").doubleValue());
        assertEquals(
                400,
                client.send("POST", "/api/jobs/intervene", body.replace("\"value\":-2.5", "\"value\":\"NaN\""))
                        .status());
        assertEquals(
                400,
                client.send("POST", "/api/jobs/intervene", body.replace("\"position\":9", "\"position\":-9"))
                        .status());
    }

    @Test
    void readsTokenIdsFromTheTokenNodes() throws IOException {
        try (var in = Files.newInputStream(graphs.resolve(SampleGraphs.DALLAS + ".json"))) {
            int[] tokens = DocumentNode.tokens(
                    GraphDocument.readNodes(in, SampleGraphs.DALLAS).nodes());
            assertEquals(11, tokens.length);
            assertEquals(1, tokens[0], "<bos>");
        }
    }

    @Test
    void tokenizesTextAndChat() {
        for (String prompt : List.of(
                "{\"text\":\"the capital\"}", "{\"turns\":[{\"role\":\"user\",\"content\":\"the capital\"}]}")) {
            var accepted = client.send("POST", "/api/jobs/tokens", "{\"model\":\"atlas\",\"prompt\":" + prompt + "}");
            assertEquals(202, accepted.status(), accepted.error());
            JsonNode tokens =
                    events(accepted.json().get("id").textValue()).getLast().at("/result/tokens");
            assertEquals("<bos>", tokens.get(0).textValue(), prompt);
        }
        assertEquals(
                400,
                client.send(
                                "POST",
                                "/api/jobs/tokens",
                                "{\"model\":\"atlas\",\"prompt\":{\"turns\":[{\"role\":\"king\",\"content\":\"x\"}]}}")
                        .status());
    }

    @Test
    void withoutALiveModelNothingIsComputed() {
        try (var plain = ExplorerServer.start(ExplorerConfig.local(graphs));
                var visitor = new Client(plain.port())) {
            assertEquals(0, visitor.get("/api/models").json().get("models").size());
            assertEquals(
                    400,
                    visitor.send("POST", "/api/jobs/attribute", request("x", "p"))
                            .status());
        }
    }
}
