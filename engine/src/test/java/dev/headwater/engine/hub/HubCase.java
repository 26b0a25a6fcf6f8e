package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A hub with one model, and an empty cache. */
abstract class HubCase {
    static final String REPOSITORY = "org/model";

    static final Reference MODEL = Reference.parse(REPOSITORY);

    static final byte[] WEIGHTS = random(100_000);

    @TempDir
    Path cache;

    FakeHub server;

    static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @BeforeEach
    void start() throws IOException {
        server = new FakeHub()
                .with(REPOSITORY, "config.json", "{\"model_type\": \"llama\"}")
                .with(REPOSITORY, "empty.txt", "")
                .with(REPOSITORY, "model.safetensors", WEIGHTS)
                .with(REPOSITORY, "pytorch_model.bin", random(50_000))
                .with(REPOSITORY, "folder/deep/ünï code.json", "{}")
                .with(REPOSITORY, "tokenizer.json", random(2_000));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    HubSettings settings(URI endpoint, boolean offline, String token) {
        return new HubSettings(
                endpoint, cache, token, offline, null, 16_384, 4, 4, Duration.ofMillis(5), Duration.ofMillis(700));
    }

    Hub hub() {
        return new Hub(settings(server.endpoint(), false, "secret"));
    }

    Hub offline() {
        return new Hub(settings(server.endpoint(), true, null));
    }

    static void assertModel(Path directory) throws IOException {
        assertArrayEquals(WEIGHTS, Files.readAllBytes(directory.resolve("model.safetensors")));
        assertEquals("{\"model_type\": \"llama\"}", Files.readString(directory.resolve("config.json")));
    }

    static void assertOnlyBlobs(Path root, int count) throws IOException {
        try (Stream<Path> blobs = Files.list(root.resolve("blobs"))) {
            List<String> names =
                    blobs.map(blob -> blob.getFileName().toString()).toList();
            assertTrue(names.stream().allMatch(name -> name.matches("[0-9a-f]{40}|[0-9a-f]{64}")), names::toString);
            assertEquals(count, names.size());
        }
    }

    void restart() throws IOException {
        start();
    }
}
