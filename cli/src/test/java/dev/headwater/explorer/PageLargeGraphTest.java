package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** Large graphs, and scores as they are defined. */
class PageLargeGraphTest extends PageFixture {
    @Test
    void allOfThePageWorksOnALargeGraphToo() throws IOException {
        SampleGraphs.synthetic(graphs, "large", 5000, 50_000, 1);
        browser.open(page("slug=large"));
        browser.set("#pruning", 0.3);
        browser.await("fewer nodes", () -> !browser.text("#graph-count").startsWith("5,000 of"));
        // Nodes that nothing else covers: what is found at their place is they themselves.
        List<?> free = (List<?>) browser.js("""
                const {graphView: v, store} = headwater, box = v.plot.getBoundingClientRect(), found = [];
                for (const node of store.state.graph.nodes) {
                  if (node.kind !== 0 || !v.shown[node.index]) continue;
                  const [x, y] = v.locate(node.index);
                          if (x < 60 || x > v.width - 60) continue;
                  if (v.nearest(x, y) === node.index) found.push(node.id);
                  if (found.length === 3) break;
                }
                return found;""");
        assertEquals(3, free.size());
        String first = String.valueOf(free.get(0));
        browser.overNode(first).perform();
        browser.await("a tooltip", () -> browser.shows(".tooltip"));
        browser.overNode(first).click().perform();
        awaitState("s.clicked", "\"" + first + "\"");
        assertFalse(browser.all("#connections .row").isEmpty());
        for (Object id : free) {
            browser.overNode(String.valueOf(id)).doubleClick().perform();
        }
        awaitState("a.pinned.length", "3");
        browser.await("boxes", () -> browser.all(".box").size() == 3);
        browser.js("headwater.subgraphView.choose(new Set(headwater.subgraphView.items.map(i => i.id)))");
        browser.click("#group");
        awaitState("a.groups[0].members.length", "3");
        WebElement name = browser.find("#box-name");
        name.clear();
        name.sendKeys("a large group", Keys.ENTER);
        awaitState("a.groups[0].label", "\"a large group\"");
        browser.await(
                "the file",
                () -> file("large").at("/qParams/supernodes/0/0").asText().equals("a large group"));
        browser.click("#undo");
        browser.click("#undo");
        awaitState("a.groups.length", "0");
        browser.type("#search", first.split("_")[1]);
        browser.await("hits", () -> !browser.all(".hit").isEmpty());
        browser.keys(Keys.ESCAPE);
        browser.set("#pruning", 1);
        browser.click("#errors");
        browser.await(
                "no errors",
                () -> browser.text("#graph-count")
                        .startsWith(String.format(
                                java.util.Locale.ROOT,
                                "%,d of",
                                Integer.parseInt(state("s.graph.nodes.filter(n => n.kind !== 1).length")))));
        browser.click("#table-button");
        browser.await("rows", () -> !browser.all("table.nodes tbody tr").isEmpty());
        browser.click("#table-button");
        browser.click("#export");
        browser.clickText(".menu-list button", "HTML");
        browser.downloaded("large.html");
        browser.assertAccessible("large");
        browser.click("#compare-button");
        browser.clickText(".graph-entry", SampleGraphs.DALLAS);
        browser.await("both graphs", () -> browser.all(".compare-graph .plot").size() == 2);
        browser.open(browser.downloaded("large.html").toUri().toString());
        assertEquals("5000", state("s.graph.size"));
    }

    @Test
    void scoresAreThoseOfTheDefinition() {
        openDallas();
        JsonNode graph = file(SampleGraphs.DALLAS);
        for (List<String> pinned : List.of(
                List.<String>of(),
                TEXAS,
                List.of("0_94_9", "0_1749_4", "3_1932_10", "4_208_10", "5_1320_10"),
                allFeatures(graph))) {
            double[] expected = DenseScores.of(graph, pinned);
            JsonNode scores = browser.run(
                    "const {scores} = await import('/assets/scores.js'); const g = headwater.store.state.graph, chosen = new Uint8Array(g.size); for (const id of args[0]) chosen[g.node(id).index] = 1; return scores(g, chosen)",
                    pinned);
            assertEquals(
                    expected[0],
                    scores.get("replacement").doubleValue(),
                    1e-5,
                    "replacement with " + pinned.size() + " features");
            assertEquals(
                    expected[1],
                    scores.get("completeness").doubleValue(),
                    1e-5,
                    "completeness with " + pinned.size() + " features");
        }
    }

    private static List<String> allFeatures(JsonNode graph) {
        return StreamSupport.stream(graph.get("nodes").spliterator(), false)
                .filter(node -> node.get("feature_type").textValue().equals("cross layer transcoder"))
                .map(node -> node.get("node_id").textValue())
                .toList();
    }
}
