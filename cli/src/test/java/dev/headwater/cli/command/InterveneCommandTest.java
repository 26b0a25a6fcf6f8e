package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands that test a hypothesis, on the bundled model whose circuits are known. */
class InterveneCommandTest {
    private static final String DALLAS = "Fact: the capital of the state containing Dallas is";
    private static final String OAKLAND = "Fact: the capital of the state containing Oakland is";

    @TempDir
    private Path directory;

    static double after(JsonNode result, String token) {
        for (JsonNode next : result.get("next")) {
            if (next.get("text").asText().equals(token)) {
                return next.get("after").asDouble();
            }
        }
        return 0;
    }

    static JsonNode json(String... args) throws IOException {
        Run run = Run.headwater(
                Stream.concat(Stream.of(args), Stream.of("--json")).toArray(String[]::new));
        assertEquals(0, run.code(), run.toString());
        assertEquals("", run.err());
        return new ObjectMapper().readTree(run.out());
    }

    @Test
    void takingTexasAwayLowersAustin() throws IOException {
        JsonNode result = json(
                "intervene",
                DALLAS,
                "--scale",
                "0/9/94=-1",
                "--scale",
                "0/9/1862=-1",
                "--scale",
                "1/9/696=-1",
                "--scale",
                "2/-1/607=-1",
                "--scale",
                "2/-1/1040=-1",
                "--scale",
                "3/-1/1683=-1",
                "--scale",
                "4/-1/425=-1");
        assertTrue(after(result, " Austin") < 0.1, result.get("next").toString());
    }

    @Test
    void anotherStateBringsItsCapital() throws IOException {
        for (String transcoders : new String[] {"atlas-plt", "atlas-clt"}) {
            JsonNode result = json(
                    "intervene",
                    DALLAS,
                    "-t",
                    transcoders,
                    "--swap",
                    "0:4/-2/*",
                    "--swap",
                    "2:6/-1/*",
                    "--from",
                    OAKLAND);
            assertTrue(after(result, " Sacramento") > 0.9, transcoders + result.get("next"));
        }
    }

    @Test
    void antonymsAndSumsFollowTheirFeatures() throws IOException {
        JsonNode antonym = json(
                "intervene",
                "Le contraire de \"petit\" est \"",
                "--swap",
                "0:3/-1/*",
                "--from",
                "Le contraire de \"chaud\" est \"");
        assertTrue(after(antonym, "froid") > 0.9, antonym.get("next").toString());
        JsonNode sum = json("intervene", "36+59=", "--swap", "3:6/-1/*", "--from", "36+58=");
        assertTrue(after(sum, "94") > 0.5, sum.get("next").toString());
    }

    /** The last edit of a feature counts, whichever option gives it. */
    @Test
    void editsCountInTheirOrder() throws IOException {
        JsonNode set = json("intervene", DALLAS, "--ablate", "2/-1/607", "--set", "2/-1/607=1.5");
        JsonNode same = json("intervene", DALLAS, "--set", "2/-1/607=1.5");
        assertEquals(same.get("next"), set.get("next"));
        assertEquals("[\"2/-1/607 = 0.0\",\"2/-1/607 = 1.5\"]", set.get("edits").toString());
    }

    @Test
    void rawFilesHoldBothRuns() throws IOException {
        Path raw = directory.resolve("raw.safetensors");
        JsonNode result = json(
                "intervene", DALLAS, "--ablate", "2/-1/607", "--generate", "3", "--no-stop", "--raw", raw.toString());
        try (SafetensorsFile file = SafetensorsFile.open(raw)) {
            assertEquals(
                    Set.of(
                            "input_tokens",
                            "logits",
                            "logits_before",
                            "activations",
                            "activations_before",
                            "generated_tokens",
                            "generated_tokens_before"),
                    file.names());
            assertArrayEquals(new long[] {11, 5657}, file.info("logits").shape());
            assertArrayEquals(new long[] {6, 11, 2048}, file.info("activations").shape());
            assertArrayEquals(new long[] {3}, file.info("generated_tokens").shape());
        }
        assertEquals(3, result.get("generated").get("tokens").size());
        Path sparse = directory.resolve("sparse.safetensors");
        json("intervene", DALLAS, "--raw", sparse.toString(), "--sparse");
        try (SafetensorsFile file = SafetensorsFile.open(sparse)) {
            assertArrayEquals(
                    file.floats("activation_values"), file.floats("activation_values_before"), "no edits, no change");
            assertEquals(3, file.info("activation_indices").shape()[1]);
        }
    }

