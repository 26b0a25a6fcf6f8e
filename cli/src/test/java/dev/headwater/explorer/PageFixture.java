package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A server with sample graphs and the fake engine, and a browser that looks at it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PageFixture {
    @TempDir
    static Path scratch;

    Path graphs;
    ExplorerServer server;
    Browser browser;

    @BeforeAll
    void start() throws IOException {
        graphs = Files.createDirectories(scratch.resolve("graphs"));
        server = ExplorerServer.start(ExplorerConfig.local(graphs).withEngine(new FakeEngine(5)));
        browser = Browser.start(scratch);
    }

    @AfterAll
    void stop() {
        if (browser != null) {
            browser.close();
        }
        server.close();
    }

    @BeforeEach
    void freshGraphs() throws IOException {
        try (var files = Files.list(graphs)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        for (String name : List.of(SampleGraphs.GEMMA, SampleGraphs.OAKLAND, SampleGraphs.DALLAS)) {
            SampleGraphs.copy(name, graphs);
        }
        Files.setLastModifiedTime(
                graphs.resolve(SampleGraphs.DALLAS + ".json"),
                java.nio.file.attribute.FileTime.from(java.time.Instant.now().plusSeconds(60)));
        browser.prefer("light");
        browser.size(1440, 1000);
    }

    @AfterEach
    void nothingWentWrong() {
        browser.leave();
        browser.assertQuiet();
    }

    String page(String parameters) {
        return "http://localhost:" + server.port() + "/" + (parameters.isEmpty() ? "" : "#" + parameters);
    }

    void openDallas(String... parameters) {
        browser.open(page(
                "slug=" + SampleGraphs.DALLAS + (parameters.length == 0 ? "" : "&" + String.join("&", parameters))));
    }

    String state(String expression) {
        return String.valueOf(browser.js(
                "const s = headwater.store.state, a = s.annotations; return JSON.stringify(" + expression + ")"));
    }

    JsonNode file(String name) {
        try {
            return Json.MAPPER.readTree(Files.readAllBytes(graphs.resolve(name + ".json")));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    void awaitState(String expression, String expected) {
        browser.await(
                expression + " = " + expected + ", but it is " + state(expression),
                () -> state(expression).equals(expected));
    }

    /** Nodes of the Dallas graph: the circuit that its model card describes. */
    static final List<String> TEXAS = List.of("0_94_9", "0_1862_9", "1_696_9");

    static final List<String> CAPITAL = List.of("0_1749_4", "1_535_4");
    static final List<String> SAY_AUSTIN = List.of("5_1320_10", "5_841_10");
    static final List<String> MIDDLE =
            List.of("2_607_10", "2_1040_10", "3_1683_10", "4_425_10", "3_1932_10", "4_208_10");
    static final List<String> ENDS = List.of("E_5352_9", "E_3399_4", "7_3913_10");

    /** With the circuit pinned and grouped. */
    void openCircuit(String... parameters) {
        List<String> pinned = new ArrayList<>();
        List.of(ENDS, TEXAS, CAPITAL, SAY_AUSTIN, MIDDLE).forEach(pinned::addAll);
        String groups = "[" + group("Texas", TEXAS) + "," + group("capital", CAPITAL) + ","
                + group("say Austin", SAY_AUSTIN) + "]";
        List<String> all = new ArrayList<>(List.of(
                "pinnedIds=" + String.join(",", pinned),
                "supernodes=" + URLEncoder.encode(groups, StandardCharsets.UTF_8),
                "clickedId=3_1932_10"));
        all.addAll(Arrays.asList(parameters));
        openDallas(all.toArray(String[]::new));
    }

    /** From now on, what the page asks of the server's engine is in window.sent too. */
    void catchJobs() {
        browser.js(
                "window.sent = []; const job = headwater.source.job; headwater.source.job = (kind, request, ...more) => {"
                        + " window.sent.push({kind, request}); return job.call(headwater.source, kind, request, ...more); }");
    }

    private static String group(String label, List<String> ids) {
        return "[\"" + label + "\",\"" + String.join("\",\"", ids) + "\"]";
    }
}
