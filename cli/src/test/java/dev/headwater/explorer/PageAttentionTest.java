package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** Attention on the page: from a graph's file alone, and asked of the model. */
class PageAttentionTest extends PageFixture {
    private static final String HEADS = "with-heads";

    /** Of the panel: what leaves it sideways, lies on its neighbour, or holds more than it shows. */
    private static final String BOXES = """
            const problems = [], panel = document.getElementById('attention-tab'), around = panel.getBoundingClientRect();
            const named = e => e.id || e.getAttribute('aria-label') || e.textContent.trim().slice(0, 24) || e.className;
            const box = e => e.getBoundingClientRect();
            const controls = [...panel.querySelectorAll('button, select, input, h3, h4, .head-bar, .head-value, .head-name, .pattern-host, dd')]
              .filter(e => e.checkVisibility() && e.getClientRects().length && !e.closest('.menu-list'));
            for (const e of controls) {
              const b = box(e);
              if (b.left < around.left - 0.5 || b.right > around.right + 0.5) problems.push(named(e) + ' leaves the panel');
              if (e.matches('button.small, .head-name, .head-value, .segmented button') && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline') problems.push(named(e) + ' holds more than it shows');
            }
            for (let i = 0; i < controls.length; i++) for (let j = i + 1; j < controls.length; j++) {
              const [a, b] = [controls[i], controls[j]];
              if (a.contains(b) || b.contains(a)) continue;
              const [p, q] = [box(a), box(b)];
              if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1) problems.push(named(a) + ' lies on ' + named(b));
            }
            if (panel.scrollWidth > panel.clientWidth + 1) problems.push('the panel scrolls sideways');
            return problems;
            """;

    private void openAttention(String name) {
        browser.open(page("slug=" + name + "&clickedId=7_3913_10"));
        browser.click("#tab-attention");
        browser.await("the panel", () -> browser.shows("#attention-tab h3"));
    }

    /** Selects the edge between the selected node and the one with this number. */
    private void selectEdge(String number) {
        browser.js(
                "[...document.querySelectorAll('#connections .connection')].find(row => row.textContent.includes(arguments[0])).querySelector('.edge-button').click()",
                number);
        browser.await("its heads", () -> browser.shows("#attention-tab .layer-bars"));
    }

    @Test
    void withoutAModelTheFileTellsHeadsScoresAndWhatIsMissing() throws IOException {
        SampleGraphs.withHeads(graphs, HEADS);
        try (ExplorerServer bare = ExplorerServer.start(ExplorerConfig.local(graphs))) {
            browser.open("http://localhost:" + bare.port() + "/#slug=" + HEADS + "&clickedId=7_3913_10");
            browser.click("#tab-attention");
            browser.await("heads", () -> browser.all(".ranked-row").size() > 3);
            browser.assertAccessible("heads of a graph");
            selectEdge("0/94");
            // What is listed of a layer and what is not sum to the edge.
            JsonNode sums = browser.run("""
                    const read = text => Number(text.replace('−', '-').replace('+', ''));
                    const weight = read(document.querySelector('.edge-heads p').textContent.match(/Weight (\\S+):/)[1]);
                    return [...document.querySelectorAll('.layer-bars')].map(layer => d3.sum(layer.querySelectorAll('.head-value'), e => read(e.textContent)) / weight);""");
            assertFalse(sums.isEmpty());
            sums.forEach(sum -> assertEquals(1, sum.doubleValue(), 0.02, sums.toString()));
            assertTrue(browser.text(".edge-heads").contains("All other heads together"), browser.text(".edge-heads"));
            assertTrue(browser.all("#edge-all").isEmpty(), "nobody can compute them");
            browser.click("#edge-close");
            browser.click("#head-2-0");
            browser.await(
                    "the file's score", () -> browser.text("#attention-why").contains("from “is” at “Dallas”"));
            assertTrue(browser.text("#attention-why").contains("+17.9"), browser.text("#attention-why"));
            assertTrue(
                    browser.text(".attention-where").contains("This explorer runs without a live model."),
                    browser.text(".attention-where"));
            browser.js("headwater.store.set({look: {query: 4, key: 2}})");
            browser.await(
                    "what is missing",
                    () -> browser.text("#attention-why").contains("The graph’s file does not explain this score."));
            browser.assertAccessible("a head of a file");
            browser.js("headwater.store.set({head: null, look: null, clicked: '4_425_10'})");
            browser.await(
                    "the field's own results",
                    () -> browser.text("#attention-why").contains("Why attention looks where it looks, for"));
            assertEquals(1, browser.all("#attention-why .pairs tbody tr").size());

            browser.open("http://localhost:" + bare.port() + "/#slug=" + SampleGraphs.DALLAS);
            browser.click("#tab-attention");
            browser.await(
                    "the way to get them",
                    () -> browser.text("#attention-heads").contains("headwater attribute --heads"));
            browser.assertAccessible("a file without heads");
            browser.leave();
        }
    }

