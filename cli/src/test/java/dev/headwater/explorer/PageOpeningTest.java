package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** Graphs in the browser: opened, chosen, compared, saved; the tour, looks and panels. */
class PageOpeningTest extends PageFixture {
    @Test
    void opensTheLatestGraphWithItsStrongestOutputSelected() {
        browser.open(page(""));
        assertEquals(SampleGraphs.DALLAS, browser.text("#graph-name"));
        assertTrue(browser.text("#prompt").endsWith("containing Dallas is"));
        assertTrue(browser.text("#graph-count").startsWith("177 of 177 nodes"));
        assertEquals("Output “ Austin”", browser.text("#connections h3"));
        browser.await("default labels", () -> browser.text("#connections .rows").contains("is → Austin"));
        browser.screenshot("graph");
    }

    @Test
    void readsTheAddressInTheFieldsNames() {
        String labels =
                URLEncoder.encode("[[\"" + FeatureSource.pair(3, 1932) + "\",\"my name\"]]", StandardCharsets.UTF_8);
        browser.open("http://localhost:" + server.port() + "/?slug=" + SampleGraphs.DALLAS
                + "&pinnedIds=0_94_9,3_1932_10,nobody&clickedId=3_1932_10&pruningThreshold=0.6&clerps=" + labels
                + "&supernodes=" + URLEncoder.encode("[[\"both\",\"0_94_9\",\"3_1932_10\"]]", StandardCharsets.UTF_8));
        assertEquals("[\"0_94_9\",\"3_1932_10\"]", state("a.pinned"));
        assertEquals("\"both\"", state("a.groups[0].label"));
        assertEquals("0.6", state("s.pruning"));
        assertEquals("my name", browser.text("#connections h3"));
        String address = String.valueOf(browser.js("return location.hash"));
        for (String name :
                List.of("slug=", "pinnedIds=", "supernodes=", "clerps=", "clickedId=", "pruningThreshold=")) {
            assertTrue(address.contains(name), address);
        }
        assertEquals("", file(SampleGraphs.DALLAS).at("/qParams/clickedId").textValue(), "looking saves nothing");
    }

    @Test
    void opensGraphsOfTheReferenceWithEitherSpellingOfErrors() throws IOException {
        browser.open(page("slug=" + SampleGraphs.GEMMA));
        assertEquals(
                "\"3_28_13\"",
                state(
                        "s.graph.nodes.filter(n => n.kind === 1 && n.id.includes('_-1_')).length > 0 ? '3_28_13' : 'no errors'"));
        // As version 0.5.0 writes it: the error of layer 1 at position 2 is called like feature 1 of layer 0.
        String node =
                "{\"node_id\":\"%s\",\"feature\":%d,\"layer\":\"%s\",\"ctx_idx\":2,\"feature_type\":\"%s\",\"jsNodeId\":\"x\",\"clerp\":\"%s\",\"influence\":0.5,\"activation\":1.0}";
        String old =
                "{\"metadata\":{\"slug\":\"old\",\"scan\":\"gemma-2-2b\",\"prompt_tokens\":[\"a\",\" b\",\" c\"],\"prompt\":\"a b c\"},\"qParams\":{\"pinnedIds\":null,\"supernodes\":[],\"clickedId\":\"\"},\"nodes\":["
                        + node.formatted("0_1_2", 1, "0", "cross layer transcoder", "") + ","
                        + node.formatted("2_7_2", 200007, "2", "cross layer transcoder", "") + ","
                        + node.formatted("0_1_2", -1, "1", "mlp reconstruction error", "") + ","
                        + node.formatted("E_5_2", 2, "E", "embedding", "") + ","
                        + node.formatted("4_9_2", 9, "4", "logit", "Output \\\" d\\\" (p=0.250)")
                        + "],\"links\":[{\"source\":\"0_1_2\",\"target\":\"2_7_2\",\"weight\":1},{\"source\":\"0_1_2\",\"target\":\"2_7_2\",\"weight\":-3},{\"source\":\"2_7_2\",\"target\":\"4_9_2\",\"weight\":2},{\"source\":\"E_5_2\",\"target\":\"0_1_2\",\"weight\":2}]}";
        Files.writeString(graphs.resolve("old.json"), old);
        browser.open(page("slug=old&clickedId=2_7_2"));
        assertEquals("[\"0_1_2\",\"2_7_2\",\"1_-1_2\",\"E_5_2\",\"4_9_2\"]", state("s.graph.nodes.map(n => n.id)"));
        assertEquals(
                "[[\"1_-1_2\",-3],[\"0_1_2\",1]]",
                state("[...s.graph.inputsOf(1)].map(e => [s.graph.nodes[s.graph.source[e]].id, s.graph.weight[e]])"));
        assertEquals("7", state("s.graph.nodes[1].feature"));
        assertEquals("0.25", state("s.graph.nodes[4].probability"));
    }

