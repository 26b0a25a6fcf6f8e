package dev.headwater.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Scores;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class ResultsTest {
    @TempDir
    private Path folder;

    @Test
    void replacesOneSectionOfThePage() throws Exception {
        Path page = folder.resolve("RESULTS.md");
        Files.writeString(
                page, "head\n<!-- begin a -->\nold\n<!-- end a -->\nmiddle\n<!-- begin b -->\nkept\n<!-- end b -->\n");
        new ResultsPage(page).put("a", "run a", "new\n");
        String text = Files.readString(page);
        assertTrue(text.startsWith("head\n<!-- begin a -->\n`run a`, "), text);
        assertTrue(text.endsWith("new\n<!-- end a -->\nmiddle\n<!-- begin b -->\nkept\n<!-- end b -->\n"), text);
        assertFalse(text.contains("old"), text);
        assertThrows(HeadwaterException.class, () -> new ResultsPage(page).put("c", "run c", ""));
    }

    @Test
    void everySectionThatACommandWritesIsOnThePage() throws Exception {
        String page = Files.readString(Path.of("RESULTS.md"));
        for (String section : List.of(
                "kernels",
                "phases",
                "compare",
                "graph-functions",
                "attention",
                "matrix",
                "tokens",
                "features",
                "layers",
                "together",
                "kinds",
                "kinds-smollm2",
                "feature-build",
                "global-weights",
                "loading")) {
            assertTrue(
                    page.contains("<!-- begin " + section + " -->\n") && page.contains("<!-- end " + section + " -->"),
                    section);
        }
    }

    @Test
    void pathsOfOneMachineStayOutOfTheRecordedCommand() {
        CommandSpec compare = new CommandLine(new CompareCommand()).getCommandSpec();
        assertEquals(
                "benchmarks/run compare --python FILE --circuit-tracer=DIR --threads 2 --record",
                Benchmarks.commandLine(
                        compare,
                        List.of(
                                "compare",
                                "--python",
                                "/home/me/python",
                                "--circuit-tracer=/home/me/tracer",
                                "--threads",
                                "2",
                                "--record")));
    }

    @Test
    void printsATableForPeopleAndForPrograms() {
        Table table = new Table("name", "seconds");
        table.row("a, b", "1.5");
        assertEquals("| name | seconds |\n|---|---|\n| a, b | 1.5 |\n", table.print(Table.Format.MARKDOWN));
        assertEquals("name,seconds\n\"a, b\",1.5\n", table.print(Table.Format.CSV));
        assertTrue(table.print(Table.Format.JSON).contains("\"seconds\" : 1.5"), table.print(Table.Format.JSON));
    }

    @Test
    void summarisesSamples() {
        assertEquals("2.0 (1.0 to 4.0)", Sample.of(List.of(4.0, 1.0, 2.0)).spread("%.1f"));
        assertEquals(2.5, Sample.of(List.of(1.0, 2.0, 3.0, 9.0)).median());
        assertEquals(2, Sample.exponent(new double[] {1, 2, 4}, new double[] {3, 12, 48}), 1e-12, "y = 3 x²");
    }

    @Test
    void aFailedProcessIsShownWithTheEndOfItsOutput() {
        PrintStream before = System.err;
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        System.setErr(new PrintStream(shown, true, StandardCharsets.UTF_8));
        try {
            HeadwaterException failure = assertThrows(
                    HeadwaterException.class,
                    () -> ChildProcess.run(List.of("sh", "-c", "echo what is wrong; exit 3"), Map.of()));
            assertTrue(failure.getMessage().contains("exit status 3"), failure.getMessage());
        } finally {
            System.setErr(before);
        }
        String text = shown.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("| what is wrong"), text);
    }

    @Test
    void aSyntheticGraphIsSound() {
        try (AttributionGraph graph = SyntheticGraph.ofSize(1500).build()) {
            assertEquals(1500, graph.size());
            Scores scores = Scores.of(graph);
            assertTrue(scores.replacement() > 0 && scores.replacement() < 1, scores.toString());
        }
    }

    @Test
    void whatIsNotKnownWellIsNotRecorded() {
        assertTrue(JmhCommand.isSteady(100, 25));
        assertFalse(JmhCommand.isSteady(100, 26));
        assertFalse(JmhCommand.isSteady(100, Double.NaN));
    }
}