    @Test
    void theGraphIsSeenThroughTheChosenHeads() {
        SampleGraphs.withHeads(graphs, HEADS);
        openAttention(HEADS);
        String whole = browser.text("#graph-count");
        browser.click("#tick-2-0");
        browser.await("fewer edges", () -> browser.shows("#all-heads"));
        int through = edges();
        assertTrue(through > 0 && through < Integer.parseInt(state("s.graph.edgeCount")), through + " edges");
        String share = browser.text("#connections h5");
        assertFalse(
                share.contains("94 %") || share.contains("100 %"), "shares stay those of all that flows in: " + share);
        double only = weight("0_94_9");
        browser.click("#through-without");
        browser.await("the others", () -> edges() != through);
        assertEquals(
                Double.parseDouble(
                        state(
                                "s.graph.weight[[...s.graph.outputsOf(s.graph.node('0_94_9').index)].find(e => s.graph.target[e] === s.graph.node('7_3913_10').index)]")),
                only + weight("0_94_9"),
                1e-5);
        assertTrue(browser.text("#all-heads").contains("Without 2/0"));
        browser.screenshot("attention-without");
        browser.click("#all-heads");
        browser.await("all of it", () -> browser.text("#graph-count").equals(whole));
        browser.click("#head-2-0");
        browser.click("#this-only");
        browser.await("the same by the other way", () -> edges() == through);
        browser.open(page("slug=" + SampleGraphs.DALLAS));
        awaitState("s.through", "null");
    }

    private int edges() {
        return Integer.parseInt(state("(s.through ?? s.graph).edgeCount"));
    }

    /** Of the edge to the output, as the graph is seen. */
    private double weight(String source) {
        return Double.parseDouble(state("s.through.weight[[...s.graph.outputsOf(s.graph.node('" + source
                + "').index)].find(e => s.graph.target[e] === s.graph.node('7_3913_10').index)]"));
    }

    @Test
    void theModelIsAskedAboutEdgesPatternsAndScores() throws IOException {
        openAttention(SampleGraphs.DALLAS);
        assertTrue(browser.shows("#heads-all"));
        selectEdge("0/94");
        awaitState("s.edge.source", "\"0_94_9\"");
        assertEquals(5, browser.all(".layer-bars").size(), "layers 1 to 5");
        browser.screenshot("attention-edge");
        browser.click("#head-1-0");
        browser.await("why", () -> browser.text("#attention-why").contains("+18.9"));
        assertTrue(browser.text("#attention-why").contains("2/777 at “is”, not in the graph"));
        assertEquals("50 %", browser.text(".look-fields strong"));
        browser.assertAccessible("attention of a live model");
        // By keyboard: one up, then what is there is explained.
        browser.js("document.getElementById('pattern').focus()");
        browser.keys(Keys.ARROW_UP, Keys.ARROW_LEFT);
        browser.await(
                "said aloud",
                () -> browser.texts(".pattern-host [aria-live]")
                        .getFirst()
                        .equals("From “Dallas” (9) at “containing” (8): 50 %"));
        browser.keys(Keys.ENTER);
        awaitState("s.look", "{\"query\":9,\"key\":8}");
        assertEquals("pattern", browser.js("return document.activeElement.id"), "the map keeps the focus");
        browser.click("#edge-close");
        browser.click("#heads-all");
        browser.await("a ranking", () -> !browser.all(".ranked-row").isEmpty());
        browser.prefer("dark");
        browser.screenshot("attention-dark");
        browser.assertAccessible("attention, dark");
    }

    @Test
    void whatIsAskedCanBeCancelledAndAskedAgain() {
        openAttention(SampleGraphs.DALLAS);
        browser.js("headwater.store.set({head: {layer: 5, head: 5}, look: null})");
        browser.click("#cancel-pattern");
        browser.await("the end", () -> browser.text(".attention-where").contains("Cancelled."));
        browser.js("headwater.store.set({head: {layer: 5, head: 4}, look: null})");
        browser.await("another head's", () -> browser.shows(".look-fields strong"));
    }

    @Test
    void aLinkInTheGraphSelectsItsEdge() {
        openAttention(SampleGraphs.DALLAS);
        List<?> at = (List<?>) browser.js("""
                const v = headwater.graphView, g = v.props.graph, box = v.plot.getBoundingClientRect();
                const [a, b] = ['E_3399_4', '7_3913_10'].map(id => v.locate(g.node(id).index));
                return [Math.round(box.left + (a[0] + b[0]) / 2), Math.round(box.top + (a[1] + b[1]) / 2)];""");
        browser.actions()
                .moveToLocation(((Number) at.get(0)).intValue(), ((Number) at.get(1)).intValue())
                .click()
                .perform();
        browser.await("an edge", () -> !state("s.edge").equals("null"));
        awaitState("s.edge.target", "\"7_3913_10\"");
        awaitState("s.clicked", "\"7_3913_10\"");
    }

