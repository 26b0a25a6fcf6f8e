package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Groups and strongest features of graphs, of this prompt and of others, in an intervention; and what two graphs have apart. */
class GroupInterventionTest {
    private static final String DALLAS = "Fact: the capital of the state containing Dallas is";
    private static final String OAKLAND = "Fact: the capital of the state containing Oakland is";

    @TempDir
    private Path directory;

    private static void refused(String line, String reason) {
        Run run = Run.headwater(Stream.of(line.split(";"))
                .map(arg -> arg.equals("P") ? DALLAS : arg)
                .toArray(String[]::new));
        assertEquals(2, run.code(), run.toString());
        assertTrue(run.err().contains(reason), run.err());
    }

    @Test
    void graphsAreComparedWithTextsAndLabels() throws IOException {
        Path dallas = grouped(DALLAS, "dallas", "");
        Path oakland = grouped(OAKLAND, "oakland", "");
        Run run = Run.headwater("compare", dallas.toString(), oakland.toString());
        assertEquals(0, run.code(), run.toString());
        assertTrue(
                run.out().lines().anyMatch(line -> line.matches("0/9/94 +0\\.\\d+ +\" Dallas\" +Austin")), run.out());
        assertTrue(run.out().contains("0/9/1066") && run.out().contains("\" Oakland\""), run.out());
    }

    private Path grouped(String prompt, String slug, String group) throws IOException {
        Run run = Run.headwater("attribute", prompt, "--quiet", "--out", directory.toString(), "--slug", slug);
        assertEquals(0, run.code(), run.toString());
        Path graph = directory.resolve(slug + ".json");
        return Files.writeString(
                graph, Files.readString(graph).replace("\"supernodes\":[]", "\"supernodes\":[" + group + "]"));
    }

    /** The paper's experiment: a group off, and another prompt's in its place. */
    @Test
    void aGroupOfAnotherPromptTakesTheOnesPlace() throws IOException {
        Path dallas = grouped(
                DALLAS,
                "dallas",
                "[\"Texas\",\"0_94_9\",\"0_1862_9\",\"1_696_9\",\"2_607_10\",\"2_1040_10\",\"3_1683_10\",\"4_425_10\"]");
        Path oakland = grouped(
                OAKLAND,
                "oakland",
                "[\"California\",\"0_1066_9\",\"1_2040_9\",\"4_537_10\",\"3_1874_10\",\"2_83_10\",\"0_1828_9\"]");
        JsonNode result = InterveneCommandTest.json(
                "intervene",
                DALLAS,
                "--group",
                "Texas=-1",
                "--put",
                "California=2",
                "--graph",
                dallas.toString(),
                "--graph",
                oakland.toString());
        assertTrue(
                InterveneCommandTest.after(result, " Sacramento") > 0.9,
                result.get("next").toString());
        JsonNode oaklandsOwn = new ObjectMapper().readTree(oakland.toFile()).get("nodes");
        for (JsonNode set : result.get("set")) {
            String id = set.get("layer") + "_" + set.get("feature") + "_" + set.get("position");
            oaklandsOwn.forEach(node -> {
                if (node.get("node_id").asText().equals(id) && set.get("before").asDouble() == 0) {
                    assertEquals(
                            2 * node.get("activation").asDouble(),
                            set.get("value").asDouble(),
                            1e-4,
                            id);
                }
            });
        }
        assertEquals(13, result.get("set").size());
        assertEquals("Sacramento", find(result.get("set"), 1066).get("label").asText());
        JsonNode elsewhere = InterveneCommandTest.json(
                "intervene",
                "The state containing Dallas is",
                "--put",
                "California@3=2",
                "--graph",
                oakland.toString());
        assertEquals(
                6,
                elsewhere.get("set").findValuesAsText("position").stream()
                        .filter("3"::equals)
                        .count());
        refused(
                "intervene;Fact: Dallas;--put;California;--graph;" + oakland,
                "say at which position to put it, as in --put 'California@-1'");
        refused("intervene;P;--group;X=1;--graph;" + oakland + ";--graph;" + dallas, "it has California, Texas");
    }

    private static JsonNode find(JsonNode features, int number) {
        for (JsonNode each : features) {
            if (each.get("feature").asInt() == number) {
                return each;
            }
        }
        throw new AssertionError("no feature " + number + " in " + features);
    }

    /** What would pass without effect, or mean something else, is said. */
    @Test
    void groupsThatDoNotFireOrAreOfAnotherModelAreSaid() throws IOException {
        Path oakland = grouped(OAKLAND, "oakland", "[\"California\",\"0_1066_9\",\"4_537_10\"]");
        JsonNode idle = InterveneCommandTest.json(
                "intervene", DALLAS, "--group", "California=2", "--graph", oakland.toString());
        assertTrue(
                idle.get("notes").toString().contains("0/9/1066, 4/10/537 do not fire in this prompt"),
                idle.get("notes").toString());
        Run other = Run.headwater(
                "intervene", DALLAS, "-t", "atlas-clt", "--put", "California", "--graph", oakland.toString());
        assertTrue(other.err().contains("is a graph of 'atlas-plt', and this is 'atlas-clt'"), other.toString());
        Run site = Run.headwater(
                "intervene",
                DALLAS,
                "--group",
                "pinned=0",
                "--graph",
                "https://www.neuronpedia.org/gemma-2-2b/graph?slug=x&pinnedIds=2_607_10");
        assertEquals(0, site.code(), site.toString());
        assertTrue(site.err().contains("is a graph of 'gemma-2-2b', and this is 'atlas-plt'"), site.toString());
    }

    @Test
    void theStrongestFeaturesOfAGraphCarryItsAnswer() throws IOException {
        Path graph = grouped(DALLAS, "dallas", "");
        JsonNode gone = InterveneCommandTest.json("intervene", DALLAS, "--from-graph", graph.toString(), "--top", "10");
        assertTrue(
                InterveneCommandTest.after(gone, " Austin") < 0.1,
                gone.get("next").toString());
        assertEquals(10, gone.get("set").size());
        JsonNode more = InterveneCommandTest.json(
                "intervene", DALLAS, "--from-graph", graph.toString(), "--top", "3", "--factor", "2");
        assertEquals(
                2 * more.at("/set/0/before").asDouble(), more.at("/set/0/value").asDouble(), 1e-5);
    }
}
