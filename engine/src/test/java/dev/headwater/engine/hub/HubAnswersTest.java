package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.fixtures.FakeHub;
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
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Refusals of a hub, and answers that are none. */
@Timeout(60)
class HubAnswersTest extends HubCase {
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
}
