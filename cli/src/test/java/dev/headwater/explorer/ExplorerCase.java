package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An explorer with three graphs and a live model that is none. */
abstract class ExplorerCase {
    @TempDir
    Path directory;

    Path graphs;

    ExplorerServer server;

    Client client;

    @BeforeEach
    void start() {
        graphs = directory.resolve("graphs");
        for (String name : List.of(SampleGraphs.DALLAS, SampleGraphs.OAKLAND, SampleGraphs.GEMMA)) {
            SampleGraphs.copy(name, graphs);
        }
        server = ExplorerServer.start(ExplorerConfig.local(graphs).withEngine(new FakeEngine(2)));
        client = new Client(server.port());
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    static String request(String name, String prompt) {
        return "{\"name\":\"" + name + "\",\"model\":\"atlas\",\"transcoders\":\"atlas-plt\",\"prompt\":{\"text\":\""
                + prompt
                + "\"},\"maxLogits\":10,\"logitProbability\":0.95,\"maxFeatureNodes\":5000,\"nodeThreshold\":0.8,\"edgeThreshold\":0.98}";
    }

    List<JsonNode> events(String id) {
        String text = new String(
                client.get("/api/jobs/" + id + "/events").response().body(), java.nio.charset.StandardCharsets.UTF_8);
        return text.lines()
                .filter(line -> line.startsWith("data: "))
                .map(line ->
                        Json.parse(line.substring(6).getBytes(java.nio.charset.StandardCharsets.UTF_8), JsonNode.class))
                .toList();
    }
}
