package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.Headwater;
import dev.headwater.cli.Run;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.engine.files.BoundedJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command {@code batch} on the bundled model: what it writes, and that it writes the same after being cut off
 * anywhere.
 */
class BatchCommandTest {
    private static final String LINES = """
        {"prompt": "36+59=", "slug": "sum"}
        {"prompt": "Fact: the capital of Texas is", "max_features": 20}

        {"prompt": "36+59=", "max_features": 10, "note": "the same again"}
        {"token_ids": [1, 999999]}
        {"prompt": "twice", "slug": "sum"}
        not json
        {"token_ids": [0, 1, 2]}
        """;
    private static final List<String> SLUGS = List.of("sum", "fact-the-capital-of-texas-is", "36-59", "tokens-0-1-2");

    @TempDir
    private Path directory;

    private Run batch(Path out, String... more) throws IOException {
        Path input = Files.writeString(directory.resolve("lines.jsonl"), LINES);
        List<String> args =
                new ArrayList<>(List.of("batch", input.toString(), "--out", out.toString(), "--max-features", "30"));
        args.addAll(List.of(more));
        return Run.headwater(args.toArray(String[]::new));
    }

    @Test
    void everyLineHasAGraphOrAReason() throws IOException {
        Path out = directory.resolve("out");
        Run run = batch(out);
        assertEquals(1, run.code(), run.err());
        for (String reason : List.of(
                "line 5: token 999999 at position 1",
                "line 6: its slug is that of line 1",
                "line 7: it is not JSON",
                "Keys that mean nothing here are passed over: note")) {
            assertTrue(run.err().contains(reason), "no '" + reason + "' in\n" + run.err());
        }
        assertTrue(run.out().contains("7 lines: 4 graphs made, 0 there already, 3 failed"), run.out());
        assertEquals(SLUGS, indexed(out));
        List<JsonNode> records = records(out);
        assertEquals(
                List.of(1, 2, 4, 5, 6, 7, 8),
                records.stream().map(record -> record.get("line").intValue()).toList());
        assertEquals(
                List.of(30, 20, 10),
                records.stream()
                        .limit(3)
                        .map(record -> record.get("features").intValue())
                        .toList());

        Run again = batch(out, "--json");
        assertEquals(1, again.code());
        JsonNode summary = BoundedJson.mapper().readTree(again.out());
        assertEquals(4, summary.get("present").intValue(), again.out());
        assertEquals(0, summary.get("made").intValue(), again.out());
        assertEquals(records, records(out));
    }

    @Test
    void whatWasCutOffEndsTheSame() throws IOException {
        Path whole = directory.resolve("whole");
        Path cut = directory.resolve("cut");
        batch(whole, "--quiet");
        batch(cut, "--quiet");
        // As after a kill: a graph without its record, a record torn in the middle, a graph that is gone.
        Path file = cut.resolve("batch.jsonl");
        List<String> lines = Files.readAllLines(file);
        Files.writeString(file, lines.get(1) + "\n" + lines.get(2).substring(0, 40));
        Files.delete(cut.resolve("fact-the-capital-of-texas-is.json"));
        Files.delete(cut.resolve("graph-metadata.json"));
        Run resumed = batch(cut);
        assertTrue(resumed.out().contains("4 graphs made, 0 there already"), resumed.out());
        assertEquals(Files.readString(whole.resolve("batch.jsonl")), Files.readString(file));
        assertEquals(contents(whole), contents(cut));
    }

    @Test
    void promptsSideBySideGiveTheSameNodes() throws IOException {
        Path alone = directory.resolve("alone");
        Path together = directory.resolve("together");
        batch(alone, "--quiet", "--together", "1");
        batch(together, "--quiet", "--together", "3");
        assertEquals(Files.readString(alone.resolve("batch.jsonl")), Files.readString(together.resolve("batch.jsonl")));
        for (String slug : SLUGS) {
            assertEquals(nodes(alone, slug), nodes(together, slug));
        }
    }

    private static List<String> nodes(Path out, String slug) {
        return BoundedJson.read(out.resolve(slug + ".json")).get("nodes").findValuesAsText("node_id");
    }

    @Test
    void otherSettingsAreDoneAnew() throws IOException {
        Path out = directory.resolve("out");
        batch(out, "--quiet");
        Run run = batch(out, "--logit-prob", "0.5");
        assertTrue(run.out().contains("4 graphs made, 0 there already"), run.out());
    }

    @Test
    void aTextFileHasAPromptALine() throws IOException {
        Path input = Files.writeString(directory.resolve("prompts.txt"), "36+59=\n\nThe cat\n");
        Run run = Run.headwater(
                "batch", input.toString(), "--out", directory.resolve("out").toString(), "--max-features", "5");
        assertEquals(0, run.code(), run.err());
        assertEquals(List.of("36-59", "the-cat"), indexed(directory.resolve("out")));
    }

