package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.cli.table.ParquetTableTest;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code circuit} on graphs of the bundled model. */
class CircuitCommandTest {
    private static final List<String> COUNTRIES =
            List.of("France", "Germany", "Italy", "Japan", "South Korea", "Egypt");

    @TempDir
    private static Path directory;

    private static Path capitals;
    private static Path states;

    @BeforeAll
    static void graphs() throws IOException {
        capitals = batch("capitals", "The capital of {country} is", COUNTRIES);
        states = batch("others", "The currency of {country} is", COUNTRIES.subList(0, 3));
    }

    private static Path batch(String name, String template, List<String> values) throws IOException {
        Path table =
                Files.writeString(directory.resolve(name + ".csv"), "country\n" + String.join("\n", values) + "\n");
        Path out = directory.resolve(name);
        Run run = Run.headwater(
                "batch",
                "--template",
                template,
                "--values",
                table.toString(),
                "--out",
                out.toString(),
                "--max-features",
                "150",
                "--quiet");
        assertEquals(0, run.code(), run.err());
        return out;
    }

    private static JsonNode json(Run run) throws IOException {
        assertEquals(0, run.code(), run.err());
        return BoundedJson.mapper().readTree(run.out());
    }

    @Test
    void theCircuitIsShownWrittenAndChecked() throws IOException {
        Path file = directory.resolve("merged/capitals.json");
        Files.createDirectories(file.getParent());
        Path prompts = Files.writeString(
                directory.resolve("held-out.jsonl"),
                "{\"prompt\": \"The capital of Spain is\"}\n{\"prompt\": \"The capital of Greece is\", \"answer\": \" Athens\"}\n");
        String[] command = {
            "circuit",
            capitals.toString(),
            "--top",
            "12",
            "--verify",
            prompts.toString(),
            "--draws",
            "2",
            "--out",
            file.toString()
        };
        Run run = Run.headwater(command);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("6, of prompts \"<bos>The capital of… is\""), run.out());
        assertTrue(run.out().contains("12 of "), run.out());
        assertTrue(run.out().contains("without the circuit"), run.out());
        assertEquals(run.out(), Run.headwater(command).out(), "the same seed draws the same");
        Run valid = Run.headwater("graph", "--validate", file.toString());
        assertEquals(0, valid.code(), valid.err());
        JsonNode block = BoundedJson.mapper().readTree(file.toFile()).get("merged_circuit");
        assertEquals(6, block.get("graphs").size());

