package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** What can be done with circuits: suggested, kept by name, clicked, steered and painted; panels, frames, new graphs from this one. */
class PageCircuitTest extends PageFixture {
    private static final String TEXAS = "pinnedIds=0_94_9,0_1862_9,1_696_9,3_1932_10,7_3913_10&supernodes="
            + URLEncoder.encode("[[\"Texas\",\"0_94_9\",\"0_1862_9\",\"1_696_9\"]]", StandardCharsets.UTF_8);

    @Test
    void aCircuitIsSuggestedAndUndone() throws Exception {
        openDallas();
        browser.click("#suggest");
        browser.await("boxes", () -> browser.all(".box").size() > 10);
        assertEquals("\"7_3913_10\"", state("a.pinned[0]"));
        browser.await("its scores", () -> browser.text("#scores").contains("circuit"));
        browser.screenshot("suggested");
        browser.assertAccessible("suggested circuit");
        browser.click("#undo");
        awaitState("a.pinned.length", "0");
    }

    @Test
    void severalCircuitsAreKeptWithAGraph() throws Exception {
        openDallas("pinnedIds=0_94_9,3_1932_10");
        browser.click("#circuits");
        browser.type("#circuit-name", "the city");
        browser.click("#circuit-keep");
        browser.await("it in the list", () -> browser.text("dialog").contains("the city"));
        browser.assertAccessible("circuits");
        browser.screenshot("circuits");
        browser.escape();
        browser.await("the window to close", () -> !browser.shows("dialog"));
        browser.click("#unpin-all");
        awaitState("a.pinned.length", "0");
        browser.await(
                "the file",
                () -> file(SampleGraphs.DALLAS)
                        .at("/qParams/headwater/circuits/the city/pinnedIds/1")
                        .asText()
                        .equals("3_1932_10"));
        browser.open(page("slug=" + SampleGraphs.DALLAS));
        browser.click("#circuits");
        browser.clickText(".circuit-row button", "Show");
        awaitState("a.pinned", "[\"0_94_9\",\"3_1932_10\"]");
        browser.click("#undo");
        awaitState("a.pinned.length", "0");
        browser.click("#circuits");
        browser.clickText(".circuit-row button", "Forget");
        awaitState("Object.keys(a.circuits).length", "0");
        browser.escape();
    }

    @Test
    void aClickedGroupShowsItsInputsAndOutputsSummed() {
        openDallas(TEXAS);
        browser.js("const v = headwater.subgraphView; v.click({}, v.items.find(item => item.group))");
        browser.await("the group", () -> browser.text("#connections h3").equals("Texas"));
        assertTrue(browser.text("#connections").contains("Group of 3"), browser.text("#connections"));
        assertTrue(browser.text("#connections .side:first-child .row-name").contains("“ Dallas”"));
        double sum = ((Number)
                        browser.js(
                                "const {flows} = await import('/assets/flows.js'); const g = headwater.store.state.graph;"
                                        + "return flows(g, ['0_94_9', '0_1862_9', '1_696_9'].map(id => g.node(id).index)).inputs.reduce((s, f) => s + Math.abs(f.share), 0)"))
                .doubleValue();
        assertEquals(1, sum, 1e-6);
        browser.await(
                "its links",
                () -> (Boolean)
                        browser.js(
                                "return headwater.graphView.links.length > 20 && headwater.graphView.links.every(l => !['0_94_9', '0_1862_9', '1_696_9'].includes(headwater.store.state.graph.nodes[l.other].id))"));
        browser.overNode("3_1932_10").click().perform();
        browser.await("the node", () -> browser.text("#connections p").contains("feature 1932"));
    }

    @Test
    void pointingAtANodeMarksItsRowAndFillsTheFeaturePanel() {
        openDallas("clickedId=7_3913_10");
        browser.await("labels", () -> state("s.labelled").equals("1"));
        browser.overNode("5_1320_10").perform();
        browser.await("its row", () -> browser.all("#connections .pointed").size() == 1);
        assertTrue(browser.text("#connections .pointed").contains("5/1320"));
        browser.await("its evidence", () -> browser.text("#feature").contains("feature 1320"));
        browser.actions().moveToElement(browser.find("#graph-title")).perform();
        browser.await("the selected one again", () -> browser.text("#feature").contains("Output “ Austin”"));
        assertTrue(browser.all("#connections .pointed").isEmpty());
        assertFalse(browser.shows(".tooltip"), "the tooltip is gone");
        browser.overNode("3_1932_10").click().perform();
        assertFalse(browser.shows(".tooltip"), "a click lets the tooltip go");
    }