    /** As a program on Windows saves it, packed. */
    @Test
    void aByteOrderMarkIsNoTextAndFilesMayBePacked() throws IOException {
        Path input = directory.resolve("prompts.txt.gz");
        try (var out = new GZIPOutputStream(Files.newOutputStream(input))) {
            out.write("\uFEFF36+59=\r\nThe cat\r\n".getBytes(StandardCharsets.UTF_8));
        }
        Path graphs = directory.resolve("out");
        Run run = Run.headwater("batch", input.toString(), "--out", graphs.toString(), "--max-features", "5");
        assertEquals(0, run.code(), run.err());
        assertEquals(
                List.of("36+59=", "The cat"),
                records(graphs).stream()
                        .map(record -> record.path("settings").path("prompt").textValue())
                        .toList());
        Files.write(input, new byte[] {1, 2, 3});
        refused(1, "is not in gzip's format", "batch", input.toString(), "--out", graphs.toString());
        Path wide = Files.write(directory.resolve("wide.txt"), "36+59=".getBytes(StandardCharsets.UTF_16));
        refused(1, "is in UTF-16; save it as UTF-8", "batch", wide.toString(), "--out", graphs.toString());
    }

    @Test
    void aTemplateAndATableMakeAFamilyOfPrompts() throws IOException {
        Path table = Files.writeString(
                directory.resolve("states.csv"),
                "state,slug,note\nTexas,tx,\n\"New York\",,\"two\nlines\"\n,nothing,\nOhio,oh,\n");
        Path graphs = directory.resolve("out");
        String[] batch = {
            "batch",
            "--template",
            "Fact: {{the}} capital of {state} is",
            "--values",
            table.toString(),
            "--out",
            graphs.toString(),
            "--max-features",
            "5"
        };
        Run run = Run.headwater(batch);
        assertEquals(1, run.code(), run.err());
        assertTrue(run.err().contains("line 3: its row has nothing for state"), run.err());
        assertEquals(List.of("tx", "fact-the-capital-of-new-york-is", "oh"), indexed(graphs));
        assertEquals(
                "Fact: {the} capital of New York is",
                records(graphs).get(1).path("settings").path("prompt").textValue());
        assertTrue(Run.headwater(batch).out().contains("0 graphs made, 3 there already"));

        String out = directory.resolve("none").toString();
        refused(2, "--template has no gap", "batch", "--template", "x", "--values", table.toString(), "--out", out);
        refused(2, "belongs to no gap", "batch", "--template", "{state", "--values", table.toString(), "--out", out);
        refused(2, "gap without a name", "batch", "--template", "{}", "--values", table.toString(), "--out", out);
        refused(2, "belong together", "batch", "--template", "{state}", "--out", out);
        refused(
                2,
                "use one of them",
                "batch",
                table.toString(),
                "--template",
                "{a}",
                "--values",
                table.toString(),
                "--out",
                out);
        refused(
                1,
                "has no column city, which --template names; it has state, slug, note",
                "batch",
                "--template",
                "{city}",
                "--values",
                table.toString(),
                "--out",
                out);
        Path header = Files.writeString(directory.resolve("header.csv"), "state\n");
        refused(1, "has no rows in it", "batch", "--template", "{state}", "--values", header.toString(), "--out", out);
        Path open = Files.writeString(directory.resolve("open.csv"), "state\n\"Texas\n");
        refused(1, "is no table, row 1", "batch", "--template", "{state}", "--values", open.toString(), "--out", out);
    }

    @Test
    void aLineHasThresholdsOfItsOwn() throws IOException {
        Path input = Files.writeString(
                directory.resolve("own.jsonl"),
                "{\"prompt\": \"36+59=\", \"slug\": \"all\", \"node_threshold\": 1, \"edge_threshold\": 1}\n"
                        + "{\"prompt\": \"36+59=\", \"slug\": \"few\", \"node_threshold\": 0.3}\n"
                        + "{\"prompt\": \"36+59=\", \"slug\": \"bad\", \"node_threshold\": 80}\n");
        Path graphs = directory.resolve("out");
        Run run = Run.headwater("batch", input.toString(), "--out", graphs.toString(), "--max-features", "30");
        assertEquals(1, run.code(), run.err());
        assertTrue(run.err().contains("line 3: node_threshold is 80.0; it is a share from 0 to 1"), run.err());
        int all = BoundedJson.read(graphs.resolve("all.json")).get("nodes").size();
        int few = BoundedJson.read(graphs.resolve("few.json")).get("nodes").size();
        assertTrue(few < all, few + " of " + all);
        assertEquals(
                0.3,
                records(graphs).get(1).path("settings").path("node_threshold").doubleValue());
    }