    @Test
    void aPlaceWithoutGraphsSaysWhatToDo() throws IOException {
        try (var empty = ExplorerServer.start(ExplorerConfig.local(scratch.resolve("empty")))) {
            browser.load("http://localhost:" + empty.port() + "/");
            assertTrue(browser.text("#welcome").contains("There is no graph here yet"));
            browser.screenshot("welcome");
            browser.assertAccessible("welcome");
            browser.click("#new-graph");
            assertTrue(browser.text("dialog").contains("without a live model"));
            browser.escape();
            browser.assertQuiet();
        }
    }

    @Test
    void choosesFiltersUploadsAndDeletesGraphs() throws IOException {
        openDallas();
        browser.click("#graph-button");
        browser.await("three graphs", () -> browser.all(".graph-entry").size() == 3);
        browser.screenshot("graphs");
        browser.assertAccessible("graph list");
        browser.type("dialog .filter", "sacra");
        browser.await("one graph", () -> browser.all(".graph-entry").size() == 1);
        browser.click(".graph-entry");
        browser.await("the other graph", () -> browser.text("#graph-name").equals(SampleGraphs.OAKLAND));

        Path good = Files.writeString(scratch.resolve("my own graph.json"), SampleGraphs.text(SampleGraphs.GEMMA));
        Path bad = Files.writeString(scratch.resolve("bad.json"), "{\"nodes\":[]}");
        browser.click("#graph-button");
        browser.find("#upload-file").sendKeys(bad.toString());
        browser.await("the reason", () -> browser.text("dialog .failure").contains("has no metadata"));
        browser.forgetLogs();
        browser.find("#upload-file").sendKeys(good.toString());
        browser.await("the uploaded graph", () -> browser.text("#graph-name").equals("my-own-graph"));
        assertTrue(Files.exists(graphs.resolve("my-own-graph.json")));

        browser.click("#graph-button");
        browser.click("[aria-label='Delete my-own-graph']");
        browser.clickText(".confirm button", "Delete");
        browser.await("it to go", () -> !Files.exists(graphs.resolve("my-own-graph.json")));
        browser.escape();
        browser.await("the list to close", () -> !browser.shows("dialog"));
    }

    @Test
    void aConflictIsSettledByAsking() throws IOException {
        for (String answer : List.of("Keep mine", "Take theirs")) {
            freshGraphs();
            openDallas();
            try (Client other = new Client(server.port())) {
                assertEquals(
                        200,
                        other.send(
                                        "PUT",
                                        "/api/graphs/" + SampleGraphs.DALLAS + "/annotations",
                                        "{\"pinnedIds\":[\"0_94_9\"]}",
                                        "If-Match",
                                        "*")
                                .status());
            }
            browser.overNode("0_1749_4").doubleClick().perform();
            browser.await(
                    "the question",
                    () -> browser.shows("dialog") && browser.text("dialog").contains("Somebody else saved"));
            browser.forgetLogs();
            browser.screenshot("conflict");
            browser.clickText("dialog button", answer);
            String kept = answer.equals("Keep mine") ? "0_1749_4" : "0_94_9";
            awaitState("a.pinned", "[\"" + kept + "\"]");
            browser.await(
                    "the file",
                    () -> file(SampleGraphs.DALLAS)
                            .at("/qParams/pinnedIds/0")
                            .asText()
                            .equals(kept));
            browser.await(
                    "the page to say so", () -> browser.text(".save-state").equals("Saved"));
        }
    }

