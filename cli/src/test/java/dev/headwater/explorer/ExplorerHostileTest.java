package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a bad client must not get: files outside, other sites' reach, our memory, our time, or half a file. */
class ExplorerHostileTest {
    private static final String SECRET = "the secret outside";

    @TempDir
    Path directory;

    private Path graphs;
    private Path features;
    private ExplorerServer server;
    private Client client;

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

    @Test
    void noSpellingOfAPathLeavesTheDirectories() throws IOException {
        List<String> ups = List.of(
                "../outside",
                "..%2foutside",
                "..%2Foutside",
                "%2e%2e/outside",
                "%2e%2e%2foutside",
                "%252e%252e%252foutside",
                "..%5coutside",
                "..\\outside",
                "....//outside",
                "..;/outside",
                "%2e%2e;x=1/outside",
                "..%00/outside",
                "outside.json%00",
                "%c0%ae%c0%ae/outside",
                "..%c0%afoutside",
                "..%u2215outside",
                "%uff0e%uff0e/outside",
                "./../outside",
                "/" + directory + "/outside",
                directory.toString() + "/outside",
                "%2f" + directory.toString().substring(1) + "%2foutside",
                "../graphs-too/outside",
                "link",
                "folder",
                "folder.json/outside",
                "~/outside",
                "file:///" + directory + "/outside",
                "C:\\outside",
                "\\\\host\\share\\outside",
                "CON",
                ".",
                "..",
                "...",
                ".headwater-0000000000000000.tmp",
                "graph-metadata");
        for (String up : ups) {
            for (String path : List.of(
                    "/api/graphs/" + up,
                    "/api/graphs/" + up + "/labels",
                    "/data/" + up + ".json",
                    "/data//" + up + ".json",
                    "/graph_data/" + up + ".json",
                    "/data/" + up,
                    "/features/" + up + ".json",
                    "/features/set/" + up + ".json",
                    "/assets/" + up,
                    "/assets/" + up + ".js")) {
                String answer = client.rawGet(path);
                assertFalse(answer.contains(SECRET), path + " gave\n" + answer);
                boolean index =
                        path.equals("/data/graph-metadata.json") || path.equals("/graph_data/graph-metadata.json");
                assertTrue(index || answer.startsWith("HTTP/1.1 4"), path + " gave\n" + answer);
            }
        }
        for (String path : List.of(
                "/features/elsewhere/1.json",
                "/features/set/99.json",
                "/features/set/../../outside.json",
                "/features/elsewhere/outside.json")) {
            assertTrue(client.rawGet(path).startsWith("HTTP/1.1 4"), path);
        }
        assertTrue(client.rawGet("/features/set/12.json").endsWith("{\"index\":3}"), "what belongs there is served");
    }

