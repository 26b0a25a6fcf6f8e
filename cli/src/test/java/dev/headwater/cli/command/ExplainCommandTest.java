package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

/** {@code explain} on graphs of the bundled model. */
class ExplainCommandTest {
    private static final String[] QUICK = {"--size", "6", "--budget", "300", "--draws", "3"};

    @TempDir
    private Path directory;

    private Run attribute(String... more) {
        List<String> args = new ArrayList<>(
                List.of("attribute", "--out", directory.toString(), "--slug", "graph", "--quiet", "--max-features"));
        args.addAll(List.of(more));
        Run run = Run.headwater(args.toArray(String[]::new));
        assertEquals(0, run.code(), run.err());
        return run;
    }

    private static Run explain(String... more) {
        List<String> args = new ArrayList<>(List.of("explain"));
        args.addAll(List.of(QUICK));
        args.addAll(List.of(more));
        return Run.headwater(args.toArray(String[]::new));
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    @Test
    void aGraphGetsACircuitAndKeepsWhatPeopleAdd() throws IOException {
        attribute("500", "Fact: the capital of Texas is");
        Path graph = directory.resolve("graph.json");
        Path report = directory.resolve("report.md");
        Run first = explain(graph.toString(), "--out", report.toString());
        assertEquals(0, first.code(), first.err());
        assertTrue(first.out().contains("\" Austin\"") && first.out().contains("as its pins and groups"), first.out());
        assertTrue(Files.readString(report).contains("| necessity | "), Files.readString(report));
        JsonNode params = json(graph).get("qParams");
        assertTrue(params.get("supernodes").size() > 0, params.toString());
        assertEquals(params.get("pinnedIds"), params.at("/headwater/circuits/explained/pinnedIds"));
        Run valid = Run.headwater("graph", graph.toString(), "--validate");
        assertEquals(0, valid.code(), valid.err());
        // Its boxes are groups that other commands know by name.
        String box = params.get("supernodes").get(0).get(0).asText();
        Run without = Run.headwater(
                "intervene", "Fact: the capital of Texas is", "--graph", graph.toString(), "--group", box + "=0");
        assertEquals(0, without.code(), without.err());

        Files.writeString(
                graph, Files.readString(graph).replaceFirst("\"pinnedIds\":\\[", "\"pinnedIds\":[\"E_1_0\","));
        params = json(graph).get("qParams");
        Run other = explain(graph.toString(), "--size", "3", "--name", "smaller", "--json");
        assertEquals(0, other.code(), other.err());
        JsonNode said = new ObjectMapper().readTree(other.out());
        assertFalse(said.get("shown").asBoolean(), "somebody has pinned a token");
        assertEquals(params.get("pinnedIds"), json(graph).at("/qParams/pinnedIds"));
        assertTrue(json(graph).at("/qParams/headwater/circuits/smaller").isObject());
        assertTrue(said.at("/circuit/taken/necessity").isNumber(), other.out());
    }

    @Test
    void aWholeGraphOfNeuronsIsReportedOn() {
        Path raw = directory.resolve("raw.safetensors");
        attribute("100", "--neurons", "--raw", raw.toString(), "The day after Monday is");
        Run run = explain(raw.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("of 100 features") && !run.out().contains("\nwrote"), run.out());
    }

    @Test
    void aPromptIsTracedFirst() throws IOException {
        Run run = explain(
                "--prompt",
                "The day after Monday is",
                "--graphs",
                directory.resolve("new").toString(),
                "--why-not",
                " Wednesday");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("why not \" Wednesday\""), run.out());
        Path graph = directory.resolve("new/the-day-after-monday-is.json");
        assertTrue(json(graph).at("/qParams/supernodes").size() > 0, run.out());
        assertEquals(0, Run.headwater("graph", graph.toString(), "--validate").code());
    }

