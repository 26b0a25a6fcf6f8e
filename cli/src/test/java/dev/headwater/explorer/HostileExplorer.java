package dev.headwater.explorer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An explorer with a secret outside its directories, and links that lead there. */
abstract class HostileExplorer {
    static final String SECRET = "the secret outside";

    @TempDir
    Path directory;

    Path graphs;

    Path features;

    ExplorerServer server;

    Client client;

    @BeforeEach
    void start() throws IOException {
        graphs = directory.resolve("graphs");
        features = directory.resolve("features");
        Files.createDirectories(features.resolve("set"));
        Files.writeString(features.resolve("set/12.json"), "{\"index\":3}");
        Files.writeString(directory.resolve("outside.json"), SECRET);
        Files.createDirectories(directory.resolve("graphs-too"));
        Files.writeString(directory.resolve("graphs-too/outside.json"), SECRET);
        SampleGraphs.copy(SampleGraphs.DALLAS, graphs);
        Files.createSymbolicLink(graphs.resolve("link.json"), directory.resolve("outside.json"));
        Files.createSymbolicLink(graphs.resolve("folder.json"), directory);
        Files.createSymbolicLink(features.resolve("elsewhere"), directory.resolve("graphs-too"));
        Files.createSymbolicLink(features.resolve("set/99.json"), directory.resolve("outside.json"));
        server = ExplorerServer.start(new ExplorerConfig(
                ExplorerConfig.LOOPBACK, 0, graphs, List.of(features), new FakeEngine(1), Front.NONE, 8 << 20));
        client = new Client(server.port());
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }
}