    @Test
    void graphsAreVerifiedComparedAndGrouped() throws IOException {
        Path raw = directory.resolve("dallas.safetensors");
        Path plot = directory.resolve("plot.svg");
        assertEquals(
                0,
                Run.headwater(
                                "attribute",
                                DALLAS,
                                "--quiet",
                                "--out",
                                directory.toString(),
                                "--slug",
                                "dallas",
                                "--raw",
                                raw.toString())
                        .code());
        JsonNode check = json("verify", raw.toString(), "--top", "2", "--draws", "1", "--plot", plot.toString());
        assertTrue(
                check.get("direct").get("correlation").asDouble() > 0.9999,
                check.get("direct").toString());
        String drawn = Files.readString(plot);
        assertTrue(drawn.startsWith("<svg") && drawn.contains(">outputs<") && drawn.contains(">features<"), "a legend");
        Path graph = directory.resolve("dallas.json");
        JsonNode comparison = json("compare", graph.toString(), raw.toString());
        assertEquals(0, comparison.get("onlyInFirst").size());
        Files.writeString(
                graph,
                Files.readString(graph)
                        .replace("\"supernodes\":[]", "\"supernodes\":[[\"Texas\",\"0_94_9\",\"2_607_10\"]]"));
        JsonNode grouped = json("intervene", DALLAS, "--group", "Texas=-1", "--graph", graph.toString());
        assertEquals(
                "[\"0/9/94 × -1.0\",\"2/10/607 × -1.0\"]", grouped.get("edits").toString());
    }

    @Test
    void samplesHaveSeedsOfTheirOwn() throws IOException {
        String[] ask = {
            "intervene", "36+59=", "--ablate", "4/-1/*", "--generate", "6", "--temperature", "3", "--seed", "5"
        };
        JsonNode samples =
                json(Stream.concat(Stream.of(ask), Stream.of("--samples", "3")).toArray(String[]::new));
        assertEquals(3, samples.get("samples").size());
        assertEquals(3, samples.get("samples_before").size());
        assertEquals(json(ask).get("generated"), samples.at("/samples/0"), "the first has the seed as given");
        ask[ask.length - 1] = "7";
        assertEquals(json(ask).get("generated"), samples.at("/samples/2"));
    }

