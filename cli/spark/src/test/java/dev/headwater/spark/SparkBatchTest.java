package dev.headwater.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code batch --spark} on a real cluster, beside {@code batch}: the same bytes, whoever is lost on the way. */
class SparkBatchTest {
    private static final Path LAUNCHER =
            Path.of("../../headwater").toAbsolutePath().normalize();
    private static final int LINES = 24;
    private static final int MOST_SECONDS = 120;

    @TempDir
    private static Path directory;

    private static StandaloneCluster cluster;
    private static Path prompts;
    private static Map<String, String> expected;

    @BeforeAll
    static void start() throws Exception {
        cluster = new StandaloneCluster(directory, 2);
        StringBuilder lines = new StringBuilder("{\"token_ids\": [1, 999999]}\nnot json\n");
        for (int i = 0; i < LINES; i++) {
            lines.append("{\"prompt\": \"%d+%d=\", \"slug\": \"sum-%d\"}%n".formatted(10 + 3 * i, 99 - 2 * i, i));
        }
        prompts = Files.writeString(directory.resolve("prompts.jsonl"), lines);
        Path out = directory.resolve("expected");
        Run run = batch(out);
        assertEquals(1, run.code(), run.err());
        expected = contents(out);
        assertEquals(LINES + 2, expected.size());
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    private record Run(int code, String out, String err) {}

    /** A command that runs. */
    private record Started(Process process, Path out, Path err) {
        Run end() throws IOException, InterruptedException {
            assertTrue(process.waitFor(MOST_SECONDS, TimeUnit.SECONDS), "still running: " + Files.readString(err));
            return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
        }

        /** Waits until a graph is there. */
        void works(Path graphs) throws IOException, InterruptedException {
            while (process.isAlive() && count(graphs) == 0) {
                Thread.sleep(10);
            }
            assertTrue(process.isAlive(), Files.readString(err));
        }
    }

    private static Started headwater(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(LAUNCHER.toString()));
        command.addAll(List.of(arguments));
        Path out = Files.createTempFile(directory, "out", ".txt");
        Path err = Files.createTempFile(directory, "err", ".txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("HEADWATER_NO_BUILD", "1");
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        return new Started(builder.start(), out, err);
    }

    private static Run batch(Path out) throws IOException, InterruptedException {
        return headwater("batch", prompts.toString(), "--out=" + out, "--threads=1", "--together=2")
                .end();
    }

    private static Started spark(Path out, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(
                List.of("batch", prompts.toString(), "--out=" + out, "--together=2", "--spark", cluster.master()));
        arguments.addAll(StandaloneCluster.settings());
        arguments.addAll(List.of(more));
        return headwater(arguments.toArray(String[]::new));
    }

    @Test
    void aLostWorkerIsNotMissed() throws Exception {
        Path out = directory.resolve("worker");
        Started batch = spark(out);
        batch.works(out);
        cluster.killWorker();
        Run run = batch.end();
        cluster.addWorker();
        assertEquals(1, run.code(), run.err());
        assertTrue(run.out().contains("26 lines: 24 graphs made, 0 there already, 2 failed"), run.out());
        assertTrue(run.err().contains("line 1: token 999999 at position 1"), run.err());
        assertFalse(run.err().contains("\tat "), run.err());
        assertEquals(expected, contents(out));
    }

    @Test
    void whatALostDriverHadDoneIsNotDoneAgain() throws Exception {
        Path out = directory.resolve("driver");
        Started batch = spark(out);
        batch.works(out);
        batch.process.descendants().forEach(ProcessHandle::destroyForcibly);
        Run lost = batch.end();
        assertEquals(1, lost.code());
        assertTrue(lost.err().contains("Spark's driver ended with code 137"), lost.err());
        Run run = spark(out).end();
        assertEquals(1, run.code(), run.err());
        assertFalse(run.out().contains(" 0 there already"), run.out());
        assertEquals(expected, contents(out));
    }

    @Test
    void whatCannotWorkIsSaidInASentence() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "");
        for (Map.Entry<String, List<String>> wrong : Map.of(
                        "No Spark master answers at spark://127.0.0.1:9", List.of("--spark=spark://127.0.0.1:9"),
                        "is not a directory", List.of("--spark=local[1]", "--out=" + file.resolve("out")),
                        "Worker ", List.of("--spark=local[1]", "--model=/no/model", "--transcoders=/no/set"))
                .entrySet()) {
            Path out = directory.resolve("wrong");
            Run run = spark(out, wrong.getValue().toArray(String[]::new)).end();
            assertEquals(1, run.code(), run.err());
            assertTrue(run.err().contains(wrong.getKey()), run.err());
            String last = run.err().lines().toList().getLast();
            assertTrue(last.startsWith("headwater: ") && !run.err().contains("\tat "), run.err());
            assertEquals(0, count(out));
        }
    }

    private static int count(Path out) throws IOException {
        try (Stream<Path> files = Files.exists(out) ? Files.list(out) : Stream.empty()) {
            return (int) files.filter(file -> file.toString().endsWith(".json")).count();
        }
    }

    /** All files but hidden ones, with what is in them. */
    private static Map<String, String> contents(Path out) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(out)) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .toList()) {
                contents.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        return contents;
    }
}
