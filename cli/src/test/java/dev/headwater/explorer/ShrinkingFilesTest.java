package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A model's files are cut under a server that has them mapped: jobs fail with a sentence, the server goes on and heals. */
@Timeout(300)
class ShrinkingFilesTest {
    private static final Path GOLDEN =
            Path.of("..", "engine", "src", "test", "resources", "golden", "llama-plt-relu-skip");

    @TempDir
    private Path directory;

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                // The bytes of the file that is there, not a new file: the server's mapping is of it.
                Files.write(to.resolve(file.getFileName()), Files.readAllBytes(file));
            }
        }
    }

    private static void cut(Path set) throws IOException {
        try (Stream<Path> files = Files.list(set)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList()) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.truncate(4096);
                }
            }
        }
    }

    @Test
    void theServerOutlivesItsFiles() throws Exception {
        Path model = directory.resolve("model");
        Path transcoders = directory.resolve("transcoders");
        copy(GOLDEN.resolve("model"), model);
        copy(GOLDEN.resolve("transcoders"), transcoders);
        List<String> command = Run.command("-Xmx1g");
        command.addAll(List.of(
                "serve",
                directory.resolve("graphs").toString(),
                "--port",
                "0",
                "--no-browser",
                "-m",
                model.toString(),
                "-t",
                transcoders.toString()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            String line = process.inputReader().readLine();
            int port = URI.create(line.replaceFirst("^The explorer is at (\\S+) .*$", "$1"))
                    .getPort();
            try (Client client = new Client(port)) {
                assertEquals(
                        "DONE",
                        job(client, model, transcoders, "before").path("state").asText());
                for (Path set : List.of(model, transcoders)) {
                    cut(set);
                    JsonNode failed = job(client, model, transcoders, "cut");
                    assertEquals("FAILED", failed.path("state").asText(), failed.toString());
                    assertTrue(
                            failed.path("error").asText().contains("shorter")
                                    || failed.path("error").asText().contains("bytes"),
                            failed.toString());
                    assertEquals(200, client.get("/api/graphs/before").status());
                    assertEquals(404, client.get("/api/graphs/cut").status(), "nothing wrong was kept");
                    copy(GOLDEN.resolve(set.getFileName()), set);
                    JsonNode again = job(client, model, transcoders, "again-" + set.getFileName());
                    assertEquals("DONE", again.path("state").asText(), again.toString());
                }
            }
            assertTrue(process.isAlive());
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    private static JsonNode job(Client client, Path model, Path transcoders, String name) throws Exception {
        String request = """
                {"name": "%s", "model": "%s", "transcoders": "%s", "prompt": {"text": "Paris is near the tower, and"}, "maxLogits": 3,
                 "logitProbability": 0.9, "maxFeatureNodes": 50, "nodeThreshold": 0.8, "edgeThreshold": 0.98}""".formatted(name, model, transcoders);
        var accepted = client.send("POST", "/api/jobs/attribute", request);
        assertEquals(202, accepted.status(), accepted.json().toString());
        String id = accepted.json().path("id").asText();
        JsonNode status = accepted.json();
        while (List.of("QUEUED", "RUNNING").contains(status.path("state").asText())) {
            Thread.sleep(50);
            status = client.get("/api/jobs/" + id).json();
        }
        return status;
    }
}
