package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a bad or slow client must not take: our memory, our time, others' turn, or half a file. */
class ExplorerLoadTest extends HostileExplorer {
    @Test
    void halfASurrogatePairIsNoPrompt() {
        for (String prompt :
                List.of("{\"text\":\"a \\ud83d b\"}", "{\"turns\":[{\"role\":\"user\",\"content\":\"\\ude00\"}]}")) {
            String graph = """
                    {"name":"n","model":"atlas","transcoders":"atlas-plt","prompt":%s,"maxLogits":3,"logitProbability":0.9,
                     "maxFeatureNodes":10,"nodeThreshold":0.8,"edgeThreshold":0.98}""".formatted(prompt);
            for (var reply : List.of(
                    client.send("POST", "/api/jobs/attribute", graph),
                    client.send("POST", "/api/jobs/tokens", "{\"model\":\"atlas\",\"prompt\":" + prompt + "}"))) {
                assertEquals(400, reply.status(), prompt);
                assertTrue(reply.error().contains("half a surrogate pair"), reply.error());
            }
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
                new Bad(good.substring(0, 80), "ends too early"),
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
}
