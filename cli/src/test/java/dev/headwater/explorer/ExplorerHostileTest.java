package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a bad client must not get: files outside, or other sites' reach. */
class ExplorerHostileTest extends HostileExplorer {
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
                "8;j%son",
                "8;%",
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

    private static String head(String answer) {
        return answer.split("\r\n\r\n", 2)[0];
    }
}
