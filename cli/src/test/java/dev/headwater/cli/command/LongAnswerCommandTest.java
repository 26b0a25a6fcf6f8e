package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --targets-at}, {@code --answer}, {@code --continue} and {@code --series} on the bundled model. */
class LongAnswerCommandTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";
    private static final int TOKENS = 11;

    @TempDir
    private Path directory;

    private Run attribute(String... more) {
        return Run.headwater(Stream.of(
                        Stream.of("attribute", PROMPT, "--max-features", "50", "--out", directory.toString()),
                        Stream.of(more))
                .flatMap(parts -> parts)
                .toArray(String[]::new));
    }

    private List<String> outputs(String slug) throws IOException {
        List<String> outputs = new ArrayList<>();
        for (JsonNode node : BoundedJson.read(directory.resolve(slug + ".json")).get("nodes")) {
            if (node.get("feature_type").asText().equals("logit")) {
                outputs.add(
                        node.get("ctx_idx").asInt() + node.get("clerp").asText().replaceAll("Output | \\(p.*", ""));
            }
        }
        return outputs;
    }

    /** What the model writes is what is given as its answer, and each of its tokens is explained where it stands. */
    @Test
    void tracesAnAnswerWhole() throws IOException {
        Run written = attribute("--continue", "3", "--slug", "written", "--json");
        assertEquals(0, written.code(), written.err());
        JsonNode summary = BoundedJson.mapper().readTree(written.out());
        List<String> expected = new ArrayList<>();
        var text = new StringBuilder();
        for (JsonNode target : summary.get("targets")) {
            expected.add(
                    target.get("position").asInt() + "\"" + target.get("text").asText() + "\"");
            text.append(target.get("text").asText());
        }
        assertTrue(text.toString().startsWith(" Austin"), text.toString());
        assertEquals(TOKENS - 1, summary.at("/targets/0/position").asInt());
        assertEquals(expected, outputs("written"));
        Run given = attribute("--answer", text.toString(), "--slug", "given");
        assertEquals(0, given.code(), given.err());
        assertEquals(expected, outputs("given"));
        assertTrue(given.out().contains("explains  10 \" Austin\" 100.0 %"), given.out());

        // Outputs in the middle of the prompt, and at its end, where the text has no next token.
        assertEquals(
                0, attribute("--targets-at", "3,-2..-1", "--slug", "middle").code());
        List<String> middle = outputs("middle");
        assertEquals(List.of("3\" capital\"", "9\" is\"", "10\" Austin\""), middle.subList(0, 3), middle::toString);

        Run why = Run.headwater("explain", directory.resolve("written.json").toString(), "--no-save");
        assertEquals(1, why.code());
        assertTrue(why.err().contains("explain takes graphs of the token after the prompt"), why.err());
    }

    @Test
    void writesASeriesOfGraphs() throws IOException {
        Run run = attribute("--answer", " Austin.", "--series", "--slug", "s");
        assertEquals(0, run.code(), run.err());
        assertFalse(Files.exists(directory.resolve("s.json")));
        assertEquals(List.of("10\" Austin\""), outputs("s-at-10"));
        JsonNode second = BoundedJson.read(directory.resolve("s-at-11.json"));
        assertEquals(TOKENS + 1, second.at("/metadata/prompt_tokens").size());
        assertTrue(
                second.at("/metadata/prompt").asText().endsWith("is Austin"),
                second.at("/metadata/prompt").asText());
        Run verified = Run.headwater("verify", directory.resolve("s-at-10.json").toString(), "--top", "3");
        assertEquals(0, verified.code(), verified.err());
    }

    @Test
    void saysWhatIsWrong() {
        Map.ofEntries(
                        Map.entry(
                                List.of("--targets-at", "3;4"), "--targets-at is '3;4'; write positions as 12,15..20"),
                        Map.entry(List.of("--targets-at", ""), "--targets-at is ''; write positions"),
                        Map.entry(
                                List.of("--targets-at", "11"),
                                "--targets-at has position 11, but the text has 11 tokens"),
                        Map.entry(List.of("--targets-at", "-12"), "--targets-at has position -12, but"),
                        Map.entry(List.of("--targets-at", "5..3"), "the range 5..3, whose end comes before its start"),
                        Map.entry(
                                List.of("--targets-at", "answer"),
                                "--targets-at asks for the answer, and there is none"),
                        Map.entry(List.of("--answer", "a", "--continue", "2"), "Both --answer and --continue"),
                        Map.entry(List.of("--answer", ""), "--answer is empty"),
                        Map.entry(List.of("--continue", "0"), "--continue is 0"),
                        Map.entry(List.of("--series"), "--series is given without positions"),
                        Map.entry(List.of("--answer", "a", "--series", "--heads"), "leave out --heads or --series"),
                        Map.entry(
                                List.of("--targets-at", "3", "--target-token", " Austin"),
                                "A graph has targets of one kind"))
                .forEach((arguments, message) -> {
                    Run run = attribute(arguments.toArray(String[]::new));
                    assertEquals(2, run.code(), arguments + run.err());
                    assertTrue(run.err().contains(message), run.err());
                });
        assertFalse(Files.exists(directory.resolve("graph-metadata.json")));
    }

    @Test
    void aLineOfABatchSaysWhere() throws IOException {
        String prompt = "{\"prompt\": \"" + PROMPT + "\", ";
        Path input = Files.writeString(
                directory.resolve("lines.jsonl"),
                prompt + "\"slug\": \"a\", \"answer_text\": \" Austin.\"}\n"
                        + prompt + "\"slug\": \"b\", \"targets_at\": [3, -1]}\n"
                        + prompt + "\"slug\": \"c\", \"targets_at\": \"3..4\", \"continue\": 1}\n"
                        + prompt + "\"slug\": \"d\", \"targets_at\": {}}\n"
                        + prompt + "\"slug\": \"e\", \"targets_at\": [99]}\n"
                        + prompt + "\"slug\": \"f\", \"targets_at\": [3], \"targets\": {\"tokens\": [\"a\"]}}\n");
        String[] arguments = {"batch", input.toString(), "--out", directory.toString(), "--max-features", "20"};
        Run run = Run.headwater(arguments);
        assertEquals(1, run.code());
        for (String reason : List.of(
                "line 4: its targets_at is neither a text",
                "line 5: its targets_at has position 99, but the text has 11 tokens",
                "line 6: it has targets, and targets_at, answer_text or continue")) {
            assertTrue(run.err().contains(reason), run.err());
        }
        assertEquals(List.of("10\" Austin\"", "11\".\""), outputs("a"));
        assertEquals("3\" capital\"", outputs("b").getFirst());
        assertEquals(List.of("3\" capital\"", "4\" of\""), outputs("c"));
        assertTrue(Run.headwater(arguments).out().contains("3 "), "what is done is not done again");
    }
}
