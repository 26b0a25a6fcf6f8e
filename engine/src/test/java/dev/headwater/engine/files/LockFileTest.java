package dev.headwater.engine.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.document.GraphIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Locks between threads and between processes, with the system's help and without. */
class LockFileTest {
    private static final int PROCESSES = 20;
    private static final int GRAPHS = 4;

    @TempDir
    Path directory;

    /** One of the processes: enters its graphs into the index, and counts in a file under a claim. */
    public static final class Worker {
        private Worker() {}

        public static void main(String[] args) throws IOException {
            Path directory = Path.of(args[0]);
            for (int i = 0; i < GRAPHS; i++) {
                GraphIndex.put(
                        directory, BoundedJson.mapper().createObjectNode().put("slug", "g" + args[1] + "-" + i));
                try (LockFile _ = LockFile.acquire(directory.resolve("claimed"), Duration.ofMinutes(1), false)
                        .orElseThrow()) {
                    Path count = directory.resolve("count");
                    Files.writeString(count, String.valueOf(1 + Integer.parseInt(Files.readString(count))));
                }
            }
        }
    }

    @Test
    void twentyProcessesLoseNothing() throws Exception {
        Files.writeString(directory.resolve("count"), "0");
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            processes.add(new ProcessBuilder(
                            ProcessHandle.current().info().command().orElseThrow(),
                            "-XX:TieredStopAtLevel=1",
                            "-XX:+UseSerialGC",
                            "-Xmx64m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Worker.class.getName(),
                            directory.toString(),
                            String.valueOf(i))
                    .inheritIO()
                    .start());
        }
        for (Process process : processes) {
            assertEquals(0, process.waitFor());
        }
        JsonNode graphs = BoundedJson.read(directory.resolve(GraphIndex.FILE)).get("graphs");
        TreeSet<String> names = new TreeSet<>();
        graphs.forEach(graph -> names.add(graph.get("slug").asText()));
        assertEquals(PROCESSES * GRAPHS, graphs.size());
        assertEquals(PROCESSES * GRAPHS, names.size());
        assertEquals(String.valueOf(PROCESSES * GRAPHS), Files.readString(directory.resolve("count")));
        assertFalse(Files.exists(directory.resolve("claimed.claim")));
    }

    @Test
    void onlyOneThreadHasIt() throws Exception {
        Path file = directory.resolve("lock");
        try (LockFile _ = LockFile.acquire(file)) {
            assertTrue(LockFile.tryAcquire(file).isEmpty());
            try (LockFile again = LockFile.acquire(file)) {
                assertFalse(again == null);
            }
            List<Optional<LockFile>> other = new ArrayList<>();
            Thread thread = new Thread(() -> other.add(LockFile.tryAcquire(file)));
            thread.start();
            thread.join();
            assertTrue(other.getFirst().isEmpty());
        }
        LockFile.tryAcquire(file).orElseThrow().close();
    }

    @Test
    void aClaimOfADeadProcessCountsForNothing() throws IOException {
        Path file = directory.resolve("lock");
        Path claim = Files.writeString(
                directory.resolve("lock.claim"), new Owner(Owner.SELF.machine(), 999_999_999, 5) + "\n");
        LockFile.acquire(file, Duration.ofSeconds(20), false).orElseThrow().close();
        assertFalse(Files.exists(claim));
        Files.writeString(claim, Owner.SELF + "\n");
        assertTrue(LockFile.acquire(file, Duration.ofMillis(20), false).isEmpty());
        Files.writeString(claim, new Owner("00000000", 1, 5) + "\n");
        assertTrue(LockFile.acquire(file, Duration.ofMillis(20), false).isEmpty());
    }

    @Test
    void theIndexIsOneFileForAllThreads() throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            ObjectNode graph = BoundedJson.mapper().createObjectNode().put("slug", "t" + i);
            threads.add(Thread.startVirtualThread(() -> GraphIndex.put(directory, graph)));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(8, GraphIndex.slugs(directory).size());
    }
}