    @Test
    void aLineSaysWhatItsGraphExplains() throws IOException {
        String prompt = "{\"prompt\": \"Fact: the capital of the state containing Dallas is\", ";
        Path input = Files.writeString(
                directory.resolve("targets.jsonl"),
                prompt
                        + "\"slug\": \"concept\", \"targets\": {\"concept\": [\" Austin\"], \"minus\": [\" Paris\", \" Rome\"]}}\n"
                        + prompt + "\"slug\": \"pair\", \"targets\": {\"difference\": [\" Austin\", \" Paris\"]}}\n"
                        + prompt + "\"slug\": \"token\", \"targets\": {\"tokens\": [\" Paris\"]}}\n"
                        + prompt + "\"targets\": {\"words\": [\" Paris\"]}}\n"
                        + prompt + "\"targets\": {\"difference\": [\" Paris\"]}}\n"
                        + prompt + "\"max_logits\": 3, \"targets\": {\"tokens\": [\" Paris\"]}}\n"
                        + prompt + "\"slug\": \"many\", \"targets\": {\"tokens\": [\"Paris and Rome\"]}}\n");
        Path out = directory.resolve("out");
        Run run = Run.headwater("batch", input.toString(), "--out", out.toString(), "--max-features", "20");
        assertEquals(1, run.code(), run.err());
        for (String reason : List.of(
                "line 4: its targets are not one of {\"tokens\": [A, …]}",
                "line 5: its targets are not right: A difference is of two tokens; here are 1.",
                "line 6: it has targets and max_logits",
                "line 7: 'Paris and Rome' is ")) {
            assertTrue(run.err().contains(reason), "no '" + reason + "' in\n" + run.err());
        }
        assertEquals(List.of("concept", "pair", "token"), indexed(out));
        Path alone = directory.resolve("alone");
        Run.headwater(
                "attribute",
                "Fact: the capital of the state containing Dallas is",
                "--target-concept",
                " Austin",
                "--minus",
                " Paris, Rome",
                "--max-features",
                "20",
                "--slug",
                "concept",
                "--out",
                alone.toString());
        assertEquals(nodes(alone, "concept"), nodes(out, "concept"));
        Run again = Run.headwater("batch", input.toString(), "--out", out.toString(), "--max-features", "20");
        assertTrue(again.out().contains("0 graphs made, 3 there already, 4 failed"), again.out());
    }

    @Test
    void anInterruptLeavesNothingHalfWritten() throws IOException {
        Path input = Files.writeString(directory.resolve("lines.jsonl"), LINES);
        Path out = directory.resolve("out");
        Interrupt interrupt = new Interrupt();
        interrupt.request();
        var err = new ByteArrayOutputStream();
        int code = Headwater.run(
                new Console(new PrintStream(err, true), new PrintStream(err, true), 0, 0, false),
                interrupt,
                "batch",
                input.toString(),
                "--out",
                out.toString());
        assertEquals(130, code, err.toString(StandardCharsets.UTF_8));
        assertEquals(List.of("batch.jsonl"), List.of(out.toFile().list()));
    }

    @Test
    void badRequestsAreRefused() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.jsonl"), "\n \n");
        Path good = Files.writeString(directory.resolve("good.txt"), "36+59=\n");
        refused(2, "Missing required option: '--out=DIR'", "batch", good.toString());
        refused(2, "Missing required parameter: 'FILE'", "batch", "--out", "x");
        refused(
                1,
                "There is no file",
                "batch",
                directory.resolve("none").toString(),
                "--out",
                directory.resolve("out").toString());
        refused(
                1,
                "has no prompts in it",
                "batch",
                empty.toString(),
                "--out",
                directory.resolve("out").toString());
        refused(1, "is not a directory", "batch", good.toString(), "--out", good.toString());
        refused(
                2,
                "--together must be at least 1",
                "batch",
                good.toString(),
                "--out",
                directory.resolve("out").toString(),
                "--together",
                "0");
        refused(
                2,
                "--max-features is -1",
                "batch",
                good.toString(),
                "--out",
                directory.resolve("out").toString(),
                "--max-features",
                "-1");
        assertEquals(false, Files.exists(directory.resolve("out")));
    }

    private static void refused(int code, String reason, String... args) {
        Run run = Run.headwater(args);
        assertEquals(code, run.code(), String.join(" ", args) + "\n" + run.err());
        assertTrue(run.err().contains(reason), "no '" + reason + "' in\n" + run.err());
    }

    private static List<String> indexed(Path out) {
        return BoundedJson.read(out.resolve("graph-metadata.json"))
                .get("graphs")
                .findValuesAsText("slug");
    }

    private static List<JsonNode> records(Path out) throws IOException {
        List<JsonNode> records = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("batch.jsonl"))) {
            records.add(BoundedJson.mapper().readTree(line));
        }
        return records;
    }

    /** All JSON files of a directory by name, without the time of their making and what it took. */
    private static TreeMap<String, JsonNode> contents(Path out) throws IOException {
        TreeMap<String, JsonNode> contents = new TreeMap<>();
        try (var files = Files.newDirectoryStream(out, "*.json")) {
            for (Path file : files) {
                JsonNode content = BoundedJson.read(file);
                for (JsonNode info : content.findValues("info")) {
                    ((ObjectNode) info).remove(List.of("create_time_ms", "seconds", "phase_seconds"));
                }
                contents.put(file.getFileName().toString(), content);
            }
        }
        return contents;
    }
}