    @Test
    void steeringAtPositionsWithAddedFeaturesIsPaintedIntoTheCircuit() throws Exception {
        openDallas(TEXAS);
        browser.click("#tab-steer");
        browser.await("what can be changed", () -> browser.all(".steer-item").size() == 2);
        browser.set("#steer-range-0", 0.3);
        browser.js(
                "const at = document.getElementById('steer-at-1'); at.value = '8-10'; at.dispatchEvent(new Event('change'))");
        browser.js("document.querySelector('.steer-scroll > .steer-add').open = true");
        browser.type("#steer-add-feature", "2/17");
        browser.click("#steer-add");
        browser.await("the added one", () -> browser.all(".steer-item").size() == 3);
        browser.js(
                "const at = document.getElementById('steer-at-1'); at.value = '99'; at.dispatchEvent(new Event('change'))");
        assertFalse(browser.find("#steer-run").isEnabled(), "there is no position 99");
        browser.js(
                "const at = document.getElementById('steer-at-1'); at.value = '8-10'; at.dispatchEvent(new Event('change'))");
        catchJobs();
        browser.click("#steer-run");
        browser.await("results", () -> browser.text(".steer-results").contains("Sacramento"));
        assertEquals(
                "[[0,9,94],[0,9,1862],[1,9,696],[3,8,1932],[3,9,1932],[3,10,1932],[2,10,17]]",
                browser.js(
                        "return JSON.stringify(window.sent[0].request.edits.map(e => [e.site.layer, e.site.position, e.site.feature]))"));
        // What was set is said once, on both sides the same.
        double value =
                ((Number) browser.js("return headwater.store.state.graph.node('0_94_9').activation")).doubleValue();
        assertEquals(
                value * 0.3, ((Number) browser.js("return window.sent[0].request.edits[0].value")).doubleValue(), 1e-9);
        assertEquals(7, browser.all(".changes.set li").size());
        browser.screenshot("steer-positions");
        browser.assertAccessible("steering at positions");
        browser.click("#steer-paint");
        browser.await("percents", () -> browser.texts(".box .effect text").size() >= 2);
        assertTrue(browser.texts(".box .effect text").stream().allMatch(text -> text.endsWith("%")));
        browser.screenshot("steer-painted");
        browser.assertAccessible("painted circuit");
        browser.click("#effects-clear");
        browser.await("none", () -> browser.all(".box .effect").isEmpty());
    }

    @Test
    void aPanelFillsTheWindowAndAFrameShowsOne() throws Exception {
        openDallas(TEXAS);
        browser.click("#subgraph-panel .full-button");
        browser.await("it alone", () -> browser.shows("#diagram") && !browser.shows("#graph"));
        browser.screenshot("full-circuit");
        browser.assertAccessible("a panel that fills the window");
        browser.keys(Keys.ESCAPE);
        browser.await("all panels", () -> browser.shows("#graph") && browser.shows("#connections"));
        browser.click("#share");
        String link = String.valueOf(browser.find("#share-link").getDomProperty("value"));
        assertTrue(link.startsWith("http://localhost:" + server.port() + "/#slug=" + SampleGraphs.DALLAS), link);
        assertTrue(link.contains("pinnedIds=") && link.contains("supernodes="), link);
        browser.assertAccessible("share");
        browser.js(
                "const s = document.getElementById('share-embed'); s.value = 'graph'; s.dispatchEvent(new Event('change'))");
        String code = String.valueOf(browser.find("#share-frame").getDomProperty("value"));
        assertTrue(code.startsWith("<iframe src=\"http://localhost:"), code);
        browser.escape();
        browser.open(link + "&embed=graph");
        assertTrue(browser.shows("#graph") && !browser.shows("#connections") && !browser.shows(".top"));
        assertTrue(String.valueOf(browser.js("return location.hash")).contains("embed=graph"), "it stays so");
        browser.screenshot("embed-graph");
        browser.assertAccessible("frame");
        browser.open(link + "&embed=circuit");
        browser.await("the circuit", () -> browser.shows("#diagram") && !browser.shows("#graph"));
    }

    @Test
    void graphsAreMadeFromThisOne() {
        openDallas("clickedId=3_1932_10");
        browser.await("models", () -> browser.shows("#remix"));
        browser.click("#remix");
        assertEquals(
                "Fact: the capital of the state containing Dallas is",
                browser.find("#new-prompt").getDomProperty("value"));
        assertEquals("0.95", browser.find("#new-nodes").getDomProperty("value"));
        browser.escape();
        browser.await("the window to close", () -> !browser.shows("dialog"));
        browser.click(".trace-button");
        assertEquals("3/10/1932", browser.find("#new-target-lines").getDomProperty("value"));
        catchJobs();
        browser.await("the button", () -> browser.find("#new-start").isEnabled());
        browser.js("document.getElementById('new-name').value = 'why-it-fires'");
        browser.click("#new-start");
        browser.await("the graph", () -> browser.text("#graph-name").equals("why-it-fires"));
        assertEquals(
                List.of("3/10/1932"),
                browser.js("return window.sent.find(s => s.kind === 'attribute').request.targets.features"));
    }

    @Test
    void denseFeaturesCanBeHidden() throws Exception {
        var features = Files.createDirectories(scratch.resolve("dense/atlas-plt"));
        for (String feature : List.of("0/94/0.3", "3/1932/0.0001")) {
            String[] parts = feature.split("/");
            Files.writeString(
                    features.resolve(
                            FeatureSource.pair(Integer.parseInt(parts[0]), Integer.parseInt(parts[1])) + ".json"),
                    "{\"index\":" + parts[1] + ",\"activation_frequency\":" + parts[2]
                            + ",\"top_logits\":[],\"bottom_logits\":[],\"examples_quantiles\":[]}");
        }
        try (var other =
                ExplorerServer.start(ExplorerConfig.local(graphs).withFeatures(List.of(scratch.resolve("dense"))))) {
            browser.open("http://localhost:" + other.port() + "/#slug=" + SampleGraphs.DALLAS);
            browser.await("the slider", () -> browser.shows("#density"));
            browser.set("#density", -2);
            browser.await("fewer nodes", () -> !browser.text("#graph-count").startsWith("177 of"));
            assertEquals(
                    true,
                    browser.js(
                            "const {graphView, store} = headwater; return store.state.graph.nodes.every(n =>"
                                    + " graphView.shown[n.index] === (n.density === null || n.density <= store.state.density ? 1 : 0))"));
            assertEquals(
                    "0",
                    String.valueOf(browser.js(
                            "return headwater.graphView.shown[headwater.store.state.graph.node('0_94_9').index]")));
            browser.click("#show-all");
            browser.await("all", () -> browser.text("#graph-count").startsWith("177 of 177 nodes, 3,764 of 3,764"));
            browser.assertQuiet();
        }
    }
}
