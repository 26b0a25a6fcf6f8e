package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.graph.AttributionGraph;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code --contrast} and {@code faithfulness} from the command line, on the bundled model. */
class ContrastCommandTest {
    private static final String PROMPT = "The capital of France is";
    private static final String OTHERS = "The capital of Italy is\nThe capital of Spain is\nThe capital of Texas is\n";

    @TempDir
    private Path directory;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    private static JsonNode json(String text) throws IOException {
        return new ObjectMapper().readTree(text);
    }

    private Run attribute(String slug, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "attribute",
                "--neurons",
                "--max-features",
                "60",
                "--out",
                directory.toString(),
                "--slug",
                slug,
                "--raw",
                directory.resolve(slug + ".safetensors").toString(),
                "--quiet"));
        args.addAll(List.of(more));
        return Run.headwater(args.toArray(String[]::new));
    }

    @Test
    void aGraphSaysWhatItWasHeldAgainstAndIsVerifiedAgainstTheSame() throws IOException {
        String others = file("others.txt", OTHERS).toString();
        Run traced = attribute("against", "--contrast", others, PROMPT);
        assertEquals(0, traced.code(), traced.err());
        JsonNode graph =
                new ObjectMapper().readTree(directory.resolve("against.json").toFile());
        String ids =
                graph.at("/metadata/generation_settings/contrast_token_ids").asText();
        assertEquals(3, ids.split(";").length, ids);
        // Direct effects of a whole graph are the model's own, up to rounding: a feature at its mean, all else frozen.
        for (String name : List.of("against.safetensors", "against.json")) {
            Run verified =
                    Run.headwater("verify", directory.resolve(name).toString(), "--top", "3", "--draws", "1", "--json");
            assertEquals(0, verified.code(), verified.err());
            if (name.endsWith(".safetensors")) {
                double error = json(verified.out()).at("/direct/relativeError").asDouble(1);
                assertTrue(error < 1e-2, verified.out());
            }
        }
        Run other = Run.headwater(
                "verify",
                directory.resolve("against.safetensors").toString(),
                "--contrast",
                file("two.txt", "The capital of Italy is\nThe capital of Spain is\n")
                        .toString());
        assertEquals(2, other.code());
        assertTrue(other.err().contains("made against other prompts"), other.err());
        // A graph from 0 can be checked against a mean as well.
        assertEquals(0, attribute("from-zero", PROMPT).code());
        Run against = Run.headwater(
                "verify",
                directory.resolve("from-zero.safetensors").toString(),
                "--contrast",
                others,
                "--top",
                "3",
                "--draws",
                "1",
                "--json");
        assertEquals(0, against.code(), against.err());
        assertTrue(json(against.out()).at("/direct/relativeError").asDouble(1) < 1e-2, against.out());
    }

    @Test
    void pairsAndConversationsAndBatches() throws IOException {
        String pairs = file(
                        "pairs.jsonl",
                        "{\"prompt\": \"The capital of France is\", \"contrast\": \"The capital of Spain is\"}\n"
                                + "{\"prompt\": \"The capital of Italy is\", \"contrast\": [\"The capital of Spain is\", {\"prompt\": \"The capital of Texas is\"}]}\n")
                .toString();
        Path out = directory.resolve("graphs");
        Run made = Run.headwater(
                "batch",
                pairs,
                "--neurons",
                "--contrast",
                pairs,
                "--out",
                out.toString(),
                "--max-features",
                "30",
                "--json");
        assertEquals(0, made.code(), made.err() + made.out());
        assertFalse(made.err().contains("contrast"), made.err());
        assertEquals(2, json(made.out()).get("made").asInt());
        Run again = Run.headwater(
                "batch",
                pairs,
                "--neurons",
                "--contrast",
                pairs,
                "--out",
                out.toString(),
                "--max-features",
                "30",
                "--json");
        assertEquals(2, json(again.out()).get("present").asInt(), again.out());
        Run stranger = attribute("stranger", "--contrast", pairs, "The capital of Spain is");
        assertEquals(2, stranger.code());
        assertTrue(stranger.err().contains("holds pairs, and none is of the prompt"), stranger.err());
    }

    @Test
    void headsOfAGraphAgainstAContrastAreRefused() throws IOException {
        String others = file("others.txt", OTHERS).toString();
        assertEquals(0, attribute("against", "--contrast", others, PROMPT).code());
        Run asked = Run.headwater(
                "attention", "--graph", directory.resolve("against.safetensors").toString());
        assertEquals(2, asked.code());
        assertTrue(asked.err().contains("counts from the mean over a contrast"), asked.err());
        Run verified = Run.headwater(
                "verify", "--heads", directory.resolve("against.json").toString());
        assertEquals(2, verified.code());
        assertTrue(verified.err().contains("counts from the mean over a contrast"), verified.err());
        try (AttributionGraph graph = GraphFile.read(directory.resolve("against.safetensors"))) {
            // Which end of a neuron a label is of follows from its distance, so the file keeps that.
            assertFalse(Arrays.equals(graph.distances(), graph.active().activation()));
            Path again = directory.resolve("again.safetensors");
            GraphFile.write(graph, again);
            assertEquals(-1, Files.mismatch(directory.resolve("against.safetensors"), again));
        }
    }

    @Test
    void whatIsTakenAwayGoesToTheMean() throws IOException {
        // Against one other prompt, all neurons of all layers at the last two positions taken to it: its answers come
        // out.
        String other = file("other.txt", "The capital of Spain is\n").toString();
        Run steered = Run.headwater(
                "intervene",
                "--neurons",
                "--contrast",
                other,
                "--ablate",
                "*/1:5/*",
                "--freeze",
                "none",
                "--json",
                PROMPT);
        assertEquals(0, steered.code(), steered.err());
        Run open = Run.headwater("intervene", "--neurons", "--contrast", other, "--ablate", "0/1:/3", "--json", PROMPT);
        assertEquals(2, open.code());
        assertTrue(open.err().contains("goes on after the prompt"), open.err());
    }

    @Test
    void faithfulnessIsATableAndJson() throws IOException {
        String questions = file(
                        "questions.jsonl",
                        "{\"prompt\": \"The capital of France is\", \"answer\": \" Paris\", \"instead\": \" Madrid\"}\n"
                                + "{\"prompt\": \"The capital of Spain is\", \"answer\": \" Madrid\", \"instead\": \" Paris\"}\n"
                                + "{\"prompt\": \"The capital of Italy is\"}\n")
                .toString();
        Run table = Run.headwater("faithfulness", questions, "--neurons", "--keep", "0,50,1000000");
        assertEquals(0, table.code(), table.err());
        assertTrue(table.out().contains("neurons kept"), table.out());
        Run machine = Run.headwater("faithfulness", questions, "--neurons", "--keep", "0,50,1000000", "--json");
        JsonNode result = json(machine.out());
        assertEquals(2, result.get("questions").size());
        // All neurons kept is the model itself; and more of those chosen against the mean keep more than none.
        for (String chosen : List.of("contrast", "random")) {
            assertEquals(1, result.get(chosen).get(2).asDouble(), 1e-3, chosen);
        }
        assertTrue(
                result.get("contrast").get(1).asDouble()
                        > result.get("random").get(1).asDouble(),
                machine.out());
        assertEquals(
                result.get("contrast").get(0).asDouble(),
                result.get("random").get(0).asDouble(),
                1e-6);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "none.txt  |                                                | There is no file",
                "empty.txt | ``                                             | has no prompts in it",
                "bad.jsonl | `{\"prompt\": \"The capital`                   | line 1: it is not JSON",
                "key.jsonl | `{\"text\": \"The capital of Spain is\"}`      | line 1: it has no prompt",
                "half.jsonl| `{\"prompt\": \"The capital of \\ud800 is\"}`  | half a surrogate pair",
                "pair.jsonl| `{\"prompt\": \"x\", \"contrast\": []}`        | its contrast is an empty list",
                "pair.jsonl| `{\"prompt\": \"x\", \"contrast\": 5}`         | its contrast is not a prompt",
                "same.txt  | `The capital of France is`                     | nothing but the prompt itself",
                "short.txt | `The sum is`                                   | meets none in the contrast",
            })
    void aContrastThatMakesNoSenseIsRefusedInOneSentence(String name, String content, String reason)
            throws IOException {
        Path contrast = content == null ? directory.resolve(name) : file(name, content);
        Run refused = attribute("refused", "--contrast", contrast.toString(), PROMPT);
        assertTrue(refused.code() == 1 || refused.code() == 2, refused.err());
        assertTrue(refused.err().contains(reason), refused.err());
        assertEquals(1, refused.err().strip().lines().count(), refused.err());
        assertFalse(Files.exists(directory.resolve("refused.json")));
    }

    @Test
    void mixedPairsTranscodersHeadsAndBadQuestionsAreRefused() throws IOException {
        String others = file("others.txt", OTHERS).toString();
        refused("needs a model's own neurons", "attribute", "--contrast", others, PROMPT);
        refused("leave out --heads or --contrast", "attribute", "--neurons", "--heads", "--contrast", others, PROMPT);
        String mixed = file(
                        "mixed.jsonl",
                        "{\"prompt\": \"a\", \"contrast\": \"b\"}\n{\"prompt\": \"The capital of Spain is\"}\n")
                .toString();
        refused("give pairs or prompts", "attribute", "--neurons", "--contrast", mixed, PROMPT);
        refused("no line with an answer", "faithfulness", others, "--neurons");
        refused("give --neurons", "faithfulness", others);
        refused("can't be negative", "faithfulness", others, "--neurons", "--keep", "-1");
        String two = file(
                        "two.jsonl",
                        "{\"prompt\": \"The capital of France is\", \"answer\": \" Paris\"}\n"
                                + "{\"prompt\": \"The capital of Spain is\"}\n")
                .toString();
        refused("line 1: its instead", "faithfulness", two, "--neurons");
        String words = file(
                        "words.jsonl",
                        "{\"prompt\": \"The capital of France is\", \"answer\": \"two whole words\", \"instead\": \" Rome\"}\n"
                                + "{\"prompt\": \"The capital of Spain is\"}\n")
                .toString();
        refused("tokens, not one", "faithfulness", words, "--neurons");
    }

    private static void refused(String reason, String... args) {
        Run refused = Run.headwater(args);
        assertTrue(refused.code() == 1 || refused.code() == 2, refused.out() + refused.err());
        assertTrue(refused.err().contains(reason), refused.err());
    }

    @Test
    void aPlanCountsTheMeans() throws IOException {
        String others = file("others.txt", OTHERS).toString();
        JsonNode without = json(Run.headwater("plan", "--neurons", "--json").out());
        JsonNode with = json(Run.headwater("plan", "--neurons", "--contrast", others, "--json")
                .out());
        long means = with.at("/memory_parts/means").asLong();
        assertTrue(means > 0, with.toString());
        assertEquals(without.get("memory").asLong() + means, with.get("memory").asLong());
        assertTrue(with.get("operations").asDouble() > without.get("operations").asDouble());
    }
}
