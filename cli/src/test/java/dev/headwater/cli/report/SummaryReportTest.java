package dev.headwater.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Scores;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The report fits its terminal whatever the tokens are. */
class SummaryReportTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 80, 100, 200})
    void noLineIsWiderThanTheTerminal(int columns) {
        print(columns, false)
                .lines()
                .forEach(line -> assertTrue(Text.columns(line) <= (columns == 0 ? 100 : Math.min(columns, 100)), line));
    }

    @Test
    void tokensCannotSteerTheTerminal() {
        String shown = print(80, false);
        assertTrue(shown.contains("two↵lines") && shown.contains("‹001B›[31m") && shown.contains("‹202E›"), shown);
        assertFalse(shown.contains("\033"), shown);
    }

    @Test
    void coloursAreForTerminalsOnly() {
        assertTrue(print(80, true).contains("\033[1m"));
        assertFalse(print(0, true).contains("\033"));
    }

    @Test
    void wideAndCombiningCharactersCountAsTheTerminalShowsThem() {
        assertEquals(4, Text.columns("東京"));
        assertEquals(1, Text.columns("e\u0301"));
        assertEquals("東… ", Text.pad("東京都", 4));
        assertEquals("abc", Text.pad("abc", 3));
    }

    @Test
    void numbersReadWell() {
        assertEquals("999 B", Text.bytes(999));
        assertEquals("1.0 kB", Text.bytes(1000));
        assertEquals("1.0 MB", Text.bytes(999_999));
        assertEquals("160 GB", Text.bytes(160_000_000_000L));
        assertEquals("0.42 s", Text.seconds(0.42));
        assertEquals("2 min 05 s", Text.seconds(125));
        assertEquals("1 h 01 min", Text.seconds(3661));
        assertEquals(
                "feature rows: 1,200 of 7,500, 400/s, 15.8 s left",
                ProgressDisplay.line("feature rows", 1200, 7500, 3));
    }

    private static String print(int columns, boolean colours) {
        List<String> texts = List.of(
                "<bos>", " two\nlines", "\033[31mred", " \u202ereversed", " 東京", "x".repeat(300), " e\u0301te\u0301");
        var features = IntStream.range(0, 5)
                .mapToObj(i -> new GraphSummary.Feature(
                        i,
                        i + 1,
                        1000 * i,
                        texts.get(i + 1),
                        3.25f * i,
                        0.2 / (i + 1),
                        3 * i + 1,
                        0.1 * i,
                        "label, " + "long ".repeat(20 * i)))
                .toList();
        var summary = new GraphSummary(
                Provenance.UNKNOWN,
                new Prompt("prompt", new int[texts.size()], texts),
                IntStream.range(0, 10)
                        .mapToObj(k ->
                                new GraphSummary.Target(k, " token" + k, "\" token" + k + "\"", 0.1f, texts.size() - 1))
                        .toList(),
                12345,
                7500,
                8000,
                31_000_000,
                300,
                2000,
                0.8,
                0.98,
                new Scores(0.5, 0.75),
                features,
                Map.of(),
                Map.of("load", 1.5, "rows", 123.4),
                Map.of());
        var out = new ByteArrayOutputStream();
        var stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        SummaryReport.print(summary, new Console(stream, stream, columns, columns, colours));
        return out.toString(StandardCharsets.UTF_8);
    }
}