    @Test
    void comparesTwoGraphs() throws IOException {
        openDallas();
        browser.click("#compare-button");
        browser.clickText(".graph-entry", SampleGraphs.OAKLAND);
        browser.await("both graphs", () -> browser.all(".compare-graph .plot").size() == 2);
        assertTrue(browser.text(".compare-list").contains("take part in both"));
        browser.clickText(".compare-row", "capital");
        browser.await("the same feature on both sides", () ->
                (Boolean) browser.js("return document.querySelector('.compare-row[aria-pressed=true]') !== null"));
        browser.screenshot("compare");
        browser.assertAccessible("compare");
        browser.clickText(".compare-list .segmented button", "Only right");
        browser.await(
                "other rows",
                () -> browser.find(".compare-list .segmented button[aria-pressed=true]")
                        .getText()
                        .startsWith("Only right"));
        assertTrue(String.valueOf(browser.js("return location.hash")).contains("compare=" + SampleGraphs.OAKLAND));
        browser.click("[aria-label='End the comparison']");
        browser.await("the workspace", () -> browser.shows("#graph"));
    }

    @Test
    void theTourWalksThroughThePage() throws IOException {
        browser.open("http://localhost:" + server.port() + "/?tour=1#slug=" + SampleGraphs.DALLAS);
        browser.await("the first step", () -> browser.text(".tour").contains("1 of 7"));
        browser.screenshot("tour");
        browser.assertAccessible("tour");
        for (int step = 2; step <= 7; step++) {
            int now = step;
            browser.clickText(".tour button", "Next");
            browser.await("step " + step, () -> browser.text(".tour").contains(now + " of 7"));
        }
        browser.keys(Keys.ARROW_LEFT);
        browser.await("a step back", () -> browser.text(".tour").contains("6 of 7"));
        browser.keys(Keys.ESCAPE);
        browser.await("the end", () -> !browser.shows(".tour"));
        browser.click("#tour-button");
        browser.await("it again", () -> browser.shows(".tour"));
        browser.clickText(".tour button", "Skip");
    }

    @Test
    void darkAndNarrowAreFineToo() throws IOException {
        browser.prefer("dark");
        openCircuit();
        browser.await("labels", () -> browser.text("#diagram").contains("→ Texas"));
        browser.screenshot("dark");
        browser.assertAccessible("dark");
        browser.click("#theme-button");
        browser.await("light", () -> "light".equals(browser.js("return document.documentElement.dataset.theme")));
        browser.assertAccessible("light");
        browser.js("localStorage.clear()");
        browser.size(520, 1000);
        openCircuit();
        browser.screenshot("narrow");
        browser.assertAccessible("narrow");
        assertTrue(
                (Boolean) browser.js("return document.documentElement.scrollWidth <= innerWidth"),
                "nothing sticks out");
    }

    @Test
    void panelsCanBeResized() {
        openDallas();
        WebElement bar = browser.find(".splitter.vertical");
        browser.js("arguments[0].focus()", bar);
        long before = ((Number) browser.js("return headwater.graphView.width")).longValue();
        browser.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT);
        browser.await(
                "a narrower graph",
                () -> ((Number) browser.js("return headwater.graphView.width")).longValue() < before);
        browser.actions()
                .moveToElement(browser.find(".splitter.horizontal"), -300, 0)
                .clickAndHold()
                .moveByOffset(0, -80)
                .release()
                .perform();
        browser.await(
                "a lower graph",
                () -> Integer.parseInt(browser.find(".splitter.horizontal").getDomAttribute("aria-valuenow")) < 50);
        browser.js("localStorage.clear()");
    }

    @Test
    void withATokenThePageWorksFromTheNetworksSide() {
        try (var open = ExplorerServer.start(ExplorerConfig.local(graphs).at("0.0.0.0", 0))) {
            browser.open("http://localhost:" + open.port() + "/?"
                    + open.address().getQuery() + "#slug=" + SampleGraphs.DALLAS);
            assertFalse(
                    String.valueOf(browser.js("return location.href")).contains("token"),
                    "the token has left the address");
            assertEquals("", browser.js("return document.cookie"), "scripts can't see the session");
            browser.await("labels", () -> state("s.labelled").equals("1"));
            browser.assertQuiet();
        }
    }
}
