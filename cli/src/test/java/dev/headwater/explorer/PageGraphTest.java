package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The graph view, its table and search; connections and features. */
class PageGraphTest extends PageFixture {
    @Test
    void pointingAtANodeTellsAboutItAndClickingSelectsIt() {
        openDallas();
        browser.overNode("0_1749_4").perform();
        browser.await("a tooltip", () -> browser.shows(".tooltip"));
        assertTrue(browser.text(".tooltip").contains("Layer 0, feature 1749"), browser.text(".tooltip"));
        browser.overNode("0_1749_4").click().perform();
        awaitState("s.clicked", "\"0_1749_4\"");
        assertTrue(String.valueOf(browser.js("return location.hash")).contains("clickedId=0_1749_4"));
        browser.overNode("0_1749_4").moveByOffset(0, -40).click().perform();
        browser.keys(Keys.ESCAPE);
        awaitState("s.clicked", "null");
        assertTrue(browser.text("#connections").contains("Select a node"));
    }

    @Test
    void pinsByDoubleClickCtrlClickKeyAndButtonAndSaves() {
        openDallas();
        browser.overNode("0_1749_4").doubleClick().perform();
        awaitState("a.pinned", "[\"0_1749_4\"]");
        browser.overNode("3_1932_10")
                .keyDown(Keys.CONTROL)
                .click()
                .keyUp(Keys.CONTROL)
                .perform();
        awaitState("a.pinned", "[\"0_1749_4\",\"3_1932_10\"]");
        browser.overNode("2_607_10").click().perform();
        browser.keys("p");
        awaitState("a.pinned.length", "3");
        browser.overNode("4_425_10").click().perform();
        browser.await(
                "the button of the selected node",
                () -> browser.text("#connections").contains("feature 425"));
        browser.click(".pin-button");
        awaitState("a.pinned.at(-1)", "\"4_425_10\"");
        browser.keys("p");
        awaitState("a.pinned.length", "3");
        browser.await(
                "the file to be saved",
                () -> file(SampleGraphs.DALLAS).at("/qParams/pinnedIds").size() == 3);
        browser.await("the page to say so", () -> browser.text(".save-state").equals("Saved"));
        assertEquals(177, file(SampleGraphs.DALLAS).get("nodes").size());
        openDallas();
        assertEquals("3", state("a.pinned.length"), "after loading it again");
    }

    @Test
    void slidersAndSwitchesChooseWhatIsShown() {
        openDallas();
        browser.set("#pruning", 0.5);
        browser.await("fewer nodes", () -> !browser.text("#graph-count").startsWith("177 of"));
        int few = Integer.parseInt(browser.text("#graph-count").split(" ")[0]);
        assertTrue(few < 60, browser.text("#graph-count"));
        assertTrue(String.valueOf(browser.js("return location.hash")).contains("pruningThreshold=0.5"));
        browser.set("#edges", 0.3);
        browser.await(
                "fewer edges",
                () -> Integer.parseInt(browser.text("#graph-count").replaceAll(".*, (\\d+) of .*", "$1")) < 200);
        browser.set("#pruning", 1);
        browser.click("#errors");
        browser.await(
                "no errors",
                () -> browser.text("#graph-count")
                        .startsWith(state("s.graph.nodes.filter(n => n.kind !== 1).length") + " of"));
        browser.screenshot("graph-pruned");
        browser.js(
                "const e = document.getElementById('link-type'); e.value = 'input'; e.dispatchEvent(new Event('change'))");
        browser.overNode("3_1932_10").click().perform();
        browser.await(
                "input edges only",
                () -> (Boolean)
                        browser.js(
                                "const v = headwater.graphView, i = v.clickedIndex; return v.links.length > 0 && v.links.every(l => v.props.graph.target[l.edge] === i)"));
    }

    @Test
    void zoomsPansAndComesBack() {
        openDallas();
        browser.overNode("0_1749_4").perform();
        browser.js(
                "headwater.graphView.plot.dispatchEvent(new WheelEvent('wheel', {deltaY: -300, clientX: 400, clientY: 250, bubbles: true, cancelable: true}))");
        browser.await("a zoom", () -> (Boolean) browser.js("return headwater.graphView.zoom.k > 1.2"));
        Object before = browser.js("return headwater.graphView.zoom.x");
        browser.actions()
                .moveToLocation(420, 240)
                .clickAndHold()
                .moveByOffset(60, 20)
                .release()
                .perform();
        browser.await("a pan", () -> !before.equals(browser.js("return headwater.graphView.zoom.x")));
        browser.await("edges painted anew", () ->
                (Boolean) browser.js("return headwater.graphView.canvas.edges.style.transform === ''"));
        browser.screenshot("graph-zoomed");
        browser.click("#fit");
        browser.await("all of it", () -> (Boolean) browser.js("return headwater.graphView.zoom.k === 1"));
        browser.click("[aria-label='Zoom in']");
        browser.click("[aria-label='Zoom out']");
        browser.await("all of it again", () ->
                (Boolean) browser.js("return Math.abs(headwater.graphView.zoom.k - 1) < 1e-6"));
    }

