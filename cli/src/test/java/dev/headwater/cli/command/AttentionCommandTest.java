package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttentionCommandTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";

    private static Run attention(String... options) {
        List<String> all = new ArrayList<>(List.of("attention", "--device", "cpu"));
        all.addAll(List.of(options));
        return Run.headwater(all.toArray(String[]::new));
    }

    @Test
    void partsInJsonSumToEdgeAndScore(@TempDir Path directory) throws IOException {
        Path raw = directory.resolve("dallas.safetensors");
        assertEquals(
                0,
                Run.headwater("attribute", PROMPT, "--raw", raw.toString(), "--out", directory.toString(), "--quiet")
                        .code());
        String[] wanted = {
            "--edge",
            "0_94_9,3_1932_10",
            "--edge",
            "E_5352_9,7_3913_10",
            "--head",
            "3/5",
            "--query",
            "-1",
            "--key",
            "9",
            "--top",
            "0",
            "--json"
        };
        List<String> ofPrompt = new ArrayList<>(List.of(wanted));
        ofPrompt.add(PROMPT);
        List<String> ofGraph = new ArrayList<>(List.of(wanted));
        ofGraph.addAll(List.of("--graph", raw.toString()));
        Run run = attention(ofPrompt.toArray(String[]::new));
        assertEquals(0, run.code(), run.err());
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertEquals(2, json.get("edges").size());
        for (JsonNode edge : json.get("edges")) {
            assertTrue(edge.get("layers").size() > 1);
            for (JsonNode layer : edge.get("layers")) {
                double sum = layer.get("bypass").asDouble();
                for (JsonNode head : layer.get("heads")) {
                    sum += head.asDouble();
                }
                assertEquals(edge.get("weight").asDouble(), sum, 1e-6);
            }
        }
        JsonNode score = json.get("scores").get(0);
        assertEquals(10, score.get("query").asInt());
        for (String side : List.of("query", "key")) {
            double sum = score.get("rest").get(side).asDouble();
            for (JsonNode source : score.get(side + "_sources")) {
                sum += source.get("value").asDouble();
            }
            assertEquals(score.get("score").asDouble(), sum, 1e-4, side);
        }
        JsonNode again = new ObjectMapper()
                .readTree(attention(ofGraph.toArray(String[]::new)).out());
        for (int e = 0; e < 2; e++) {
            assertEquals(json.at("/edges/" + e + "/source"), again.at("/edges/" + e + "/source"));
            assertEquals(
                    json.at("/edges/" + e + "/weight").asDouble(),
                    again.at("/edges/" + e + "/weight").asDouble(),
                    1e-5,
                    "the graph names its prompt and model");
        }
        assertEquals(score.get("score").asDouble(), again.at("/scores/0/score").asDouble(), 1e-4);
    }

    @Test
    void tablesNameHeadsAndSources() {
        Run run = attention(
                PROMPT, "--edge", "0_94_9,3_1932_10", "--head", "3/5", "--query", "10", "--key", "9", "--top", "3");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("0_94_9 \" Dallas\" (Austin) → 3_1932_10 \" is\""), run.out());
        assertTrue(run.out().contains("3/5 looks from \" is\" at \" Dallas\""), run.out());
        Run table = attention(PROMPT, "--top", "2", "--json");
        assertEquals(0, table.code(), table.err());
        assertTrue(table.out().contains("\"influence\""), table.out());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "--head 9/0 --query 2 --key 1; Head 9/0: there is no layer 9; the model's layers are 0 to 5",
                "--head 2/6 --query 2 --key 1; Head 2/6: there is no head 6; those of a layer are 0 to 5",
                "--head 2/1 --query 11 --key 1; Head 2/1: there is no position 11; the prompt's are 0 to 10",
                "--head 2/1 --query 3 --key -12; Head 2/1: there is no position -1; the prompt's are 0 to 10",
                "--head 2/1 --query 3 --key 4; Head 2/1: the key at 4 comes after the query at 3",
                "--head 2 --query 3 --key 2; '2' is not a head; write LAYER/HEAD, as in 5/2",
                "--head 2/1 --query 3; --head, --query and --key belong together",
                "--edge 0_94_9; --edge is '0_94_9'; write SOURCE,TARGET",
                "--edge 5_-1_10,7_5352_10; no attention lies between the ends",
                "--edge 3_1932_10,0_94_9; there is no edge from 3_1932_10 to 0_94_9: its source comes after its target",
                "--edge 0_94_9,0_95_9; the feature 0/9/95 (layer/position/number) does not fire",
                "--edge E_5_9,0_94_9; token 5 is not at position 9",
                "--edge x,0_94_9; 'x' is no node",
                "--edge 0_94_9,9_1_1; '9_1_1' is no node of this model",
                "--edge 0_94_9,7_5352_11; '7_5352_11' is no output of this prompt",
                "--top -1; --top is -1",
            })
    void whatCannotBeExplainedGetsASentence(String options, String sentence) {
        List<String> all = new ArrayList<>(List.of(PROMPT));
        all.addAll(List.of(options.split(" ")));
        Run run = attention(all.toArray(String[]::new));
        assertTrue(run.code() == 1 || run.code() == 2, run.out());
        assertTrue(run.err().contains(sentence), run.err());
        assertEquals("", run.out());
    }

    @Test
    void aGraphAndAPromptAreOneTooMany() {
        Run run = attention(PROMPT, "--graph", "x.safetensors");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("--graph has its own"), run.err());
    }

    /** A whole graph names what it was made with, and nodes of other prompts are none of its. */
    @Test
    void aGraphWithoutItsModelAndNodesOfAnotherGraph(@TempDir Path directory) throws IOException {
        Path raw = directory.resolve("sky.safetensors");
        assertEquals(
                0,
                Run.headwater(
                                "attribute",
                                "The sky is",
                                "--raw",
                                raw.toString(),
                                "--out",
                                directory.toString(),
                                "--quiet")
                        .code());
        Run foreign = attention("--graph", raw.toString(), "--edge", "0_94_9,3_1932_10");
        assertEquals(1, foreign.code());
        assertTrue(
                foreign.err().contains("the feature 0/9/94 (layer/position/number) does not fire on this prompt"),
                foreign.err());
        Run token = attention("--graph", raw.toString(), "--edge", "E_5352_0,7_3913_3");
        assertTrue(token.err().contains("token 5352 is not at position 0 of this prompt"), token.err());
        Path orphan = directory.resolve("orphan.safetensors");
        Files.write(
                orphan,
                new String(Files.readAllBytes(raw), StandardCharsets.ISO_8859_1)
                        .replace("\\\"atlas\\\"", "\\\"/nope\\\"")
                        .getBytes(StandardCharsets.ISO_8859_1));
        Run alone = attention("--graph", orphan.toString(), "--edge", "E_1_0,7_1_3");
        assertTrue(alone.code() == 1 || alone.code() == 2, alone.out());
        assertTrue(alone.err().contains("/nope"), alone.err());
        assertEquals(1, alone.err().strip().lines().count(), alone.err());
        Run missing = attention("--graph", directory.resolve("none.safetensors").toString(), "--edge", "E_1_0,7_1_3");
        assertEquals(1, missing.code());
        assertTrue(missing.err().contains("none.safetensors"), missing.err());
    }
}