    @Test
    void graphsExplainOtherTargets() {
        String[][] targets = {
            {"--target-token", " Austin"},
            {"--target-token", "#10"},
            {"--target-difference", " Austin, Sacramento"},
            {"--target-feature", "2/-1/607"},
            {"--target-concept", " Austin, Sacramento, Albany", "--minus", " Texas, California, New"},
            {"--target-concept", " Austin, Sacramento"}
        };
        for (String[] target : targets) {
            Run run = Run.headwater(Stream.concat(
                            Stream.of("attribute", DALLAS, "--out", directory.toString(), "--slug", "t"),
                            Stream.of(target))
                    .toArray(String[]::new));
            assertEquals(0, run.code(), run.toString());
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "intervene;P;--set;9/1/1=0        | there is no layer 9",
                "intervene;P;--set;1/1/99999=0    | there is no feature 99999",
                "intervene;P;--set;1/50/1=0       | lies outside the prompt",
                "intervene;P;--set;1/-50/1=0      | lies outside the prompt",
                "intervene;P;--set;1/5:3/1=0      | the range of positions is empty",
                "intervene;P;--set;1/1/1=NaN      | must be a finite number",
                "intervene;P;--set;1/1/1=Infinity | must be a finite number",
                "intervene;P;--set;1/1/1=x        | 'x' in --set is not a number",
                "intervene;P;--set;1/1/1          | lacks '='",
                "intervene;P;--set;Texas=1        | names no features",
                "intervene;P;--scale;3:2/1/1=1    | the range of layers is empty",
                "intervene;P;--ablate;0:9/1/*     | there is no layer 8",
                "intervene;P;--set                | Missing required parameter for option '--set'",
                "intervene;P;--swap;1/1/1         | --swap needs --from",
                "intervene;P;--from;x             | --from is given without --swap",
                "intervene;P;--swap;1/9/1@x;--from;P | 'x' is not a position",
                "intervene;P;--swap;1/9/1@1:2;--from;P | after @ comes one position",
                "intervene;P;--swap;1/9/1=x;--from;P | is not a number",
                "intervene;P;--put;T              | --put needs --graph",
                "intervene;P;--factor;2           | --factor is given without --from-graph",
                "intervene;P;--samples;2          | --samples is given without --generate",
                "intervene;P;--generate;2;--samples;0 | --samples is 0",
                "intervene;P;--generate;2;--samples;2;--greedy | --greedy contradicts --samples",
                "intervene;P;--show;-2            | --show is -2",
                "intervene;P;--scale;5/0/*=2      | no feature fires there",
                "intervene;P;--swap;1/9/1;--from;Fact | lies outside the other prompt",
                "intervene;P;--group;T=1          | --group needs --graph",
                "intervene;P;--graph;x            | --graph is given without --group",
                "intervene;P;--freeze;some        | --freeze is 'some'",
                "intervene;P;--constrain;2        | --constrain is '2'",
                "intervene;P;--constrain;3:3      | constrained layers 3:3 are no range",
                "intervene;P;--constrain;0:9;--ablate;1/1/1 | reach beyond the model's 6 layers",
                "intervene;P;--constrain;0:2;--ablate;4/1/1 | can have no effect",
                "intervene;P;--constrain;0:2;--freeze;none  | contradicts --freeze none",
                "intervene;P;--generate;0         | from 1 to",
                "intervene;P;--greedy             | --greedy is given without --generate",
                "intervene;P;--temperature;1      | --temperature is given without --generate",
                "intervene;P;--generate;2;--greedy;--top-k;3 | --greedy contradicts --top-k",
                "intervene;P;--generate;2;--top-p;2 | top-p must be",
                "intervene;P;--generate;2;--temperature;-1 | temperature must be",
                "intervene;P;--sparse             | --sparse is given without --raw",
                "intervene;P;--top;-1             | --top is -1",
                "verify                           | Missing required parameter: 'GRAPH'",
                "verify;g;--factor;1              | other than 1",
                "verify;g;--top;-1                | must not be negative",
                "verify;g;--draws;0               | from 1 to 1000",
                "compare;g                        | Missing required parameter: 'B'",
                "attribute;P;--target-token;no such token here | tokens, not one",
                "attribute;P;--target-token;#99999 | there is no token 99999",
                "attribute;P;--target-difference;x | write two tokens",
                "attribute;P;--minus;x            | --minus is given without --target-concept",
                "attribute;P;--target-concept; Austin;--minus; Austin | the concept has no direction",
                "attribute;P;--target-concept;no such token here | tokens, not one",
                "attribute;P;--target-feature;x   | write LAYER/POSITION/FEATURE",
                "attribute;P;--target-feature;1/1/99999 | does not exist",
                "attribute;P;--target-feature;1/1/1;--target-token;x | targets of one kind",
            })
    void requestsWithoutMeaning(String line, String reason) {
        refused(2, line, reason);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "verify;/no/such/graph.json       | There is no graph file",
                "verify;/no/such/graph.safetensors | /no/such/graph.safetensors",
                "compare;/no/such/a.json;/no/b.json | There is no graph file",
                "intervene;P;--group;T=1;--graph;/no/such.json | There is no graph file",
                "intervene;P;--raw;/no/such/x.safetensors | its directory does not exist",
                "attribute;P;--target-direction;/no/such/file | /no/such/file",
            })
    void filesThatAreNotThere(String line, String reason) {
        refused(1, line, reason);
    }

    private void refused(int code, String line, String reason) {
        String[] args = Stream.of(line.split(";"))
                .map(arg -> arg.equals("P") ? DALLAS : arg)
                .toArray(String[]::new);
        Run run = Run.headwater(
                args[0].equals("attribute")
                        ? Stream.concat(Stream.of(args), Stream.of("--out=" + directory))
                                .toArray(String[]::new)
                        : args);
        assertEquals(code, run.code(), line + ": " + run);
        assertEquals("", run.out(), line);
        String first = run.err().lines().findFirst().orElse("");
        assertTrue(
                first.startsWith("headwater: ") && first.contains(reason) && first.matches(".*[.!?]"),
                "expected '" + reason + "' in " + run.err());
        assertFalse(run.err().contains("Exception"), run.err());
    }
}