    @Test
    void theKeyboardAloneReachesEveryNode() {
        openDallas();
        browser.js("headwater.graphView.plot.focus()");
        browser.keys(Keys.ESCAPE);
        browser.keys(Keys.ARROW_UP, Keys.ARROW_DOWN);
        browser.await(
                "an announcement",
                () -> browser.js("return document.querySelector('#graph [aria-live]').textContent")
                        .toString()
                        .contains("Layer 5"));
        browser.keys(Keys.ARROW_RIGHT, Keys.ENTER);
        browser.await("a selection in layer 5", () -> state("s.clicked").startsWith("\"5_"));
        browser.keys("p");
        awaitState("a.pinned.length", "1");
        browser.keys("+");
        browser.await("a zoom", () -> (Boolean) browser.js("return headwater.graphView.zoom.k > 1"));
        browser.keys("0");
        browser.await("no zoom", () -> (Boolean) browser.js("return headwater.graphView.zoom.k === 1"));
        browser.keys(Keys.ESCAPE, "?");
        browser.await("the list of keys", () -> browser.text("dialog").contains("Undo, redo"));
        browser.screenshot("keys");
        browser.escape();
    }

    @Test
    void theTableListsTheSameNodesAndSorts() throws IOException {
        openDallas();
        browser.click("#table-button");
        browser.await("rows", () -> browser.all("table.nodes tbody tr").size() == 177);
        browser.clickText(".sort", "Activation");
        browser.await(
                "outputs and strong features first",
                () -> browser.text("table.nodes tbody tr:first-child").contains("feature")
                        || browser.text("table.nodes tbody tr:first-child").contains("output"));
        List<Double> activations = ((List<?>)
                        browser.js(
                                "return [...document.querySelectorAll('table.nodes tbody tr')].filter(r => r.cells[2].textContent === 'feature').map(r => Number(r.cells[5].textContent.replace(',', '')))"))
                .stream().map(x -> ((Number) x).doubleValue()).toList();
        for (int i = 1; i < activations.size(); i++) {
            assertTrue(activations.get(i) <= activations.get(i - 1), "descending: " + activations);
        }
        browser.clickText("table.nodes .link", "capital");
        browser.await("a selection", () -> browser.text("#connections h3").contains("capital"));
        browser.click("table.nodes .star");
        awaitState("a.pinned.length", "1");
        browser.screenshot("table");
        browser.assertAccessible("table");
        browser.click("#table-button");
    }

