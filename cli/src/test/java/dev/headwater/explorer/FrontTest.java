package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.headwater.engine.UsageException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The explorer behind a reverse proxy and in a frame: through a real one, and off unless asked for. */
class FrontTest {
    private static final String BASE = "/user/me/proxy/8041";

    @TempDir
    Path directory;

    private HttpServer proxy;
    private ExplorerServer server;

    /**
     * Passes requests on below {@link #BASE}, with the path as it is or without its beginning, and shows a page with a
     * frame.
     */
    private void proxy(boolean strips) throws IOException {
        proxy = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        proxy.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        proxy.createContext("/", exchange -> {
            try (exchange;
                    var http = HttpClient.newHttpClient()) {
                String path = exchange.getRequestURI().toString();
                if (path.equals("/notebook")) {
                    byte[] page = ("<!doctype html><iframe src='" + BASE + "/' width='1200' height='800'></iframe>")
                            .getBytes(StandardCharsets.UTF_8);
                    exchange.getResponseHeaders().add("Content-Type", "text/html");
                    exchange.sendResponseHeaders(200, page.length);
                    exchange.getResponseBody().write(page);
                } else if (path.startsWith(BASE)) {
                    String inner = strips ? path.substring(BASE.length()) : path;
                    pass(exchange, http, inner.startsWith("/") ? inner : "/" + inner);
                } else {
                    exchange.sendResponseHeaders(404, -1);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        proxy.start();
    }

    private void pass(HttpExchange exchange, HttpClient http, String path) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
                .method(
                        exchange.getRequestMethod(),
                        HttpRequest.BodyPublishers.ofByteArray(
                                exchange.getRequestBody().readAllBytes()));
        Set<String> own = Set.of("host", "connection", "content-length", "upgrade", "http2-settings");
        exchange.getRequestHeaders().forEach((name, values) -> {
            if (!own.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
            }
        });
        HttpResponse<byte[]> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        answer.headers().map().forEach((name, values) -> {
            if (!Set.of("content-length", "connection", "transfer-encoding").contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> exchange.getResponseHeaders().add(name, value));
            }
        });
        exchange.sendResponseHeaders(answer.statusCode(), answer.body().length == 0 ? -1 : answer.body().length);
        exchange.getResponseBody().write(answer.body());
    }

    @BeforeEach
    void graphs() throws IOException {
        SampleGraphs.copy(SampleGraphs.DALLAS, directory);
    }

    private void serve(Front front) {
        server = ExplorerServer.start(
                ExplorerConfig.local(directory).withEngine(new FakeEngine(1)).seenAs(front));
    }

    @AfterEach
    void stop() {
        server.close();
        if (proxy != null) {
            proxy.stop(0);
        }
    }

    private Front front() {
        return new Front(BASE + "/", List.of("localhost:" + proxy.getAddress().getPort()), List.of("self"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everythingWorksThroughAProxy(boolean strips) throws Exception {
        proxy(strips);
        serve(front());
        String origin = "http://localhost:" + proxy.getAddress().getPort();
        try (HttpClient http = HttpClient.newHttpClient()) {
            for (String path : List.of("/", "/assets/main.js", "/api/graphs", "/api/graphs/" + SampleGraphs.DALLAS)) {
                HttpResponse<String> reply = http.send(
                        HttpRequest.newBuilder(URI.create(origin + BASE + path)).build(),
                        HttpResponse.BodyHandlers.ofString());
                assertEquals(200, reply.statusCode(), path);
                assertFalse(reply.body().contains("=\"/"), "an address that leaves the folder in " + path);
            }
            for (var page : List.of(
                    List.of(origin, 200),
                    List.of("https://localhost:" + proxy.getAddress().getPort(), 200),
                    List.of("http://evil.example", 403))) {
                HttpResponse<String> reply = http.send(
                        HttpRequest.newBuilder(URI.create(
                                        origin + BASE + "/api/graphs/" + SampleGraphs.DALLAS + "/annotations"))
                                .header("Origin", (String) page.getFirst())
                                .header("Sec-Fetch-Site", "same-origin")
                                .header("Content-Type", "application/json")
                                .header("If-Match", "*")
                                .PUT(HttpRequest.BodyPublishers.ofString("{\"pinnedIds\":[]}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                assertEquals(page.getLast(), reply.statusCode(), page + reply.body());
            }
        }
        if (!strips) {
            String moved = raw("GET " + BASE + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assertTrue(moved.startsWith("HTTP/1.1 302") && moved.contains(BASE + "/\r\n"), moved);
        }
    }

    private String raw(String request) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private String head(String host) throws IOException {
        return raw("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                .split("\r\n\r\n", 2)[0];
    }

    @Test
    void allOfItIsOffByDefault() throws IOException {
        serve(Front.NONE);
        assertTrue(head("hub.example").startsWith("HTTP/1.1 421"));
        String head = head("localhost");
        assertTrue(head.contains("frame-ancestors 'none'") && head.contains("X-Frame-Options: DENY"), head);
        server.close();
        serve(new Front("", List.of("hub.example", "other.example:8443"), List.of("self", "https://notes.example:*")));
        assertTrue(head("hub.example").startsWith("HTTP/1.1 200"));
        assertTrue(head("HUB.example:443").startsWith("HTTP/1.1 200"));
        assertTrue(head("other.example:8443").startsWith("HTTP/1.1 200"));
        assertTrue(head("other.example").startsWith("HTTP/1.1 421"));
        assertTrue(head("evil.example").startsWith("HTTP/1.1 421"));
        head = head("localhost");
        assertTrue(
                head.contains("frame-ancestors 'self' https://notes.example:*") && !head.contains("X-Frame-Options"),
                head);
    }

    @Test
    void whatCannotBeMeantIsRefused() {
        serve(Front.NONE);
        for (String path : List.of("/a b", "/../x", "/a/./b", "/a\"b", "/a;b", "http://x/y")) {
            assertThrows(UsageException.class, () -> new Front(path, List.of(), List.of()), path);
        }
        for (String host : List.of("https://x", "x y", "x/y", "*", "")) {
            assertThrows(UsageException.class, () -> new Front("", List.of(host), List.of()), host);
        }
        for (String page : List.of("*", "https://x; script-src *", "'self'", "ftp://x", "https://x/y")) {
            assertThrows(UsageException.class, () -> new Front("", List.of(), List.of(page)), page);
        }
    }

    @Test
    void thePageWorksInAFrameBehindAProxy() throws IOException {
        proxy(false);
        serve(front());
        String origin = "http://localhost:" + proxy.getAddress().getPort();
        try (Browser browser = Browser.start(Files.createDirectories(directory.resolve("browser")))) {
            browser.open(origin + BASE + "/");
            assertFalse(browser.all("svg").isEmpty());
            browser.load(origin + "/notebook");
            browser.await("the graph in the frame", () -> (Boolean) browser.js(
                    "return document.querySelector('iframe').contentWindow.headwater?.store.state.graph != null"));
        }
    }
}
