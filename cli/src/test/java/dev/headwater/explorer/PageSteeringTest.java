package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Interventions as people think them, from the Steer panel: from elsewhere, from other graphs, the strongest features, several texts. */
class PageSteeringTest extends PageFixture {
    /** Two features of the Oakland graph, as a group of its file. */
    private List<String> californiaInOakland(String scan) throws IOException {
        ObjectNode graph = (ObjectNode) file(SampleGraphs.OAKLAND);
        List<String> members = java.util.stream.StreamSupport.stream(
                        graph.get("nodes").spliterator(), false)
                .filter(node -> node.get("feature_type").asText().equals("cross layer transcoder")
                        && node.get("ctx_idx").intValue() == 9)
                .map(node -> node.get("node_id").textValue())
                .limit(2)
                .toList();
        var group = ((ObjectNode) graph.get("qParams")).putArray("supernodes").addArray();
        group.add("California");
        members.forEach(group::add);
        ((ObjectNode) graph.get("metadata")).put("scan", scan);
        Files.write(graphs.resolve(SampleGraphs.OAKLAND + ".json"), Json.MAPPER.writeValueAsBytes(graph));
        return members;
    }

    private JsonNode sent() {
        return browser.run("return window.sent.find(each => each.kind === 'intervene').request");
    }

    private void type(String id, String text) {
        browser.js(
                "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change', {bubbles: true}))",
                id,
                text);
    }

    @Test
    void activationsComeFromElsewhereFromOtherGraphsAndInNumbers() throws Exception {
        List<String> members = californiaInOakland("atlas-plt");
        openDallas("pinnedIds=1_696_9");
        browser.click("#tab-steer");
        browser.await("what can be changed", () -> browser.all(".steer-item").size() == 1);

        browser.clickText(".steer-from summary", "Activation from elsewhere");
        type("steer-from-prompts-0", "The capital of Italy is\nThe capital of Spain is");
        type("steer-from-at-0", "99x");
        assertEquals("no such position", browser.text(".steer-item .readout"));
        assertFalse(browser.find("#steer-run").isEnabled());
        type("steer-from-at-0", "-1");
        type("steer-number-0", "2");
        assertEquals("× 2.00 of what it is at -1 of 2 prompts, on average", browser.text(".steer-item .readout"));

        browser.clickText(".steer-add summary", "Add a group of another graph");
        browser.await(
                "its groups",
                () -> !browser.all("#steer-other-group option").isEmpty()
                        || browser.text(".steer-controls").contains("No features are pinned"));
        browser.clickText("#steer-other option", SampleGraphs.OAKLAND);
        browser.await(
                "California", () -> browser.texts("#steer-other-group option").contains("California (2)"));
        browser.set("#steer-other-factor", 2);
        type("steer-other-at", "44");
        browser.click("#steer-put");
        browser.await("why not", () -> browser.text(".steer-controls").contains("positions from 0 to 10"));
        type("steer-other-at", "");
        browser.click("#steer-put");
        browser.await(
                "the group", () -> browser.text(".steer-items").contains("2 features of " + SampleGraphs.OAKLAND));

        browser.clickText(".steer-add summary", "strongest features together");
        browser.set("#steer-top-count", 5);
        browser.click("#steer-top");
        browser.await("the five", () -> browser.text(".steer-items").contains("The 5 strongest features"));
        browser.set("#steer-temperature", 1);
        browser.set("#steer-samples", 3);
        browser.assertAccessible("steering from elsewhere");
        browser.screenshot("steer-elsewhere");
        catchJobs();
        browser.click("#steer-run");
        browser.await("results", () -> browser.text(".steer-results").contains("Sacramento"));

        JsonNode edits = sent().get("edits");
        assertEquals(
                Json.MAPPER.readTree(
                        "{\"prompts\":[{\"text\":\"The capital of Italy is\"},{\"text\":\"The capital of Spain is\"}],\"position\":-1,\"factor\":2}"),
                edits.at("/0/from"));
        assertEquals(1 + 5 + 2, edits.size());
        assertEquals(0, edits.at("/1/value").doubleValue(), "the strongest are taken away, unless told otherwise");
        for (int i = 0; i < 2; i++) {
            String id = members.get(i);
            double there = java.util.stream.StreamSupport.stream(
                            file(SampleGraphs.OAKLAND).get("nodes").spliterator(), false)
                    .filter(node -> node.get("node_id").asText().equals(id))
                    .findFirst()
                    .orElseThrow()
                    .get("activation")
                    .doubleValue();
            assertEquals(2 * there, edits.at("/" + (6 + i) + "/value").doubleValue(), 1e-9);
        }
        assertEquals(3, sent().get("samples").intValue());
        // Each is said once, with the value that the model was given.
        assertEquals(8, browser.all(".changes.set li").size());
        assertTrue(browser.text(".changes.set li").contains("→ 1"), browser.text(".changes.set li"));
        assertEquals(6, browser.all(".texts .generated").size());
        assertTrue(browser.text("#steer-command").contains("--set 1/9/696=1 "), browser.text("#steer-command"));
        assertTrue(browser.text("#steer-command").contains("--samples 3"), browser.text("#steer-command"));
        browser.screenshot("steered-elsewhere");
        browser.assertAccessible("steered from elsewhere");
        browser.click("[aria-label='Remove The 5 strongest features']");
        browser.click("[aria-label='Remove California']");
        browser.await("the pinned one", () -> browser.all(".steer-item").size() == 1);
    }

    @Test
    void whatDoesNotFireOrIsOfAnotherModelIsSaid() throws Exception {
        californiaInOakland("atlas-clt");
        openDallas();
        browser.click("#tab-steer");
        browser.clickText(".steer-add summary", "Add a group of another graph");
        browser.await("graphs", () -> browser.all("#steer-other option").size() > 1);
        browser.clickText("#steer-other option", SampleGraphs.OAKLAND);
        browser.await(
                "California", () -> browser.texts("#steer-other-group option").contains("California (2)"));
        browser.click("#steer-put");
        browser.await(
                "a warning",
                () -> browser.text(".steer-item .warning").contains("was made with atlas-clt, not atlas-plt"));
        browser.clickText(".steer-add summary", "Add a feature");
        browser.type("#steer-add-feature", "2/17");
        browser.click("#steer-add");
        browser.await("both", () -> browser.all(".steer-item").size() == 2);
        browser.click("#steer-run");
        browser.await("what was set", () -> browser.text(".changes.set").contains("does not fire here"));
    }
}