    @Test
    void findsNodesByLabelNumberTokenAndOutput() throws IOException {
        openDallas();
        browser.await("labels", () -> state("s.labelled").equals("1"));
        browser.keys("/");
        browser.keys("3/1932");
        browser.await("one hit", () -> browser.all(".hit").size() == 1);
        browser.keys(Keys.ENTER);
        awaitState("s.clicked", "\"3_1932_10\"");
        for (String query : List.of("dallas", "austin", "1749", "sacramento", "E_5352_9")) {
            browser.js("document.getElementById('search').value = ''");
            browser.type("#search", query);
            browser.await("hits for " + query, () -> !browser.all(".hit").isEmpty());
            if (query.equals("austin")) {
                assertTrue(
                        browser.text("#search-results").contains("says Austin"),
                        "by top logit: " + browser.text("#search-results"));
                browser.screenshot("search");
                browser.assertAccessible("search");
                browser.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP);
                assertEquals("hit-1", browser.find("#search").getDomAttribute("aria-activedescendant"));
            }
        }
        browser.js("document.getElementById('search').value = ''");
        browser.type("#search", "no such thing");
        browser.await("no hit", () -> browser.text("#search-results").contains("No node matches"));
        browser.keys(Keys.ESCAPE);
        browser.await("closed", () -> !browser.shows("#search-results"));
        awaitState("s.found", "null");
    }

    @Test
    void connectionsAreSignedSortedAndLeadOnward() throws IOException {
        openDallas("clickedId=3_1932_10");
        browser.await("labels", () -> state("s.labelled").equals("1"));
        List<Double> shares = browser.texts("#connections .side:first-child h5.positive + ul .row-share").stream()
                .map(text -> Double.parseDouble(text.replace(" %", "").replace("<", "")))
                .toList();
        assertTrue(shares.size() > 20 && shares.getFirst() > 10, shares.toString());
        for (int i = 1; i < shares.size(); i++) {
            assertTrue(shares.get(i) <= shares.get(i - 1), shares.toString());
        }
        assertTrue(browser.texts("#connections .side:first-child h5.negative + ul .row-share")
                .getFirst()
                .startsWith("−"));
        double sum = ((Number)
                        browser.js(
                                "const g = headwater.store.state.graph; return [...g.inputsOf(g.node('3_1932_10').index)].reduce((s, e) => s + Math.abs(g.share[e]), 0)"))
                .doubleValue();
        assertEquals(1, sum, 1e-4, "all inputs together");
        browser.clickText("#connections .side:first-child .row", "capital");
        awaitState("s.clicked", "\"0_1749_4\"");
        assertTrue(browser.text("#connections .side:first-child").contains("“ capital”"), "upstream is the token");
        WebElement row = browser.withText("#connections .side:first-child .row", "“ capital”");
        browser.actions()
                .moveToElement(row)
                .keyDown(Keys.CONTROL)
                .click()
                .keyUp(Keys.CONTROL)
                .perform();
        awaitState("a.pinned", "[\"E_3399_4\"]");
    }

    @Test
    void aFeatureShowsItsEvidenceAndTakesAName() throws IOException {
        openDallas("clickedId=0_1749_4");
        browser.await("examples", () -> !browser.all("#feature .example mark").isEmpty());
        assertTrue(
                browser.texts("#feature .example mark.peak").stream()
                        .allMatch(text -> text.strip().equals("capital")),
                "the peak is marked");
        assertTrue(browser.text("#feature .facts").contains("Activation"));
        assertTrue(browser.text("#feature .facts").contains("Percentile"));
        assertEquals(20, browser.all("#feature .histogram-bar").size());
        assertEquals(2, browser.all("#feature .logits").size());
        browser.screenshot("feature");
        WebElement label = browser.find("#feature-label");
        label.clear();
        label.sendKeys("seat of government", Keys.ENTER);
        awaitState("a.labels", "{\"" + FeatureSource.pair(0, 1749) + "\":\"seat of government\"}");
        browser.await("the name above", () -> browser.text("#connections h3").equals("seat of government"));
        browser.await(
                "the name in the file",
                () -> file(SampleGraphs.DALLAS).at("/qParams/clerps").asText().contains("seat of government"));
        browser.click("#connections h3");
        browser.actions()
                .keyDown(Keys.CONTROL)
                .sendKeys("z")
                .keyUp(Keys.CONTROL)
                .perform();
        awaitState("a.labels", "{}");
        browser.actions()
                .keyDown(Keys.CONTROL)
                .sendKeys("y")
                .keyUp(Keys.CONTROL)
                .perform();
        awaitState("Object.keys(a.labels).length", "1");
    }

    @Test
    void evidenceWithHistogramAndQuantilesIsShownToo() throws IOException {
        Path features = Files.createDirectories(scratch.resolve("features/tiny/gemma2-clt-jumprelu-transcoders"));
        Files.writeString(features.resolve(FeatureSource.pair(0, 28) + ".json"), """
                {"index":28,"activation_frequency":0.0123,"act_min":0,"act_max":5,"quantile_values":[0,1,2,3,4,5],"histogram":[900,300,100,40,9,2],
                 "top_logits":[" clock"," time"],"bottom_logits":["x"],
                 "examples_quantiles":[{"quantile_name":"Top activations","examples":[{"tokens":["The"," old","<b>","clock</b>","\\n"],"tokens_acts_list":[0,0.5,5,1,0],"train_token_ind":2,"is_repeated_datapoint":false}]},
                 {"quantile_name":"Subsample interval 0","examples":[{"tokens":["a"," b"],"tokens_acts_list":[0,0.2],"train_token_ind":1}]}]}
                """);
        try (var other =
                ExplorerServer.start(ExplorerConfig.local(graphs).withFeatures(List.of(scratch.resolve("features"))))) {
            browser.open("http://localhost:" + other.port() + "/#slug=" + SampleGraphs.GEMMA + "&clickedId=0_28_18");
            browser.await(
                    "the histogram",
                    () -> browser.all("#feature .histogram-bar").size() == 6);
            assertTrue(
                    browser.text("#feature .facts").contains("58 %"),
                    "percentile of 2.92: " + browser.text("#feature .facts"));
            assertTrue(browser.text("#feature").contains("<b>clock</b>↵"), "markup in a token is text");
            assertEquals(2, browser.all("#feature .examples").size());
            browser.screenshot("feature-histogram");
            browser.assertQuiet();
        }
    }
}