        JsonNode all = json(Run.headwater(
                "circuit",
                capitals.toString(),
                "--top",
                "12",
                "--verify",
                prompts.toString(),
                "--draws",
                "2",
                "--json"));
        int fired = all.at("/check/prompts/0/fired").intValue();
        assertTrue(fired > 6 && fired <= 12, "fired " + fired);
        assertEquals(" Athens", all.at("/check/prompts/1/answer").asText());
        assertEquals(2, all.at("/check/prompts/1/withoutRandom").size());
        assertTrue(all.at("/check/prompts/1/without/probability").asDouble()
                < all.at("/check/prompts/1/withoutRandom/0/probability").asDouble());
        assertEquals(
                "final",
                all.at("/circuit/nodes").findValuesAsText("role").stream()
                        .filter("final"::equals)
                        .findFirst()
                        .orElse(""));
    }

    @Test
    void aSetThatSharesNothingSaysSo() {
        Run run = Run.headwater("circuit", capitals.toString(), "--by", "start", "--min-share", "1", "--edges", "0");
        assertEquals(0, run.code(), run.err());
        Path strangers = directory.resolve("strangers");
        assertEquals(
                0,
                Run.headwater("attribute", "36+59=", "--out", strangers.toString(), "--max-features", "30", "--quiet")
                        .code());
        assertEquals(
                0,
                Run.headwater(
                                "attribute",
                                "The day after Monday is",
                                "--out",
                                strangers.toString(),
                                "--max-features",
                                "30",
                                "--quiet")
                        .code());
        Run none = Run.headwater("circuit", strangers.toString(), "--min-share", "1");
        assertEquals(0, none.code(), none.err());
        assertTrue(none.out().contains("no feature is in 100 % of the graphs or more"), none.out());
    }

    @Test
    void twoSetsAreHeldAgainstOneAnother() throws IOException {
        JsonNode contrast =
                json(Run.headwater("circuit", capitals.toString(), "--against", states.toString(), "--json"));
        assertEquals(6, contrast.get("first").intValue());
        assertEquals(3, contrast.get("second").intValue());
        JsonNode first = contrast.at("/features/0");
        assertEquals(1, Math.abs(first.get("difference").asDouble()));
        assertEquals(1 / 84.0, first.get("probability").asDouble(), 1e-9);
        Run shown = Run.headwater("circuit", capitals.toString(), "--against", states.toString(), "--top", "3");
        assertTrue(shown.out().contains("Fisher"), shown.out());
    }

    /** The tables of the same graphs, read by another implementation of the format. */
    @Test
    void graphsAreTables() throws IOException {
        Path tables = directory.resolve("tables");
        Run run = Run.headwater("export", capitals.toString(), "--parquet", tables.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("graphs.parquet: 6 rows"), run.out());
        List<List<Object>> graphs = ParquetTableTest.read(tables.resolve("graphs.parquet"));
        List<List<Object>> nodes = ParquetTableTest.read(tables.resolve("nodes.parquet"));
        List<List<Object>> edges = ParquetTableTest.read(tables.resolve("edges.parquet"));
        int node = 0;
        int edge = 0;
        for (List<Object> graph : graphs) {
            Path file = capitals.resolve(graph.get(0) + ".json");
            GraphDocument document = GraphDocument.read(file);
            assertEquals(document.metadata().get("prompt").asText(), graph.get(1));
            assertEquals(document.nodes().size(), graph.get(6));
            assertEquals((long) document.links().size(), graph.get(8));
            assertEquals(0.8, graph.get(13));
            assertTrue((double) graph.get(11) > 0.5 && (double) graph.get(12) > 0.5, graph.toString());
            double influence = 0;
            for (DocumentNode written : document.nodes()) {
                List<Object> row = nodes.get(node++);
                assertEquals(List.of(graph.get(0), written.id()), row.subList(0, 2));
                assertEquals(written.position(), row.get(4));
                assertEquals(Double.isNaN(written.activation()) ? null : written.activation(), row.get(8));
                influence += (double) row.get(10);
            }
            assertEquals(1, influence, 1e-9);
            for (GraphDocument.Link link : document.links()) {
                assertEquals(
                        List.of(
                                graph.get(0),
                                document.nodes().get(link.source()).id(),
                                document.nodes().get(link.target()).id(),
                                link.weight()),
                        edges.get(edge++));
            }
        }
        assertEquals(List.of(6, nodes.size(), edges.size()), List.of(graphs.size(), node, edge));

        Path bad = Files.createDirectory(directory.resolve("bad"));
        Files.writeString(bad.resolve("a.json"), "{}");
        refused(
                1,
                "is no graph file",
                "export",
                bad.toString(),
                "--parquet",
                directory.resolve("unmade").toString());
        try (var left = Files.list(directory.resolve("unmade"))) {
            assertTrue(left.findAny().isEmpty(), "nothing half-written");
        }
    }

    @Test
    void whatMakesNoSenseIsOneSentence() throws IOException {
        Path prompts = Files.writeString(
                directory.resolve("stranger.txt"), "The capital of Peru is\nWhat is the capital of Peru?\n");
        refused(
                2,
                "line 2: it lacks the text that the circuit's prompts share",
                "circuit",
                capitals.toString(),
                "--verify",
                prompts.toString());
        refused(2, "--min-share is 2.0", "circuit", capitals.toString(), "--min-share", "2");
        refused(2, "--top is 0", "circuit", capitals.toString(), "--top", "0");
        refused(
                2,
                "leave out --out and --verify",
                "circuit",
                capitals.toString(),
                "--against",
                states.toString(),
                "--out",
                "x.json");
        refused(
                1,
                "has no graphs in it",
                "circuit",
                Files.createDirectory(directory.resolve("none")).toString());
        refused(
                1,
                "is there, and no circuit of many prompts",
                "circuit",
                capitals.toString(),
                "--out",
                capitals.resolve("the-capital-of-france-is.json").toString());
    }

    private static void refused(int code, String sentence, String... args) {
        Run run = Run.headwater(args);
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(sentence), run.err());
        assertEquals(1, run.err().strip().lines().count(), run.err());
    }
}