    @Test
    void writesGoNowhereElse() throws IOException {
        List<String> names = List.of(
                "..%2foutside",
                "%2e%2e%2foutside", "link", "folder", ".hidden", "a%2fb", "graph-metadata", "%00", "a".repeat(129), "");
        for (String name : names) {
            for (String method : List.of("PUT", "DELETE")) {
                String path = "/api/graphs/" + name + (method.equals("PUT") ? "/annotations" : "");
                String answer = client.raw(
                        method + " " + path
                                + " HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                        10);
                assertTrue(answer.startsWith("HTTP/1.1 4"), method + " " + path + " gave\n" + answer);
            }
            String answer = client.raw(
                    "POST /api/graphs?name=" + name
                            + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                    10);
            assertTrue(answer.startsWith("HTTP/1.1 4"), "POST " + name + " gave\n" + answer);
        }
        assertEquals(SECRET, Files.readString(directory.resolve("outside.json")));
        assertTrue(Files.isSymbolicLink(graphs.resolve("link.json")), "the link is left alone");
        assertEquals(3, Files.list(graphs).count());
    }

    @Test
    void pagesOfOtherSitesGetNothing() throws IOException {
        String graph = "/api/graphs/" + SampleGraphs.DALLAS;
        String evil = "http://evil.example";
        for (String host : List.of(
                "evil.example",
                "evil.example:" + server.port(),
                "127.0.0.1.evil.example",
                "localhost.evil.example",
                "")) {
            String answer =
                    client.raw("GET " + graph + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n", 10);
            assertTrue(answer.startsWith("HTTP/1.1 4"), "Host " + host + " gave\n" + head(answer));
            assertFalse(answer.contains("prompt_tokens"), "Host " + host);
        }
        assertTrue(client.raw("GET " + graph + " HTTP/1.0\r\n\r\n", 10).startsWith("HTTP/1.1 4"), "no Host at all");
        for (String[] headers : List.of(
                new String[] {"Origin", evil},
                new String[] {"Origin", "null"},
                new String[] {"Origin", "http://localhost:1"},
                new String[] {"Origin", "https://localhost:" + server.port()},
                new String[] {"Sec-Fetch-Site", "cross-site"},
                new String[] {"Sec-Fetch-Site", "same-site"})) {
            String answer = client.rawGet(graph, headers);
            assertTrue(answer.startsWith("HTTP/1.1 403"), String.join(" ", headers) + " gave\n" + head(answer));
            assertFalse(answer.toLowerCase(java.util.Locale.ROOT).contains("access-control-allow"), "no CORS");
        }
        assertTrue(
                client.rawGet(graph, "Origin", "http://localhost:" + server.port(), "Sec-Fetch-Site", "same-origin")
                        .startsWith("HTTP/1.1 200"),
                "our own page");
        assertTrue(
                client.rawGet("/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
                        .startsWith("HTTP/1.1 200"),
                "a link to the page may be followed");
        assertTrue(
                client.rawGet(graph, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
                        .startsWith("HTTP/1.1 403"),
                "but not to the data");
        // A form of another site can send these types without asking first.
        for (String type :
                List.of("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")) {
            assertEquals(
                    415,
                    client.send("POST", "/api/graphs?name=x", "{}", "Content-Type", type)
                            .status(),
                    type);
        }
        String preflight = client.raw(
                "OPTIONS " + graph + " HTTP/1.1\r\nHost: localhost\r\nOrigin: " + evil
                        + "\r\nAccess-Control-Request-Method: PUT\r\nConnection: close\r\n\r\n",
                10);
        assertFalse(preflight.toLowerCase(java.util.Locale.ROOT).contains("access-control-allow"), preflight);
    }

    @Test
    void everyAnswerCarriesThePolicies() throws IOException {
        for (String path :
                List.of("/", "/api/graphs", "/nothing", "/assets/d3.min.js", "/api/graphs/" + SampleGraphs.DALLAS)) {
            String head = head(client.rawGet(path));
            assertTrue(
                    head.contains("Content-Security-Policy: default-src 'none'; script-src 'self'"),
                    path + "\n" + head);
            assertTrue(
                    head.contains("X-Content-Type-Options: nosniff") && head.contains("Referrer-Policy: no-referrer"),
                    path + "\n" + head);
            assertFalse(head.contains("unsafe") || head.contains("Server:"), path + "\n" + head);
        }
    }

    @Test
    void elsewhereThanOnLoopbackATokenIsNeeded() throws IOException {
        try (var open = ExplorerServer.start(ExplorerConfig.local(graphs).at("0.0.0.0", 0));
                var visitor = new Client(open.port())) {
            String token = open.address().getQuery().replace("token=", "");
            assertTrue(token.length() >= 32, token);
            for (String path : List.of(
                    "/",
                    "/api/graphs",
                    "/assets/d3.min.js",
                    "/data/" + SampleGraphs.DALLAS + ".json",
                    "/?token=",
                    "/?token=x" + token,
                    "/api/graphs?token=" + token)) {
                assertEquals(401, visitor.get(path).status(), path);
            }
            assertEquals(
                    401,
                    visitor.get("/api/graphs", "Authorization", "Bearer wrong").status());
            assertEquals(
                    401,
                    visitor.get("/api/graphs", "Cookie", "headwater_" + open.port() + "=" + token)
                            .status(),
                    "the token is no session");
            assertEquals(
                    200,
                    visitor.get("/api/graphs", "Authorization", "Bearer " + token)
                            .status());
            var first = visitor.get("/?token=" + token);
            assertEquals(303, first.status());
            String cookie = first.response().headers().firstValue("Set-Cookie").orElseThrow();
            assertTrue(
                    cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains(token), cookie);
            assertEquals(
                    200,
                    visitor.get("/api/graphs", "Cookie", cookie.split(";")[0]).status());
            assertTrue(visitor.raw(
                            "GET / HTTP/1.1\r\nHost: evil.example\r\nCookie: " + cookie.split(";")[0]
                                    + "\r\nConnection: close\r\n\r\n",
                            10)
                    .startsWith("HTTP/1.1 421"));
        }
    }

    @Test
    void malformedBodiesAreRefusedWithASentence() {
        String path = "/api/graphs/" + SampleGraphs.DALLAS + "/annotations";
        String before = client.get("/api/graphs/" + SampleGraphs.DALLAS).etag();
        String deep = "[".repeat(5000) + "]".repeat(5000);
        for (String body : List.of(
                "",
                "null",
                "[]",
                "{",
                "{\"pinnedIds\":3}",
                "{\"pinnedIds\":[1]}",
                "{\"supernodes\":[\"a\"]}",
                "{\"supernodes\":[[]]}",
                "{\"x\":" + deep + "}",
                "{\"a\":1,\"a\":2}",
                "{} {}",
                "{\"x\":1" + "0".repeat(1000) + "}",
                "\u0000",
                "{\"a\":NaN}")) {
            var reply = client.send("PUT", path, body, "If-Match", "*");
            assertTrue(
                    reply.status() == 400 && reply.error().endsWith("."),
                    body.substring(0, Math.min(30, body.length())) + " gave " + reply.status() + " " + reply.json());
        }
        assertEquals(before, client.get("/api/graphs/" + SampleGraphs.DALLAS).etag(), "nothing has changed");
        for (String kind : List.of("attribute", "intervene", "tokens")) {
            for (String body : List.of("", "{}", "[]", "{\"surprise\":1}", deep)) {
                assertEquals(
                        400,
                        client.send("POST", "/api/jobs/" + kind, body).status(),
                        kind + " " + body.substring(0, Math.min(30, body.length())));
            }
        }
    }

    @Test
    void uploadsThatAreNoGraphsAreRefusedWithTheReason() {
        String node =
                "{\"node_id\":\"E_1_0\",\"feature\":0,\"layer\":\"E\",\"ctx_idx\":0,\"feature_type\":\"embedding\",\"clerp\":\"\"}";
        String meta = "\"metadata\":{\"slug\":\"s\",\"scan\":\"s\",\"prompt\":\"p\",\"prompt_tokens\":[\"p\"]}";
        String good = "{" + meta + ",\"nodes\":[" + node + "],\"links\":[]}";
        record Bad(String body, String reason) {}
        List<Bad> bads = List.of(
                new Bad("", "not a JSON object"),
                new Bad("[]", "not a JSON object"),
                new Bad("{}", "no metadata"),
                new Bad(good + "x", "Unrecognized token"),
                new Bad(good.substring(0, 80), "end-of-input"),
                new Bad(good.replace("\"slug\":\"s\",", ""), "no slug"),
                new Bad(
                        good.replace("\"prompt_tokens\":[\"p\"]", "\"prompt_tokens\":\"p\""),
                        "prompt_tokens is not a list of texts"),
                new Bad(good.replace("\"ctx_idx\":0", "\"ctx_idx\":1"), "ctx_idx is 1"),
                new Bad(
                        good.replace("\"ctx_idx\":0", "\"ctx_idx\":99999999999999999999"),
                        "ctx_idx is 99999999999999999999"),
                new Bad(good.replace("\"clerp\":\"\"", "\"clerp\":null"), "clerp is not text"),
                new Bad(good.replace("[" + node + "]", "[" + node + "," + node + "]"), "there twice"),
                new Bad(
                        good.replace(
                                "\"links\":[]",
                                "\"links\":[{\"source\":\"E_1_0\",\"target\":\"nobody\",\"weight\":1}]"),
                        "names a node that is not there"),
                new Bad(
                        good.replace(
                                "\"links\":[]",
                                "\"links\":[{\"source\":\"E_1_0\",\"target\":\"E_1_0\",\"weight\":1e999}]"),
                        "not a finite number"),
                new Bad(good.replace("\"links\":[]", "\"links\":[{\"source\":\"E_1_0\"}]"), "has no target"),
                new Bad("{" + meta + "," + meta + "}", "twice"),
                new Bad("{\"extra\":" + "[".repeat(100) + "]".repeat(100) + "}", "nesting"));
        for (Bad bad : bads) {
            var reply = client.send("POST", "/api/graphs?name=bad", bad.body());
            assertEquals(422, reply.status(), bad.toString());
            assertTrue(reply.error().contains(bad.reason()), bad.reason() + " expected, but got: " + reply.error());
        }
        assertEquals(201, client.send("POST", "/api/graphs?name=good", good).status());
        assertEquals(404, client.get("/api/graphs/bad").status());
    }

    @Test
    void numbersOutOfAllBoundsAreRefusedAndPoisonNothing() throws IOException {
        String sound = """
                {"metadata":{"slug":"a","scan":"s","prompt":"p","prompt_tokens":["p"]},"qParams":{},"nodes":[{"node_id":"E_1_0",
                "feature":0,"layer":"E","ctx_idx":0,"feature_type":"embedding","jsNodeId":"E_1-0","clerp":""}],"links":[]}""";
        assertEquals(201, client.send("POST", "/api/graphs?name=first", sound).status());
        for (String number : List.of("1E-2147483648", "1e2147483648", "1E99999999999999999999")) {
            assertEquals(
                    400,
                    client.send("POST", "/save_graph/first", "{\"qParams\":{\"x\":" + number + "}}")
                            .status());
            String poison = sound.replace("\"slug\":\"a\"", "\"slug\":\"a\",\"x\":" + number);
            int status = client.send("POST", "/api/graphs?name=poison", poison).status();
            assertTrue(status == 201 || status == 422, number + ": " + status);
            // One that somebody else put there.
            Files.writeString(graphs.resolve("poison.json"), poison);
            assertEquals(
                    201, client.send("POST", "/api/graphs?name=second", sound).status(), number);
            assertEquals(
                    204,
                    client.send("DELETE", "/api/graphs/second", null, "If-Match", "*")
                            .status(),
                    number);
            client.send("DELETE", "/api/graphs/poison", null, "If-Match", "*");
        }
    }

    @Test
    void brokenBodiesAreTheClientsFault() throws IOException {
        var whole = new java.io.ByteArrayOutputStream();
        try (var gzip = new java.util.zip.GZIPOutputStream(whole)) {
            gzip.write("{\"metadata\":{\"slug\":\"s\",\"scan\":\"s\"}}".getBytes(StandardCharsets.UTF_8));
        }
        for (int length : new int[] {0, 5, 20, whole.size() - 3}) {
            String request =
                    "POST /api/graphs?name=cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: "
                            + length + "\r\nConnection: close\r\n\r\n";
            String answer = client.raw(
                    request + whole.toString(StandardCharsets.ISO_8859_1).substring(0, length), 20);
            assertTrue(answer.startsWith("HTTP/1.1 400"), length + ": " + answer);
        }
        String utf32 = "\0\0\0{\0\0\0\"\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff";
        for (String path : List.of("/api/jobs/attribute", "/save_graph/" + SampleGraphs.DALLAS, "/api/graphs?name=x")) {
            String answer = client.raw(
                    "POST " + path
                            + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                            + utf32.length() + "\r\nConnection: close\r\n\r\n" + utf32,
                    20);
            assertTrue(answer.startsWith("HTTP/1.1 4"), path + ": " + answer);
        }
    }

    @Test
    void oversizedBodiesAreCutOff() throws IOException {
        String huge = "{\"x\":\"" + "y".repeat(9 << 20) + "\"}";
        assertEquals(413, client.send("POST", "/api/graphs?name=huge", huge).status());
        assertEquals(
                413,
                client.send("PUT", "/api/graphs/" + SampleGraphs.DALLAS + "/annotations", huge, "If-Match", "*")
                        .status());
        assertEquals(413, client.send("POST", "/api/jobs/attribute", huge).status());
        // Announced small, or not at all, and then large.
        String chunk = "x".repeat(1 << 16);
        StringBuilder chunked = new StringBuilder(
                "POST /api/jobs/attribute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 40; i++) {
            chunked.append("10000\r\n").append(chunk).append("\r\n");
        }
        assertTrue(client.raw(chunked + "0\r\n\r\n", 10).startsWith("HTTP/1.1 413"));
        // A bomb: megabytes of zeros in a few kilobytes.
        var bomb = new java.io.ByteArrayOutputStream();
        try (var gzip = new java.util.zip.GZIPOutputStream(bomb)) {
            gzip.write(new byte[64 << 20]);
        }
        String request =
                "POST /api/graphs?name=bomb HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: "
                        + bomb.size() + "\r\nConnection: close\r\n\r\n";
        assertTrue(client.raw(request + bomb.toString(StandardCharsets.ISO_8859_1), 20)
                .startsWith("HTTP/1.1 413"));
        assertTrue(client.rawGet("/" + "a".repeat(64 << 10)).startsWith("HTTP/1.1 4"), "a long address");
        assertTrue(client.rawGet("/", "X", "a".repeat(64 << 10)).startsWith("HTTP/1.1 431"), "long headers");
        assertEquals(3, Files.list(graphs).count(), "no draft left");
    }

    @Test
    void connectionsThatWaitMakeRoom() throws Exception {
        List<Socket> waiting = new ArrayList<>();
        try {
            for (int i = 0; i < 1100; i++) {
                Socket socket = new Socket("127.0.0.1", server.port());
                waiting.add(socket);
                // One whole request, and the beginning of another that never ends.
                socket.getOutputStream()
                        .write("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"
                                .getBytes(StandardCharsets.US_ASCII));
                if (i % 100 == 0) {
                    assertEquals(200, client.get("/api/graphs").status(), "after " + i);
                }
            }
            for (int i = 0; i < 5; i++) {
                try (Client other = new Client(server.port())) {
                    assertEquals(200, other.get("/api/graphs").status());
                }
            }
            // It is closed in time, trickle as it may.
            Socket last = waiting.getLast();
            last.setSoTimeout(1000);
            boolean closed = false;
            for (int second = 0; second < 40 && !closed; second++) {
                try {
                    last.getOutputStream().write('T');
                    closed = last.getInputStream().readNBytes(1 << 16).length < 1 << 16;
                } catch (java.net.SocketTimeoutException e) {
                    // still open
                } catch (IOException e) {
                    closed = true;
                }
            }
            assertTrue(closed, "a second request that never ends is cut off");
        } finally {
            for (Socket socket : waiting) {
                socket.close();
            }
        }
    }

    @Test
    void slowClientsHoldNobodyUp() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 100; i++) {
                Socket socket = new Socket("127.0.0.1", server.port());
                String start = switch (i % 3) {
                    case 0 -> "GET / HT";
                    case 1 ->
                        "POST /api/graphs?name=slow" + i
                                + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{";
                    default ->
                        "GET /api/graphs/" + SampleGraphs.DALLAS
                                + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; // and never reads the answer
                };
                socket.getOutputStream().write(start.getBytes(StandardCharsets.US_ASCII));
                slow.add(socket);
            }
            for (int i = 0; i < 20; i++) {
                assertEquals(200, client.get("/api/graphs").status());
            }
            // Headers that never end are cut off, trickle as they may.
            Socket first = slow.getFirst();
            first.setSoTimeout(1000);
            boolean closed = false;
            for (int second = 0; second < 40 && !closed; second++) {
                try {
                    first.getOutputStream().write('T');
                    closed = first.getInputStream().read() < 0;
                } catch (java.net.SocketTimeoutException e) {
                    // still open
                } catch (IOException e) {
                    closed = true;
                }
            }
            assertTrue(closed, "a connection whose headers never end is closed");
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void concurrentSavesLoseNothing() throws Exception {
        String path = "/api/graphs/" + SampleGraphs.DALLAS;
        int writers = 8;
        int rounds = 5;
        all(IntStream.range(0, writers)
                .<Callable<Void>>mapToObj(writer -> () -> {
                    for (int round = 0; round < rounds; ) {
                        var read = client.get(path);
                        List<String> pinned = new ArrayList<>();
                        read.json().at("/qParams/pinnedIds").forEach(id -> pinned.add(id.textValue()));
                        pinned.add("writer" + writer + "round" + round);
                        JsonNode body = Json.tree(java.util.Map.of("pinnedIds", pinned));
                        var saved = client.send("PUT", path + "/annotations", body.toString(), "If-Match", read.etag());
                        if (saved.status() == 200) {
                            round++;
                        } else {
                            assertEquals(412, saved.status(), saved.error());
                        }
                    }
                    return null;
                })
                .toList());
        JsonNode pinned = client.get(path).json().at("/qParams/pinnedIds");
        assertEquals(writers * rounds, pinned.size(), "every save that was confirmed is there");
    }

    @Test
    void twoHundredReadersAreServed() throws Exception {
        SampleGraphs.synthetic(graphs, "large", 2000, 20_000, 3);
        long size = Files.size(graphs.resolve("large.json"));
        List<Callable<Void>> readers = IntStream.range(0, 200)
                .<Callable<Void>>mapToObj(i -> () -> {
                    var reply = client.get("/api/graphs/large", "Accept-Encoding", i % 2 == 0 ? "gzip" : "identity");
                    assertEquals(200, reply.status());
                    if (i % 2 == 1) {
                        assertEquals(size, reply.response().body().length);
                    }
                    return null;
                })
                .toList();
        all(readers);
    }

    private static void all(List<Callable<Void>> work) throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Void> done : threads.invokeAll(work)) {
                done.get();
            }
        }
    }

    private static String head(String answer) {
        return answer.split("\r\n\r\n", 2)[0];
    }
}