    @Test
    void headsAreSteered() throws IOException {
        openAttention(SampleGraphs.DALLAS);
        browser.js("headwater.store.set({head: {layer: 2, head: 0}, look: {query: 10, key: 9}})");
        browser.click("#steer-out");
        browser.await(
                "its row",
                () -> browser.text(".steer-items").replaceAll("\\s+", " ").contains("Head 2/0 knocked out"));
        browser.clickText(".steer-add summary", "Knock out an attention head");
        browser.type("#steer-head-name", "3/9");
        browser.click("#steer-head-add");
        browser.await("why not", () -> browser.text(".steer-controls").contains("There is no head 9"));
        browser.type("#steer-head-name", Keys.BACK_SPACE, "5");
        browser.type("#steer-head-from", "-1");
        browser.type("#steer-head-at", "9");
        browser.click("#steer-head-add");
        browser.await(
                "its row",
                () -> browser.text(".steer-items")
                        .replaceAll("\\s+", " ")
                        .contains("Head 3/5 looks from “is” (10) at “Dallas” (9) with 0"));
        browser.assertAccessible("steering heads");
        browser.click("#steer-run");
        browser.await("results", () -> browser.text(".steer-results").contains("Sacramento"));
        assertTrue(browser.text(".changed-heads").contains("Head 2/0 knocked out"));
        assertEquals(
                "headwater intervene 'Fact: the capital of the state containing Dallas is' -m atlas -t atlas-plt --knock-out 2/0 --force-attention 3/5/10/9=0 --generate 12",
                browser.text("#steer-command").replaceAll("\\s*\\\\\\s+", " "));
        browser.screenshot("attention-steer");
        browser.assertAccessible("steered heads");
    }

    @Test
    void whatIsShownIsExported() throws IOException {
        openAttention(SampleGraphs.DALLAS);
        selectEdge("0/94");
        browser.click("#head-1-0");
        browser.await(
                "all of it", () -> browser.shows("#attention-why .pairs") && browser.shows(".look-fields strong"));
        for (String kind : List.of("SVG", "PNG", "JSON", "CSV")) {
            browser.click("#attention-export");
            browser.clickText(".attention .menu-list button", kind);
        }
        String base = SampleGraphs.DALLAS + "-attention-1-0.";
        JsonNode numbers =
                Json.MAPPER.readTree(browser.downloaded(base + "json").toFile());
        assertEquals(11, numbers.get("attention").size());
        assertEquals("0_94_9", numbers.at("/edge/source").textValue());
        assertEquals(10, numbers.at("/score/query").intValue());
        String table = Files.readString(browser.downloaded(base + "csv"));
        assertTrue(table.contains("\nquery side,1,0,10,9,0_1981_10,,9.5\n"), table);
        assertTrue(Files.readString(browser.downloaded(base + "svg")).contains("Why it looks there"));
        assertTrue(Files.size(browser.downloaded(base + "png")) > 10_000);
        browser.load(browser.downloaded(base + "svg").toUri().toString());
        browser.screenshot("attention-export");
    }

    @Test
    void nothingIsCutOffAtAnyWidth() throws IOException {
        SampleGraphs.withHeads(graphs, HEADS);
        for (int width : List.of(400, 768, 901, 1024, 1280, 1440, 1920)) {
            browser.width(width, 900);
            openAttention(HEADS);
            browser.click("#tick-2-0");
            browser.click("#head-2-0");
            browser.await("why", () -> browser.shows("#attention-why .pairs"));
            assertEquals(List.of(), browser.js(BOXES), width + " px, heads of the graph");
            selectEdge("0/94");
            browser.click("#head-1-0");
            browser.await("why", () -> browser.shows("#attention-why .pairs"));
            assertEquals(List.of(), browser.js(BOXES), width + " px, an edge");
            if (width < 900) {
                browser.assertAccessible(width + " px");
            }
            browser.screenshot("attention-" + width);
        }
    }

    /** A link opens the same edge and head, and the browser's back button goes back to the one before. */
    @Test
    void theAddressKeepsTheEdgeAndTheHead() {
        openAttention(SampleGraphs.DALLAS);
        selectEdge("0/94");
        browser.await(
                "an address",
                () -> browser.js("return location.hash").toString().contains("edge=0_94_9%2C7_3913_10"));
        browser.js("headwater.store.set({head: {layer: 2, head: 0}, look: {query: 10, key: 9}})");
        browser.await(
                "the head too",
                () -> browser.js("return location.hash").toString().contains("head=2%2F0&look=10%2C9"));
        String link = browser.js("return location.href").toString();
        browser.js("history.back()");
        browser.await(
                "the edge alone",
                () -> browser.js("const {edge, head} = headwater.store.state; return edge && !head") == Boolean.TRUE);
        browser.js("history.back()");
        browser.await("no edge", () -> browser.js("return headwater.store.state.edge === null") == Boolean.TRUE);
        browser.js("history.forward()");
        browser.await("the edge again", () -> browser.shows("#attention-tab .layer-bars"));
        browser.open(page("slug=" + SampleGraphs.GEMMA));
        browser.open(link);
        browser.await("its heads", () -> browser.shows("#attention-tab .layer-bars"));
        browser.await(
                "its look",
                () -> browser.js(
                                "const {look} = headwater.store.state; return look && look.query === 10 && look.key === 9")
                        == Boolean.TRUE);
    }
}
