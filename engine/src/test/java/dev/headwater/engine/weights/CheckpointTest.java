package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    @TempDir
    Path directory;

    private void failsWith(String part) {
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> Checkpoint.open(directory).close())
                .getMessage();
        assertTrue(message.contains(part), message);
    }

    private void index(String json) throws IOException {
        Files.writeString(directory.resolve("model.safetensors.index.json"), json);
    }

    @Test
    void readsASingleFile() throws IOException {
        RawSafetensors.vectors(directory.resolve("model.safetensors"), 2, "a", "b");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertEquals(List.of("a", "b"), List.copyOf(checkpoint.names()));
            assertArrayEquals(new float[] {100, 101}, checkpoint.floats("b"));
            assertEquals(directory, checkpoint.path());
        }
    }

    @Test
    void readsShardsAsOneNamespace() throws IOException {
        RawSafetensors.vectors(directory.resolve("model-1.safetensors"), 2, "a", "b", "unlisted");
        RawSafetensors.vectors(directory.resolve("model-2.safetensors"), 3, "c");
        index(
                "{\"metadata\":{\"total_size\":28},\"weight_map\":{\"c\":\"model-2.safetensors\",\"a\":\"model-1.safetensors\",\"b\":\"model-1.safetensors\"}}");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertEquals(Set.of("a", "b", "c"), checkpoint.names());
            assertEquals("28", checkpoint.metadata().get("total_size"));
            assertArrayEquals(new float[] {0, 1, 2}, checkpoint.floats("c"));
            assertArrayEquals(new float[] {100, 101}, checkpoint.floats("b"));
            String message = assertThrows(HeadwaterException.class, () -> checkpoint.info("d"))
                    .getMessage();
            assertTrue(message.contains("no tensor 'd' in " + directory), message);
        }
    }

    @Test
    void followsLinksAsTheHubCacheHasThem() throws IOException {
        Path blobs = Files.createDirectory(directory.resolve("blobs"));
        Path snapshot = Files.createDirectory(directory.resolve("snapshot"));
        RawSafetensors.vectors(blobs.resolve("0123"), 1, "a");
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../blobs/0123"));
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertArrayEquals(new float[] {0}, checkpoint.floats("a"));
        }
    }

    @Test
    void saysWhatIsMissing() throws IOException {
        String message = assertThrows(HeadwaterException.class, () -> Checkpoint.open(directory.resolve("nowhere")))
                .getMessage();
        assertTrue(message.startsWith("There is no model directory "), message);
        failsWith("holds no weights");
        Files.write(directory.resolve("pytorch_model.bin"), new byte[8]);
        failsWith("safe_serialization=True");
        index("{\"weight_map\":{\"a\":\"model-1.safetensors\"}}");
        failsWith("lists the shard model-1.safetensors, which is missing");
        RawSafetensors.vectors(directory.resolve("model-1.safetensors"), 1, "b");
        failsWith("says that tensor 'a' is in model-1.safetensors, which does not hold it");
    }

    @Test
    void refusesShardsOutsideTheDirectory() throws IOException {
        RawSafetensors.vectors(directory.resolve("model.sft"), 1, "a");
        for (String shard : List.of(
                "../x.safetensors",
                "/etc/passwd",
                "sub/x.safetensors",
                "..\\\\x.safetensors",
                ".safetensors",
                "model.bin",
                "x\\u0000.safetensors")) {
            index("{\"weight_map\":{\"a\":\"" + shard + "\"}}");
            failsWith("is not the plain name of a safetensors file");
        }
        index("{\"weight_map\":{\"a\":3}}");
        failsWith("is not the plain name of a safetensors file");
        index("{\"weight_map\":[]}");
        failsWith("has no weight_map object");
    }
}