    /** The service says that there is no such model: the circuit keeps its names. */
    @Test
    void aNamerThatFailsLeavesTheNamesOfTheEvidence() throws IOException {
        attribute("100", "The day after Monday is");
        var server = com.sun.net.httpserver.HttpServer.create(
                new java.net.InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
        });
        server.start();
        try {
            Run run = explain(
                    directory.resolve("graph.json").toString(),
                    "--namer",
                    "http://127.0.0.1:" + server.getAddress().getPort() + "/v1",
                    "--namer-model",
                    "m");
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("status 404") && run.out().contains("1 request"), run.out());
        } finally {
            server.stop(0);
        }
    }

    /** Labels of a file that somebody sends: markup, quotes, control and bidirectional characters, links. */
    private static final String HOSTILE =
            "</title></svg><script>alert(1)</script>\" onload='x' & <!-- ]]> ](http://evil.example) | \u0000\u001b[31m\u202e\uffff";

    @Test
    void reportsHoldTextAsText() throws Exception {
        attribute("150", "The <b>day & \"night\" after Monday is");
        Path graph = directory.resolve("graph.json");
        ObjectMapper mapper = new ObjectMapper();
        JsonNode hostile = json(graph);
        hostile.get("nodes").forEach(node -> ((ObjectNode) node).put("clerp", HOSTILE));
        mapper.writeValue(graph.toFile(), hostile);
        Path svg = directory.resolve("a.svg");
        Path html = directory.resolve("a.html");
        Path markdown = directory.resolve("a.md");
        Run run = explain(
                graph.toString(),
                "--svg",
                svg.toString(),
                "--html",
                html.toString(),
                "--markdown",
                markdown.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("total effects") && run.out().contains(html.toString()), run.out());
        assertTrue(run.out().chars().noneMatch(c -> c == 0x1b || c == 0 || c == 0x202e), run.out());
        var reader = DocumentBuilderFactory.newInstance();
        reader.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document drawn = reader.newDocumentBuilder().parse(svg.toFile());
        assertTrue(drawn.getElementsByTagName("rect").getLength() > 2, "boxes");
        String page = Files.readString(html);
        assertTrue(page.contains("default-src 'none'") && page.contains("<svg "), page);
        for (String written : List.of(Files.readString(svg), page)) {
            assertFalse(
                    written.contains("<script") || written.contains("<b>") || written.contains("\" onload"), written);
            assertTrue(written.contains("&lt;script&gt;alert(1)"), written);
            assertTrue(written.chars().noneMatch(c -> c < ' ' && c != '\n' || c == 0x202e || c == 0xffff), written);
        }
        String report = Files.readString(markdown);
        assertTrue(report.contains("| all |  | ") && report.contains("\\<script\\>"), report);
        assertFalse(report.matches("(?s).*[^\\\\]](\\(http|\\[).*") || report.matches("(?s).*[^\\\\]<b.*"), report);
    }

    private void refused(int code, String reason, String... args) {
        Run run = explain(args);
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(reason) && run.err().lines().count() == 1, run.err());
        assertEquals("", run.out());
    }

    @Test
    void whatMakesNoSenseIsOneSentence() throws IOException {
        attribute("100", "The day after Monday is");
        String graph = directory.resolve("graph.json").toString();
        String before = Files.readString(Path.of(graph));
        refused(1, "There is no graph file", directory.resolve("none.json").toString());
        refused(2, "is 2 tokens, not one", graph, "--target-token", " Tuesday Tuesday");
        refused(2, "does not explain", graph, "--target-token", " Austin");
        refused(2, "a circuit has from 1 to 200", graph, "--size", "0");
        refused(2, "No graph is given");
        refused(2, "A graph and a prompt", graph, "--prompt", "One");
        refused(2, "not one", graph, "--why-not", " Tuesday Tuesday", "--no-save");
        refused(2, "--name is empty", graph, "--name", " ");
        refused(1, "is no graph of", graph, "-t", "atlas-clt");
        refused(2, "go together", graph, "--namer", "http://127.0.0.1:1/v1");
        refused(2, "is no address", graph, "--namer", "a b", "--namer-model", "m");
        refused(2, "is not an https address", graph, "--namer", "file:///x", "--namer-model", "m");
        refused(2, "Two things would be written", graph, "--svg", "x", "--html", "./x");
        refused(2, "Two things would be written", graph, "--svg", graph);
        refused(1, "it is a directory", graph, "--out", directory.toString());
        refused(
                1,
                "its directory does not exist",
                graph,
                "--out",
                directory.resolve("no/x.md").toString());
        assertEquals(before, Files.readString(Path.of(graph)));
        Path empty = directory.resolve("empty.json");
        JsonNode none = json(Path.of(graph));
        var nodes = (com.fasterxml.jackson.databind.node.ArrayNode) none.get("nodes");
        for (int i = nodes.size() - 1; i >= 0; i--) {
            if (nodes.get(i).get("feature_type").asText().equals("cross layer transcoder")) {
                nodes.remove(i);
            }
        }
        Files.writeString(empty, none.toString());
        refused(1, "has no features", empty.toString());
    }
}
