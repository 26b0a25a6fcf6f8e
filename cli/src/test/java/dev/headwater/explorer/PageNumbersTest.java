package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Numbers and names that explain themselves: scores, influence, targets, tokens that are parts of characters. */
class PageNumbersTest extends PageFixture {
    @Test
    void theGraphsScoresStandBesideTheCircuits() {
        openDallas();
        assertFalse(
                browser.text("#scores").contains("circuit"),
                "nothing is said of a circuit that is not there: " + browser.text("#scores"));
        List<String> graph = browser.texts("#scores strong");
        assertEquals(2, graph.size());
        openDallas("pinnedIds=E_5352_9");
        assertFalse(browser.text("#scores").contains("circuit"), "a token alone is no circuit");
        openDallas("pinnedIds=0_94_9,3_1932_10,4_208_10");
        List<String> both = browser.texts("#scores strong");
        assertEquals(4, both.size());
        assertEquals(graph, List.of(both.get(0), both.get(2)), "the graph's own stay");
    }

    @Test
    void aNodesOwnInfluenceAndRankStandBesideTheCumulativeOne() {
        openDallas("clickedId=0_94_9");
        String facts = browser.text("#feature .facts");
        assertTrue(
                facts.contains("Own influence") && facts.contains("Rank") && facts.contains("With all above it"),
                facts);
        // What a node adds to those of more influence is its own.
        assertEquals("true", state("""
                (() => { const nodes = s.graph.nodes.filter(n => n.rank !== null).sort((a, b) => a.rank - b.rank);
                  return nodes.length > 100 && nodes.every((n, i) => n.rank === i + 1 && n.ownInfluence >= 0
                    && (i === 0 ? n.ownInfluence === n.influence : n.ownInfluence <= nodes[i - 1].ownInfluence)); })()"""));
        browser.overNode("0_94_9").perform();
        browser.await("a tooltip", () -> browser.shows(".tooltip"));
        assertTrue(
                browser.text(".tooltip").matches("(?s).*Influence [\\d.]+ %, rank \\d+ of \\d+.*"),
                browser.text(".tooltip"));
    }

    @Test
    void targetsAreNamedAsWhatTheyAre() throws IOException {
        String dallas = SampleGraphs.text(SampleGraphs.DALLAS);
        for (String target :
                List.of("Target feature 2/607 at position 10", "Target \\\\\" Austin\\\\\" - \\\\\" Dallas\\\\\"")) {
            Files.writeString(
                    graphs.resolve("target.json"),
                    dallas.replaceFirst("Output \\\\\" Austin\\\\\" \\(p=1\\.000\\)", target));
            browser.open(page("slug=target"));
            String plain = target.replace("\\", "").replace("Target ", "Target: ");
            assertEquals(plain, browser.text("#connections h3"));
            assertTrue(browser.text("#feature").contains("No next token"), browser.text("#feature"));
            assertFalse(browser.text("#feature").contains("Output"), browser.text("#feature"));
        }
    }

    @Test
    void outputsThatDifferInABlankReadDifferently() {
        SampleGraphs.shaped(
                graphs,
                "pets",
                List.of("<bos>", "My", " pet"),
                4,
                60,
                300,
                List.of(" pet", "pet", "\n", "\u200b", "<0xE6>", "\ufffd"));
        browser.open(page("slug=pets"));
        List<?> names = (List<?>)
                browser.js(
                        "const {name} = await import('/assets/naming.js'); return headwater.store.state.graph.nodes.filter(n => n.kind === 3).map(n => name(n, {labels: {}}))");
        assertEquals(
                List.of(
                        "Output “ pet”",
                        "Output “pet”",
                        "Output “↵”",
                        "Output “⟨U+200B⟩”",
                        "Output “<0xE6>” #504",
                        "Output “\ufffd” #505"),
                names);
        browser.js(
                "headwater.store.set({clicked: headwater.store.state.graph.nodes.find(n => n.token === '<0xE6>').id})");
        browser.await("its byte and id", () -> browser.text("#connections p").contains("byte 0xE6, id 504"));
    }

    @Test
    void bytesOfACharacterAreJoinedAndPositionsStay() throws IOException {
        for (String prompt : List.of("日本の首都は東京です。", "👩‍🚀 и 🇩🇪", "שלום עולם", "مرحبا", "नमस्ते")) {
            List<String> tokens = new ArrayList<>(List.of("<bos>"));
            List<String> expected = new ArrayList<>(List.of("<bos>"));
            prompt.codePoints().mapToObj(Character::toString).forEach(character -> {
                int bytes = character.getBytes(StandardCharsets.UTF_8).length;
                for (int i = 0; i < bytes; i++) {
                    tokens.add(bytes == 1 ? character : "\ufffd");
                    expected.add(character);
                }
            });
            SampleGraphs.shaped(graphs, "bytes", tokens, 4, 100, 500, List.of(" x"));
            var file = (com.fasterxml.jackson.databind.node.ObjectNode) file("bytes");
            ((com.fasterxml.jackson.databind.node.ObjectNode) file.get("metadata")).put("prompt", "<bos>" + prompt);
            Files.write(graphs.resolve("bytes.json"), Json.MAPPER.writeValueAsBytes(file));
            browser.open(page("slug=bytes&clickedId=E_102_2"));
            assertEquals(
                    expected,
                    browser.js("const g = headwater.store.state.graph; return g.tokens.map((_, i) => g.textAt(i))"));
            int[] bytes = browserBytes(prompt);
            if (bytes.length > 0) {
                String said = browser.text("#connections p");
                assertTrue(
                        said.contains("Token 2, byte 0x%02X, part 2 of ".formatted(bytes[1]))
                                && said.contains("id 102"),
                        said);
            }
        }
        browser.screenshot("bytes");
    }

    /** The bytes of the first character, if it has several. */
    private static int[] browserBytes(String prompt) {
        byte[] bytes = Character.toString(prompt.codePointAt(0)).getBytes(StandardCharsets.UTF_8);
        int[] values = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            values[i] = bytes[i] & 0xff;
        }
        return values;
    }
}
