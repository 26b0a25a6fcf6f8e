package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class HubTest {
    private static final String REPOSITORY = "org/model";
    private static final Reference MODEL = Reference.parse(REPOSITORY);
    private static final byte[] WEIGHTS = random(100_000);

    @TempDir
    Path cache;

    private FakeHub server;

    private static byte[] random(int length) {
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

    private HubSettings settings(URI endpoint, boolean offline, String token) {
        return new HubSettings(
                endpoint, cache, token, offline, null, 16_384, 4, 4, Duration.ofMillis(5), Duration.ofMillis(700));
    }

    private Hub hub() {
        return new Hub(settings(server.endpoint(), false, "secret"));
    }

    private Hub offline() {
        return new Hub(settings(server.endpoint(), true, null));
    }

    private static void assertModel(Path directory) throws IOException {
        assertArrayEquals(WEIGHTS, Files.readAllBytes(directory.resolve("model.safetensors")));
        assertEquals("{\"model_type\": \"llama\"}", Files.readString(directory.resolve("config.json")));
    }

    @Test
    void aModelIsFetchedIntoTheLayoutThatPythonUses() throws IOException {
        try (Hub hub = hub()) {
            Hub.Resolved resolved = hub.model(MODEL, Progress.NONE);
            Path root = cache.resolve("models--org--model");
            assertEquals(
                    root.resolve("snapshots").resolve(FakeHub.COMMIT),
                    resolved.directory().resolve("").normalize());
            assertEquals(FakeHub.COMMIT, resolved.commit());
            assertModel(resolved.directory());
            assertEquals(FakeHub.COMMIT, Files.readString(root.resolve("refs/main")));
            Path link = resolved.directory().resolve("model.safetensors");
            assertEquals(Path.of("../../blobs", FakeHub.etag(WEIGHTS)), Files.readSymbolicLink(link));
            assertFalse(
                    Files.exists(resolved.directory().resolve("pytorch_model.bin")),
                    "other frameworks' weights stay away");
            assertOnlyBlobs(root, 3);
        }
    }

    private static void assertOnlyBlobs(Path root, int count) throws IOException {
        try (Stream<Path> blobs = Files.list(root.resolve("blobs"))) {
            List<String> names =
                    blobs.map(blob -> blob.getFileName().toString()).toList();
            assertTrue(names.stream().allMatch(name -> name.matches("[0-9a-f]{40}|[0-9a-f]{64}")), names::toString);
            assertEquals(count, names.size());
        }
    }

    @Test
    void largeFilesComeInRangesFromTheOtherHostAndTheTokenStaysHere() {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        List<FakeHub.Request> ranges = server.requests.stream()
                .filter(request ->
                        request.server().equals("network") && request.path().endsWith(FakeHub.etag(WEIGHTS)))
                .toList();
        assertEquals(7, ranges.size());
        assertTrue(ranges.stream().allMatch(request -> request.range() != null));
        for (FakeHub.Request request : server.requests) {
            if (request.server().equals("hub")) {
                assertEquals("Bearer secret", request.authorization(), request.toString());
            } else {
                assertNull(request.authorization(), request.toString());
            }
        }
    }

    @Test
    void aSecondTimeNothingIsDownloaded() throws IOException {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        server.requests.clear();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            hub.model(MODEL, Progress.NONE);
        }
        assertEquals(
                List.of("/api/models/org/model/revision/main", "/api/models/org/model/tree/" + FakeHub.COMMIT),
                server.requests.stream().map(FakeHub.Request::path).toList());
    }

    @Test
    void whatPythonLeftInTheCacheIsUsed() throws IOException {
        Path root = cache.resolve("models--org--model");
        Path snapshot = Files.createDirectories(root.resolve("snapshots").resolve(FakeHub.COMMIT));
        Files.createDirectories(root.resolve("blobs"));
        Files.createDirectories(root.resolve("refs"));
        Files.writeString(root.resolve("refs/main"), FakeHub.COMMIT);
        Files.write(root.resolve("blobs").resolve(FakeHub.etag(WEIGHTS)), WEIGHTS);
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs", FakeHub.etag(WEIGHTS)));
        try (Hub hub = offline()) {
            assertArrayEquals(
                    WEIGHTS,
                    Files.readAllBytes(
                            hub.model(MODEL, Progress.NONE).directory().resolve("model.safetensors")));
        }
        assertEquals(0, server.requests.size());
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(
                server.requests.stream()
                        .noneMatch(request -> request.path().contains(FakeHub.etag(WEIGHTS))
                                || request.path().endsWith("model.safetensors")),
                "the weights that are here are not asked for");
    }

    @Test
    void aBlobOfAnotherCommitIsOnlyLinked() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--org--model/blobs"));
        Files.write(blobs.resolve(FakeHub.etag(WEIGHTS)), WEIGHTS);
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(server.requests.stream().noneMatch(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS))));
    }

    @Test
    void foldersRevisionsAndPatternsSelectFiles() throws IOException {
        try (Hub hub = hub()) {
            Path directory = hub.resolve(
                            Reference.parse("org/model/folder@refs/pr/1"), List.of("**.json"), Progress.NONE)
                    .directory();
            assertEquals("{}", Files.readString(directory.resolve("deep/ünï code.json")));
            assertEquals(FakeHub.COMMIT, Files.readString(cache.resolve("models--org--model/refs/refs/pr/1")));
            assertFalse(Files.exists(directory.resolve("../config.json")));
            Path empty = hub.file(new Reference.Remote(REPOSITORY, "empty.txt", "v1"), Progress.NONE);
            assertEquals(0, Files.size(empty));
            var e = assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("*.npz"), Progress.NONE));
            assertEquals("org/model has no file *.npz.", e.getMessage());
        }
    }

    @Test
    void longListsComeInPages() {
        server.pageSize = 2;
        try (Hub hub = hub()) {
            Hub.Listing listing = hub.list(new Reference.Remote(REPOSITORY, "", "main"));
            assertEquals(6, listing.files().size());
            assertEquals(152_000 + 25, listing.bytes());
        }
    }

    @Test
    void transcodersAndTheFilesOfOtherRepositoriesThatTheyListAreFetched() throws IOException {
        server.with(
                        "org/set",
                        "small/config.yaml",
                        "model_kind: transcoder_set\ntranscoders:\n  - layer_0.safetensors\n  - hf://org/other/a/l1.npz?revision=v1\n")
                .with("org/set", "small/layer_0.safetensors", "zero")
                .with("org/set", "small/unrelated.safetensors", "no")
                .with("org/other", "a/l1.npz", "one")
                .with("org/clt", "config.yaml", "model_kind: cross_layer_transcoder\n")
                .with("org/clt", "W_enc_0.safetensors", "enc")
                .with("org/clt", "README.md", "text");
        try (Hub hub = hub()) {
            Path directory = hub.transcoders(Reference.parse("org/set/small"), Progress.NONE)
                    .directory();
            assertEquals("zero", Files.readString(directory.resolve("layer_0.safetensors")));
            assertFalse(Files.exists(directory.resolve("unrelated.safetensors")));
            server.requests.clear();
            Path other =
                    hub.file((Reference.Remote) Reference.parse("hf://org/other/a/l1.npz?revision=v1"), Progress.NONE);
            assertEquals("one", Files.readString(other));
            assertEquals(0, server.requests.size(), "it has been fetched with the set");
            assertEquals(
                    "enc",
                    Files.readString(hub.either(Reference.parse("org/clt"), Progress.NONE)
                            .directory()
                            .resolve("W_enc_0.safetensors")));
            assertModel(hub.either(MODEL, Progress.NONE).directory());
            var e = assertThrows(HeadwaterException.class, () -> hub.transcoders(MODEL, Progress.NONE));
            assertTrue(e.getMessage().contains("config.yaml"), e.getMessage());
        }
    }

    @Test
    void failuresThatPassAreWaitedFor() throws IOException {
        server.fault(1, request -> request.path().contains("/revision/"), FakeHub.status(429, "Retry-After", "0"));
        server.fault(
                1, request -> request.path().contains("/tree/"), FakeHub.status(429, "RateLimit", "\"api\";r=0;t=0"));
        server.fault(2, request -> request.method().equals("HEAD"), FakeHub.status(503));
        server.fault(3, request -> request.server().equals("network"), FakeHub.status(500));
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @Test
    void aServerThatAsksForAPauseGetsIt() {
        server.fault(1, request -> request.path().contains("/revision/"), FakeHub.status(429, "Retry-After", "1"));
        long start = System.nanoTime();
        try (Hub hub = hub()) {
            hub.list((Reference.Remote) MODEL);
        }
        assertTrue(System.nanoTime() - start >= 1_000_000_000L);
    }

    @Test
    void cutConnectionsGoOnWhereTheyBroke() throws IOException {
        server.fault(4, request -> request.server().equals("network"), FakeHub.cutAfter(5_000));
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(
                server.requests.stream()
                        .anyMatch(request -> request.range() != null
                                && request.range()
                                        .matches("bytes=\\d*5000-.*|bytes=21384-.*|bytes=37768-.*|bytes=54152-.*")),
                () -> server.requests.toString());
    }

    @Test
    void stalledConnectionsAreDropped() throws IOException {
        server.fault(1, request -> request.server().equals("network"), (exchange, request, content) -> {
            exchange.getResponseHeaders()
                    .add(
                            "Content-Range",
                            "bytes " + request.range().substring(6).split("-")[0] + "-9/9");
            exchange.sendResponseHeaders(206, 10_000);
            exchange.getResponseBody().flush();
            try {
                Thread.sleep(5_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        });
        long start = System.nanoTime();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(System.nanoTime() - start < 4_500_000_000L);
    }

    @Test
    void anInterruptedDownloadGoesOnTheNextTime() throws IOException {
        server.fault(
                1000,
                request -> request.server().equals("network") && request.range().startsWith("bytes=65536-"),
                FakeHub.cutAfter(0));
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.model(MODEL, Progress.NONE));
            assertTrue(e.getMessage().contains("keeps breaking off"), e.getMessage());
        }
        assertFalse(
                Files.exists(cache.resolve("models--org--model/refs/main")),
                "an incomplete snapshot is not what main names");
        stop();
        restart();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        long again = server.requests.stream()
                .filter(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS)))
                .count();
        assertTrue(again >= 1 && again < 7, () -> again + " of 7 ranges were fetched again");
        assertOnlyBlobs(cache.resolve("models--org--model"), 3);
    }

    private void restart() throws IOException {
        start();
    }

    @Test
    void aServerWithoutRangesWillDo() throws IOException {
        server.ignoresRanges = true;
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "config.json"})
    void contentOfAnotherHashIsRefusedAndDeleted(String file) throws IOException {
        byte[] wrong = file.equals("config.json") ? "{\"model_type\": \"gemma\"}".getBytes() : random(100_001);
        server.fault(
                1000,
                request -> request.method().equals("GET")
                        && (request.path().endsWith(file) || request.path().equals("/" + FakeHub.etag(WEIGHTS))),
                (exchange, request, content) -> content == null || content.length < 10
                        ? false
                        : FakeHub.cutAfter(1 << 20)
                                .handle(
                                        exchange,
                                        request,
                                        content.length == WEIGHTS.length
                                                ? java.util.Arrays.copyOf(wrong, WEIGHTS.length)
                                                : wrong));
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of(file), Progress.NONE));
            assertTrue(e.getMessage().contains("is damaged"), e.getMessage());
        }
        try (Stream<Path> blobs = Files.list(cache.resolve("models--org--model/blobs"))) {
            assertEquals(List.of(), blobs.toList());
        }
    }

    @Test
    void aDamagedPartFromBeforeIsFetchedAnew() throws IOException {
        Path blob = cache.resolve("models--org--model/blobs").resolve(FakeHub.etag(WEIGHTS));
        try (PartialFile partial = PartialFile.open(blob, WEIGHTS.length, 16_384)) {
            partial.write(new byte[16_384], 16_384, 0);
            partial.finish(0);
        }
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            401 | GatedRepo        | is gated: accept its conditions at
            403 | GatedRepo        | is gated: accept its conditions at
            403 | ''               | the token in use lacks the permission
            404 | EntryNotFound    | has no file config.json at revision main
            401 | ''               | the token in use cannot read it
            """)
    void refusalsAreExplained(int status, String code, String expected) {
        server.fault(10, request -> request.method().equals("HEAD"), FakeHub.status(status, "X-Error-Code", code));
        try (Hub hub = hub()) {
            var e = assertThrows(
                    HeadwaterException.class, () -> hub.resolve(MODEL, List.of("config.json"), Progress.NONE));
            assertTrue(e.getMessage().contains(expected), e.getMessage());
            assertFalse(e.getMessage().contains("secret"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            org/absent   | There is no model repository org/absent
            org/model@v9 | org/model has no revision "v9"
            /no/such/dir | There is no directory /no/such/dir
            """)
    void missingThingsAreNamed(String reference, String expected) {
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.model(Reference.parse(reference), Progress.NONE));
            assertTrue(e.getMessage().contains(expected), e.getMessage());
        }
    }

    @Test
    void offlineOnlyTheCacheIsUsed() throws IOException {
        try (Hub hub = offline()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.model(MODEL, Progress.NONE));
            assertTrue(
                    e.getMessage().contains("is not in the cache")
                            && e.getMessage().contains("HF_HUB_OFFLINE"),
                    e.getMessage());
        }
        assertEquals(0, server.requests.size());
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        server.requests.clear();
        try (Hub hub = offline()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("*.bin"), Progress.NONE));
        }
        assertEquals(0, server.requests.size());
    }

    @Test
    void withoutANetworkTheCacheWillDo() throws IOException {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        stop();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            var e = assertThrows(
                    HeadwaterException.class, () -> hub.model(Reference.parse("org/other"), Progress.NONE));
            assertTrue(e.getMessage().contains("Cannot reach 127.0.0.1"), e.getMessage());
        }
    }

    @Test
    void severalThatFetchTheSameFileAtOnceDownloadItOnce() throws Exception {
        Callable<Path> task = () -> {
            try (Hub hub = hub()) {
                return hub.model(MODEL, Progress.NONE).directory();
            }
        };
        try (var threads = Executors.newFixedThreadPool(4)) {
            for (var directory : threads.invokeAll(List.of(task, task, task, task))) {
                assertModel(directory.get());
            }
        }
        assertEquals(
                7,
                server.requests.stream()
                        .filter(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS)))
                        .count());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../evil",
                "/etc/passwd",
                "a/../../b",
                "a//b",
                "a\\..\\b",
                "C:evil",
                "a/\u0000b",
                "",
                ".",
                "a/./b"
            })
    void unsafeNamesFromTheServerAreRefused(String name) throws IOException {
        server.listAs("config.json", name);
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("**"), Progress.NONE));
            assertTrue(e.getMessage().contains("unsafe name"), e.getMessage());
        }
        try (Stream<Path> written = Files.walk(cache)) {
            assertEquals(0, written.filter(Files::isRegularFile).count());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            X-Linked-ETag | "../../../evil"
            X-Linked-ETag | ""
            Location      | file:///etc/passwd
            Location      | gopher://somewhere/
            """)
    void unsafeHeadersFromTheServerAreRefused(String header, String value) {
        server.fault(
                10,
                request -> request.method().equals("HEAD"),
                FakeHub.status(
                        302,
                        header,
                        value,
                        header.equals("Location") ? "X-Linked-ETag" : "Location",
                        header.equals("Location") ? "abc" : "http://127.0.0.1:1/x"));
        try (Hub hub = hub()) {
            assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("config.json"), Progress.NONE));
        }
    }

    /** Each ends in one sentence, whatever the server says. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            HEAD | X-Linked-Size  | 99999999999999999
            HEAD | X-Linked-Size  | 1000000000000000
            HEAD | X-Linked-Size  | 2000000000000
            HEAD | Content-Length | 9223372036854775808
            HEAD | Content-Length | 5-9
            GET  | Content-Length | 9223372036854775808
            GET  | Content-Length | 5-9
            GET  | Link           | <http://a b/>; rel="next"
            GET  | Link           | <:>; rel="next"
            """)
    void headersThatLieEndInASentence(String method, String header, String value) throws Exception {
        try (var liar = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread thread = Thread.startVirtualThread(() -> {
                while (true) {
                    try (Socket socket = liar.accept()) {
                        var in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                        String request = in.readLine();
                        for (String line = request; line != null && !line.isEmpty(); line = in.readLine()) {
                            // The request's headers.
                        }
                        String body = request.contains("/revision/")
                                ? "{\"sha\":\"" + FakeHub.COMMIT + "\"}"
                                : "[{\"type\":\"file\",\"path\":\"config.json\",\"size\":10,\"oid\":\"" + "a".repeat(40)
                                        + "\"}]";
                        boolean lie =
                                request.startsWith(method) && (!method.equals("GET") || request.contains("/tree/"));
                        boolean length = lie && header.equals("Content-Length");
                        String answer = "HTTP/1.1 200 OK\r\nETag: \"" + "a".repeat(40) + "\"\r\nConnection: close\r\n"
                                + (length ? "" : "Content-Length: " + body.length() + "\r\n")
                                + (lie ? header + ": " + value + "\r\n" : "") + "\r\n"
                                + (request.startsWith("HEAD") ? "" : body);
                        socket.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
                        socket.getOutputStream().flush();
                    } catch (IOException e) {
                        if (liar.isClosed()) {
                            return;
                        }
                    }
                }
            });
            URI endpoint = URI.create("http://127.0.0.1:" + liar.getLocalPort());
            try (Hub hub = new Hub(settings(endpoint, false, null))) {
                var e = assertThrows(
                        HeadwaterException.class, () -> hub.resolve(MODEL, List.of("config.json"), Progress.NONE));
                assertTrue(e.getMessage().lines().count() == 1 && e.getMessage().length() > 20, e.getMessage());
            }
            liar.close();
            thread.join();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/revision/", "/tree/"})
    void answersThatStopAreNotWaitedFor(String call) {
        server.fault(20, request -> request.path().contains(call), (exchange, _, _) -> {
            exchange.sendResponseHeaders(200, 1000);
            exchange.getResponseBody().write("{\"sha\":".getBytes(StandardCharsets.US_ASCII));
            exchange.getResponseBody().flush();
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        });
        try (Hub hub = hub()) {
            var e = assertThrows(
                    HeadwaterException.class, () -> hub.resolve(MODEL, List.of("config.json"), Progress.NONE));
            assertTrue(e.getMessage().contains("broke"), e.getMessage());
        }
    }

    @Test
    void sizesThatOverflowAreRefused() {
        String huge =
                "{\"type\":\"file\",\"path\":\"%s\",\"size\":4611686018427387904,\"oid\":\"" + "a".repeat(40) + "\"}";
        byte[] list = ("[" + huge.formatted("config.json") + "," + huge.formatted("b.json") + "]")
                .getBytes(StandardCharsets.UTF_8);
        server.fault(20, request -> request.path().contains("/tree/"), (exchange, _, _) -> {
            exchange.sendResponseHeaders(200, list.length);
            exchange.getResponseBody().write(list);
            return true;
        });
        try (Hub hub = hub()) {
            assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("*.json"), Progress.NONE));
        }
    }

    @Test
    void circlesOfRedirectsEnd() {
        server.fault(
                100,
                request -> request.method().equals("HEAD"),
                FakeHub.status(307, "Location", "/org/model/resolve/main/config.json"));
        try (Hub hub = hub()) {
            var e = assertThrows(
                    HeadwaterException.class, () -> hub.resolve(MODEL, List.of("config.json"), Progress.NONE));
            assertTrue(e.getMessage().contains("in circles"), e.getMessage());
        }
    }

    @Test
    void renamedRepositoriesAreFollowed() throws IOException {
        server.with("new/name", "config.json", "{}");
        server.fault(
                1,
                request -> request.path().contains("/old/name/revision/"),
                FakeHub.status(307, "Location", "/api/models/new/name/revision/main"));
        server.fault(
                1,
                request -> request.path().contains("/old/name/tree/"),
                FakeHub.status(307, "Location", "/api/models/new/name/tree/" + FakeHub.COMMIT));
        server.fault(
                2,
                request -> request.path().startsWith("/old/name/resolve"),
                FakeHub.status(307, "Location", "/new/name/resolve/main/config.json"));
        try (Hub hub = hub()) {
            assertEquals(
                    "{}",
                    Files.readString(hub.resolve(Reference.parse("old/name"), List.of("config.json"), Progress.NONE)
                            .directory()
                            .resolve("config.json")));
        }
    }

    @Test
    void progressCountsBytesAndCanStop() {
        List<Long> advances = new ArrayList<>();
        List<String> phases = new ArrayList<>();
        try (Hub hub = hub()) {
            hub.resolve(MODEL, List.of("*.safetensors", "config.json"), new Progress() {
                @Override
                public void phase(String name, long total) {
                    phases.add(name + " " + total);
                }

                @Override
                public void advance(long done) {
                    advances.add(done);
                }
            });
        }
        assertEquals(List.of("fetching org/model 100023"), phases);
        assertEquals(100_023, advances.getLast());
        try (Hub hub = hub()) {
            assertThrows(
                    CancellationException.class,
                    () -> hub.resolve(MODEL, List.of("*.bin"), new Progress() {
                        @Override
                        public boolean cancelled() {
                            return true;
                        }
                    }));
        }
    }

    @Test
    void theCacheIsListedWithSizes() throws IOException {
        assertEquals(List.of(), new HubCache(cache.resolve("absent")).entries());
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
            hub.model(Reference.parse("org/model@v1"), Progress.NONE);
            Files.createDirectories(cache.resolve("models--single/snapshots/" + "a".repeat(40)));
            List<HubCache.Entry> entries = hub.cache().entries();
            assertEquals(
                    List.of("org/model", "single"),
                    entries.stream().map(HubCache.Entry::repository).toList());
            assertEquals(List.of("main", "v1"), entries.getFirst().revisions());
            assertEquals(List.of("a".repeat(40)), entries.getLast().revisions());
            assertEquals(102_023 + 80, entries.getFirst().bytes(), "contents and two refs");
        }
    }

    @Test
    void localAndBundledReferencesNeedNoHub(@TempDir Path directory) {
        try (Hub hub = offline()) {
            assertEquals(
                    directory,
                    hub.model(Reference.parse(directory.toString()), Progress.NONE)
                            .directory());
            assertNull(hub.model(Reference.parse(directory.toString()), Progress.NONE)
                    .commit());
            assertTrue(Files.exists(hub.transcoders(Reference.parse("atlas-plt"), Progress.NONE)
                    .directory()
                    .resolve("layer_5.safetensors")));
            assertNotNull(hub.either(Reference.parse("atlas"), Progress.NONE).directory());
        }
    }
}
