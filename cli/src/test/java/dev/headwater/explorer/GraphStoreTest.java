package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraphStoreTest {
    @TempDir
    Path directory;

    /** Saves as fast as it can until it is killed. */
    static final class Saver {
        private Saver() {}

        public static void main(String... args) {
            GraphStore store = GraphStore.open(Path.of(args[0]), 64 << 20);
            for (int i = 0; ; i++) {
                store.annotate(
                        args[1],
                        "*",
                        Json.MAPPER.createObjectNode().put("count", i).put("filler", "x".repeat(i % 50_000)));
                if (i == 0) {
                    System.out.println("saving");
                }
            }
        }
    }

    @Test
    void aKillDuringASaveLeavesAWholeFile() throws Exception {
        SampleGraphs.copy(SampleGraphs.DALLAS, directory);
        JsonNode before = Json.MAPPER.readTree(SampleGraphs.text(SampleGraphs.DALLAS));
        for (int attempt = 0; attempt < 4; attempt++) {
            Process saver = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Saver.class.getName(),
                            directory.toString(),
                            SampleGraphs.DALLAS)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (var reader = saver.inputReader()) {
                assertEquals("saving", reader.readLine());
                Thread.sleep(37 * (attempt + 1));
            } finally {
                saver.destroyForcibly().waitFor();
            }
            JsonNode after = Json.MAPPER.readTree(Files.readAllBytes(directory.resolve(SampleGraphs.DALLAS + ".json")));
            assertTrue(after.at("/qParams/count").isInt(), "attempt " + attempt);
            assertEquals(before.get("nodes"), after.get("nodes"));
            assertEquals(before.get("links"), after.get("links"));
        }
        // What the killed ones left behind goes at the next start.
        GraphStore.open(directory, 1 << 20);
        try (var files = Files.list(directory)) {
            assertEquals(
                    List.of(SampleGraphs.DALLAS + ".json"),
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.endsWith(".json") || name.endsWith(".tmp"))
                            .toList());
        }
    }

    @Test
    void aFileThatIsNoGraphIsLeftAsItIs() throws Exception {
        GraphStore store = GraphStore.open(directory, 1 << 20);
        for (String text : List.of(
                "", "[]", "{}", "{\"qParams\":[]}", "{\"qParams\":{},\"qParams\":{}}", "{\"qParams\":{", "null")) {
            Files.writeString(directory.resolve("odd.json"), text);
            Refusal refusal =
                    assertThrows(Refusal.class, () -> store.annotate("odd", "*", Json.MAPPER.createObjectNode()), text);
            assertEquals(422, refusal.status(), text);
            assertEquals(text, Files.readString(directory.resolve("odd.json")));
        }
        Files.writeString(directory.resolve("odd.json"), "\ufeff{\"qParams\":{}}");
        store.annotate("odd", "*", Json.MAPPER.createObjectNode().put("a", 1));
        assertEquals(
                "\ufeff{\"qParams\":{\"a\":1}}",
                Files.readString(directory.resolve("odd.json")),
                "a byte order mark stays");
        Files.write(
                directory.resolve("odd.json"), "{\"qParams\":{}}".getBytes(java.nio.charset.StandardCharsets.UTF_16));
        assertThrows(Refusal.class, () -> store.annotate("odd", "*", Json.MAPPER.createObjectNode()));
    }

    @Test
    void aFileThatGrewTooLargeIsNotServed() throws Exception {
        GraphStore store = GraphStore.open(directory, 1000);
        Files.writeString(directory.resolve("big.json"), " ".repeat(1001));
        assertEquals(413, assertThrows(Refusal.class, () -> store.read("big")).status());
        assertTrue(
                store.list().getFirst().problem().contains("1000"), store.list().toString());
    }

    @Test
    void theCacheNoticesNewFiles() throws Exception {
        Path file = SampleGraphs.copy(SampleGraphs.GEMMA, directory);
        GraphStore store = GraphStore.open(directory, 1 << 20);
        String first = store.read(SampleGraphs.GEMMA).version();
        assertEquals(first, store.read(SampleGraphs.GEMMA).version());
        Files.writeString(file, Files.readString(file).replace("old clock", "new clock"));
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
        assertFalse(first.equals(store.read(SampleGraphs.GEMMA).version()));
    }

    @Test
    void aPlaceThatCannotBeOpenedIsNamed() throws Exception {
        Path file = Files.writeString(directory.resolve("notes.txt"), "x");
        assertTrue(assertThrows(HeadwaterException.class, () -> GraphStore.open(file, 1))
                .getMessage()
                .contains("notes.txt"));
        assertTrue(assertThrows(HeadwaterException.class, () -> GraphStore.open(file.resolve("below"), 1))
                .getMessage()
                .contains("below"));
    }
}
