package dev.headwater.engine.sharing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Uploads to a stand-in of the site and of its store, on this machine. */
class NeuronpediaTest {
    private static final String KEY = "sk-np-secret0123456789";

    private record Answer(int status, String body) {}

    @TempDir
    Path directory;

    private HttpServer site;
    private HttpServer store;
    private final Map<String, Answer> answers = new HashMap<>();
    private final Map<String, byte[]> bodies = new HashMap<>();
    private final Map<String, String> keys = new HashMap<>();
    private final Map<String, String> encodings = new HashMap<>();

    @BeforeEach
    void start() throws IOException {
        site = serve();
        store = serve();
        answers.put(
                "/api/graph/signed-put",
                new Answer(
                        200,
                        "{\"url\":\"%s/bucket/put?signature=abc\",\"key\":\"k\",\"putRequestId\":\"r-1\"}"
                                .formatted(address(store))));
        answers.put("/bucket/put", new Answer(200, ""));
        answers.put(
                "/api/graph/save-to-db",
                new Answer(200, "{\"message\":\"saved\",\"url\":\"https://example.org/gemma-2-2b/graph?slug=demo\"}"));
    }

    private HttpServer serve() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        return server;
    }

    private static URI address(HttpServer server) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        bodies.put(path, exchange.getRequestBody().readAllBytes());
        keys.put(path, String.valueOf(exchange.getRequestHeaders().getFirst("x-api-key")));
        encodings.put(path, String.valueOf(exchange.getRequestHeaders().getFirst("Content-Encoding")));
        Answer answer = answers.getOrDefault(path, new Answer(404, ""));
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Location", "http://127.0.0.1:1/elsewhere");
        exchange.sendResponseHeaders(answer.status(), body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @AfterEach
    void stop() {
        site.stop(0);
        store.stop(0);
    }

    private Path graph(int nodes) throws IOException {
        StringBuilder list = new StringBuilder();
        for (int i = 0; i < nodes; i++) {
            list.append(i == 0 ? "" : ",")
                    .append(
                            "{\"node_id\":\"0_%d_1\",\"feature\":%d,\"layer\":\"0\",\"ctx_idx\":1,\"feature_type\":\"f\",\"jsNodeId\":\"%x\",\"clerp\":\"\"}"
                                    .formatted(i, i, i * 0x9e3779b97f4a7c15L));
        }
        return Files.writeString(
                directory.resolve("g.json"),
                "{\"metadata\":{\"slug\":\"demo\",\"scan\":\"gemma-2-2b\",\"prompt_tokens\":[\"a\"],\"prompt\":\"a\"},\"qParams\":{},\"nodes\":[%s],\"links\":[]}"
                        .formatted(list));
    }

    private URI upload(Path file) {
        try (Neuronpedia neuronpedia = new Neuronpedia(address(site), KEY)) {
            return neuronpedia.upload(file);
        }
    }

    @Test
    void asksForAPlaceStoresAndEnters() throws IOException {
        Path file = graph(200);
        assertEquals(URI.create("https://example.org/gemma-2-2b/graph?slug=demo"), upload(file));
        JsonNode asked = new ObjectMapper().readTree(bodies.get("/api/graph/signed-put"));
        assertEquals("demo.json", asked.get("filename").asText());
        assertEquals(
                bodies.get("/bucket/put").length,
                asked.get("contentLength").asInt(),
                "the address is signed for this length");
        assertEquals("gzip", encodings.get("/bucket/put"));
        assertArrayEquals(
                Files.readAllBytes(file),
                new GZIPInputStream(new ByteArrayInputStream(bodies.get("/bucket/put"))).readAllBytes());
        assertEquals(
                "{\"putRequestId\":\"r-1\"}", new String(bodies.get("/api/graph/save-to-db"), StandardCharsets.UTF_8));
        assertEquals(
                Map.of("/api/graph/signed-put", KEY, "/bucket/put", "null", "/api/graph/save-to-db", KEY),
                keys,
                "who saw the key");
    }

    @Test
    void whatPacksToTooLittleIsStoredPlain() throws IOException {
        Path file = graph(12);
        upload(file);
        assertEquals("null", encodings.get("/bucket/put"));
        assertArrayEquals(Files.readAllBytes(file), bodies.get("/bucket/put"));
    }

    @ParameterizedTest
    @CsvSource({
        "/api/graph/signed-put, 401, does not know the key",
        "/api/graph/signed-put, 403, does not allow",
        "/api/graph/signed-put, 413, too large",
        "/api/graph/signed-put, 429, too many uploads",
        "/api/graph/signed-put, 500, try again later",
        "/api/graph/signed-put, 302, points elsewhere",
        "/bucket/put, 403, time to store may have run out",
        "/bucket/put, 413, too large",
        "/api/graph/save-to-db, 400, has to be a model",
        "/api/graph/save-to-db, 404, has to be a model",
        "/api/graph/save-to-db, 307, points elsewhere"
    })
    void refusalsAreExplainedAndDoNotShowTheKey(String path, int status, String meaning) throws IOException {
        answers.put(
                path,
                new Answer(status, "{\"error\":\"Too many put requests of %s today\\u001b[31m\"}".formatted(KEY)));
        Path file = graph(200);
        HeadwaterException refused = assertThrows(HeadwaterException.class, () -> upload(file));
        assertTrue(
                refused.getMessage().contains(meaning) && refused.getMessage().contains("status " + status),
                refused.getMessage());
        assertTrue(refused.getMessage().contains("Too many put requests of … today"), refused.getMessage());
        for (Throwable e = refused; e != null; e = e.getCause()) {
            assertFalse(
                    String.valueOf(e.getMessage()).contains(KEY)
                            || String.valueOf(e.getMessage()).contains("\u001b"),
                    e.toString());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "/api/graph/signed-put | <html> | not JSON",
                "/api/graph/signed-put | {} | putRequestId",
                "/api/graph/signed-put | {\"url\":5,\"putRequestId\":\"r\"} | 'url'",
                "/api/graph/signed-put | {\"url\":\"http://example.org/x\",\"putRequestId\":\"r\"} | not safe",
                "/api/graph/signed-put | {\"url\":\"file:///etc/passwd\",\"putRequestId\":\"r\"} | not safe",
                "/api/graph/signed-put | {\"url\":\"::\",\"putRequestId\":\"r\"} | not safe",
                "/api/graph/save-to-db | {\"message\":\"ok\"} | 'url'",
                "/api/graph/save-to-db | {\"url\":\"javascript:alert(1)\"} | not one of a page"
            })
    void answersThatMakeNoSenseAreRefused(String path, String body, String part) throws IOException {
        answers.put(path, new Answer(200, body));
        Path file = graph(200);
        String message =
                assertThrows(HeadwaterException.class, () -> upload(file)).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void anAnswerWithoutEndIsCutOff() throws IOException {
        answers.put("/api/graph/signed-put", new Answer(200, " ".repeat(2 << 20)));
        Path file = graph(200);
        assertTrue(assertThrows(HeadwaterException.class, () -> upload(file))
                .getMessage()
                .contains("failed"));
    }

    @Test
    void filesThatTheSiteDoesNotTakeAreNotSent() throws IOException {
        Path small = graph(1);
        Path named = directory.resolve("named.json");
        Files.writeString(named, Files.readString(graph(50)).replace("\"demo\"", "\"de mo\""));
        Path invalid = directory.resolve("invalid.json");
        Files.writeString(invalid, Files.readString(graph(50)).replace("\"links\"", "\"lonks\""));
        Path broken = Files.writeString(directory.resolve("broken.json"), "{\"metadata\":");
        graph(1);
        Map<Path, String> reasons = Map.of(
                small,
                "too small",
                named,
                "slug 'de mo'",
                invalid,
                "has no links",
                broken,
                "not valid JSON",
                directory.resolve("none"),
                "There is no");
        reasons.forEach((file, reason) -> {
            String message =
                    assertThrows(HeadwaterException.class, () -> upload(file)).getMessage();
            assertTrue(message.contains(reason), message);
        });
        assertEquals(Map.of(), bodies, "what was sent");
    }

    @Test
    void theSitesNamesGoIntoWhatIsStored() throws Exception {
        Path file = directory.resolve("scan.json");
        Files.writeString(
                file,
                Files.readString(graph(200))
                        .replaceFirst("\"scan\":\\s*\"[^\"]*\"", "\"scan\":\"org/my-set//folder\""));
        assertTrue(Upload.of(file, Optional.empty(), Optional.empty())
                .problems()
                .getFirst()
                .contains("--scan"));
        Upload upload = Upload.of(file, Optional.of("gemma-2-2b"), Optional.of("my-set"));
        assertEquals(List.of(), upload.problems());
        assertTrue(upload.packed());
        JsonNode metadata = new ObjectMapper()
                .readTree(new GZIPInputStream(new ByteArrayInputStream(upload.body())))
                .get("metadata");
        assertEquals("gemma-2-2b", metadata.get("scan").asText());
        assertEquals(
                "my-set", metadata.at("/feature_details/neuronpedia_source_set").asText());
        Files.writeString(
                file, Files.readString(file).replace("org/my-set//folder", "mwhanna/gemma-scope-transcoders"));
        Upload known = Upload.of(file, Optional.empty(), Optional.empty());
        metadata = new ObjectMapper()
                .readTree(new GZIPInputStream(new ByteArrayInputStream(known.body())))
                .get("metadata");
        assertEquals("gemma-2-2b", metadata.get("scan").asText());
        assertEquals(
                "gemmascope-transcoder-16k",
                metadata.at("/feature_details/neuronpedia_source_set").asText());
    }

    @Test
    void nobodyThere() throws IOException {
        Path file = graph(200);
        store.stop(0);
        assertTrue(assertThrows(HeadwaterException.class, () -> upload(file))
                .getMessage()
                .contains("Cannot reach 127.0.0.1 to store the graph"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.org",
                "http://127.0.0.1.example.org",
                "ftp://example.org",
                "example.org",
                "https://user:pass@example.org",
                "file:///etc",
                "https:///x"
            })
    void addressesThatWouldShowTheKeyAreRefused(String address) {
        assertThrows(UsageException.class, () -> new Neuronpedia(URI.create(address), KEY).close());
    }

    @Test
    void keysThatAreNoneAreRefusedWithoutBeingShown() {
        for (String key : List.of("", "two words", "line\nbreak", "clé", "x".repeat(501))) {
            String message = assertThrows(UsageException.class, () -> new Neuronpedia(Neuronpedia.SITE, key).close())
                    .getMessage();
            assertTrue(key.isEmpty() || !message.contains(key), message);
        }
    }
}
