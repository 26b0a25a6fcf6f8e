package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.Progress;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repositories with sets of other libraries: what is fetched of them. */
class FolderSetHubTest {
    private static final Path SETS = Path.of("src/test/resources/sets");

    @TempDir
    Path directory;

    private Hub hub(FakeHub server) {
        return new Hub(new HubSettings(
                server.endpoint(),
                directory.resolve("hub"),
                null,
                false,
                null,
                16_384,
                4,
                2,
                Duration.ofMillis(5),
                Duration.ofSeconds(5)));
    }

    @Test
    void configurationsFirstThenWeightsAndNothingElse() throws IOException {
        try (FakeHub server = new FakeHub().with("org/set", "README.md", "x").with("org/set", "optimizer.pt", "x");
                Hub hub = hub(server)) {
            for (int layer = 0; layer < 2; layer++) {
                for (String name : List.of("cfg.json", "sae.safetensors")) {
                    String path = "layers." + layer + ".mlp/" + name;
                    server.with(
                            "org/set",
                            path,
                            Files.readAllBytes(SETS.resolve("sparsify-skip").resolve(path)));
                }
            }
            Reference.Remote set = (Reference.Remote) Reference.parse("org/set");
            Hub.Outline outline = hub.transcodersOutline(set);
            assertTrue(Files.exists(outline.directory().resolve("layers.1.mlp/cfg.json")));
            assertTrue(!Files.exists(outline.directory().resolve("layers.1.mlp/sae.safetensors")));
            assertEquals(outline.bytes(), outline.missing());
            assertEquals(
                    "layers.0.mlp/sae.safetensors",
                    SetFiles.first(set, outline.directory()).path());
            Path here = hub.either(set, Progress.NONE).directory();
            assertTrue(Files.exists(here.resolve("layers.0.mlp/sae.safetensors")));
            assertTrue(Files.exists(here.resolve("layers.1.mlp/sae.safetensors")));
            assertTrue(!Files.exists(here.resolve("optimizer.pt")) && !Files.exists(here.resolve("README.md")));
        }
    }
}
