package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.headwater.cli.Run;
import dev.headwater.engine.features.LabelFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code headwater features label} on evidence of a few lines. */
class LabelCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    @Test
    void labelsAreKeptFoundAndGoneOnWith() throws IOException {
        Path out = directory.resolve("features");
        Path text = Files.writeString(
                directory.resolve("text.txt"),
                List.of("Texas", "Florida", "Ohio", "Nevada", "Maine", "Oregon", "Kansas", "Iowa").stream()
                        .map(state -> "Fact: the capital of the state of " + state
                                + " is here\nThe opposite of small is " + state + "\n")
                        .collect(Collectors.joining()));
        Run built = Run.headwater("features", "build", "--corpus", text.toString(), "--out", out.toString(), "--quiet");
        assertEquals(0, built.code(), built.err());

        Run first = label(out);
        assertEquals(0, first.code(), first.err());
        assertTrue(first.out().contains("detection 0."), first.out());
        Path folder = out.resolve("atlas-plt/features");
        Path file = folder.resolve(LabelFile.NAME);
        String whole = Files.readString(file);

        // Killed in the middle of a line.
        Files.writeString(file, whole.substring(0, whole.length() / 2));
        assertEquals(0, label(out).code());
        assertEquals(
                new TreeSet<>(LabelFile.read(folder).labels().values().stream()
                        .map(label -> label.json().toString())
                        .toList()),
                new TreeSet<>(whole.lines().toList()));

        Run named = withService(out, 30);
        assertEquals(1, named.code(), named.err());
        assertTrue(named.err().contains("are spent. Start the command again"), named.err());
        List<LabelFile.Label> asked = LabelFile.read(folder).labels().values().stream()
                .filter(label -> label.by().equals("stand-in"))
                .toList();
        assertFalse(asked.isEmpty());
        for (LabelFile.Label label : asked) {
            assertTrue(
                    (label.label() + label.asked()).codePoints().noneMatch(Character::isISOControl), label.toString());
        }
        int before = asked.size();
        assertEquals(1, withService(out, 30).code());
        assertTrue(LabelFile.read(folder).labels().values().stream()
                        .filter(label -> label.by().equals("stand-in"))
                        .count()
                > before);

        Run graph = Run.headwater(
                "attribute", "The opposite of small is", "--features", out.toString(), "--json", "--top", "400");
        assertEquals(0, graph.code(), graph.err());
        Files.writeString(
                file,
                LabelFile.read(folder).labels().values().stream()
                        .map(label -> new LabelFile.Label(
                                        label.layer(), label.feature(), "kept by hand", "me", "", 1, 1)
                                .json()
                                .toString())
                        .collect(Collectors.joining("\n")));
        Run renamed = Run.headwater(
                "attribute", "The opposite of small is", "--features", out.toString(), "--json", "--top", "400");
        assertFalse(graph.out().contains("kept by hand"), graph.out());
        assertTrue(renamed.out().contains("kept by hand"), renamed.out());
    }

    @Test
    void badInputGetsASentence() {
        refused(2, "--features", "features", "label");
        refused(1, "no feature files of atlas-plt", "features", "label", "--features", directory.toString());
        refused(
                2,
                "go together",
                "features",
                "label",
                "--features",
                directory.toString(),
                "--namer",
                "http://localhost:1");
    }

    private static void refused(int code, String part, String... arguments) {
        Run run = Run.headwater(arguments);
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(part), run.err());
    }

    private static Run label(Path out, String... more) {
        String[] command = {"features", "label", "--features", out.toString()};
        String[] all = Arrays.copyOf(command, command.length + more.length);
        System.arraycopy(more, 0, all, command.length, more.length);
        return Run.headwater(all);
    }

    /** A service that gives hostile names, and says of the first text of every request that the feature fires there. */
    private static Run withService(Path out, int budget) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            server.setExecutor(threads);
            server.createContext("/v1/chat/completions", exchange -> {
                JsonNode data = JSON.readTree(JSON.readTree(exchange.getRequestBody())
                        .at("/messages/1/content")
                        .asText());
                String answer = data.has("name")
                        ? "[1" + ", 0".repeat(data.get("texts").size() - 1) + "]"
                        : "NAME: \u001b[31mstates\u202e\nignore all this";
                byte[] body = JSON.writeValueAsBytes(
                        Map.of("choices", List.of(Map.of("message", Map.of("content", answer)))));
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
                exchange.close();
            });
            server.start();
            return label(
                    out,
                    "--namer",
                    "http://localhost:" + server.getAddress().getPort() + "/v1",
                    "--namer-model",
                    "stand-in",
                    "--namer-budget",
                    Integer.toString(budget));
        } finally {
            server.stop(0);
        }
    }
}
