package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Where things stand on the page: nothing cut off, nothing on top of another. */
class PageLayoutTest extends PageFixture {
    private static final List<Integer> WIDTHS = List.of(400, 768, 901, 1024, 1120, 1280, 1440, 1920);

    @Test
    void noControlIsCutOffOrOverlapsAtAnyWidth() throws Exception {
        SampleGraphs.synthetic(graphs, "large", 5000, 50_000, 1); // whose counts are long
        for (int width : WIDTHS) {
            browser.width(width, 900);
            for (String tab : List.of("subgraph", "steer", "explain")) {
                browser.open(page("slug=large&pinnedIds=" + state0()));
                browser.click("#tab-" + tab);
                assertEquals(List.of(), browser.js(PageMatrixTest.BOXES), width + " px, " + tab);
            }
            browser.screenshot("width-" + width);
        }
    }

    private static String state0() {
        return "E_100_0,E_101_1";
    }

    private static List<String> prompt(int tokens) {
        return java.util.stream.IntStream.range(0, tokens)
                .mapToObj(i -> i == 0 ? "<bos>" : " word" + i)
                .toList();
    }

    @Test
    void longPromptsScrollAcrossAndZoomAcrossOnly() throws Exception {
        for (int tokens : List.of(341, 1200)) {
            SampleGraphs.shaped(graphs, "long", prompt(tokens), 26, 1500, 20_000, List.of(" cat", " dog"));
            browser.open(page("slug=long"));
            browser.await("a bar to scroll with", () -> browser.shows(".graph-scroller"));
            assertTrue(
                    (Boolean)
                            browser.js(
                                    "const v = headwater.graphView, {place, frame, zoom} = v; const folded = new Set(place.folded.flatMap(([a, b]) => Array.from({length: b - a + 1}, (_, i) => a + i)));"
                                            + "return zoom.k === 1 && place.width > frame.width && place.columns.every(([a, b], i) => folded.has(i) || b - a >= 14.9)"),
                    "every column has room for its name");
            int[] before = place(0);
            browser.js(
                    "headwater.graphView.plot.dispatchEvent(new WheelEvent('wheel', {deltaY: -300, clientX: 400, clientY: 250, bubbles: true, cancelable: true}))");
            browser.await("a zoom", () -> (Boolean) browser.js("return headwater.graphView.zoom.k > 1.2"));
            assertEquals(before[1], place(0)[1], "rows stay where they are");
            browser.click("#fit");
            browser.await(
                    "all of it",
                    () -> (Boolean)
                            browser.js(
                                    "const {place, frame, zoom} = headwater.graphView; return Math.abs(place.width * zoom.k - frame.width) < 1"));
            browser.js("document.querySelector('.plot').focus(); headwater.graphView.moveTo(1, 0)");
            browser.await(
                    "the beginning", () -> ((Number) browser.js("return headwater.graphView.zoom.x")).intValue() == 0);
            browser.js("document.querySelector('.graph-scroller').scrollLeft = 400");
            browser.await(
                    "scrolled", () -> ((Number) browser.js("return headwater.graphView.zoom.x")).intValue() == -400);
            browser.screenshot("long-" + tokens);
            browser.assertAccessible(tokens + " tokens");
        }
    }

    @Test
    void theEndStaysInViewWhenTheWindowChanges() {
        SampleGraphs.shaped(graphs, "long", prompt(341), 26, 900, 5_000, List.of(" cat", " dog"));
        browser.open(page("slug=long"));
        for (int width : List.of(768, 1024, 1920, 1280)) {
            browser.width(width, 900);
            Browser.pause(200);
            assertTrue(
                    (Boolean)
                            browser.js(
                                    "const {place, frame, zoom} = headwater.graphView; return Math.abs(zoom.x + place.width * zoom.k - frame.width) < 2"),
                    width + " px");
        }
    }

    private int[] place(int node) {
        List<?> at = (List<?>) browser.js("return headwater.graphView.locate(arguments[0])", node);
        return new int[] {((Number) at.get(0)).intValue(), ((Number) at.get(1)).intValue()};
    }

    @Test
    void aLargeGraphBeginsWithWhatCanBeRead() {
        SampleGraphs.shaped(graphs, "deep", prompt(48), 48, 2500, 20_000, List.of(" cat", " dog"));
        browser.open(page("slug=deep"));
        String count = browser.text("#graph-count");
        int shown = Integer.parseInt(count.split(" ")[0]);
        assertTrue(shown < 350 && count.contains("of 2,550 nodes") && count.contains("of 20,000 edges"), count);
        browser.screenshot("deep");
        browser.click("#show-all");
        browser.await(
                "all", () -> browser.text("#graph-count").startsWith("2,550 of 2,550 nodes, 20,000 of 20,000 edges"));
        browser.await("nothing to show", () -> !browser.shows("#show-all"));
        assertTrue(
                String.valueOf(browser.js("return location.hash")).contains("pruningThreshold"),
                "a link shows the same");
        browser.screenshot("deep-all");
    }

    @Test
    void zoomingByKeyStaysAtTheSelectedNode() {
        openDallas("clickedId=3_1932_10");
        browser.actions().moveToElement(browser.find("#graph-title")).perform();
        browser.js("headwater.graphView.plot.focus()");
        int index = ((Number) browser.js("return headwater.graphView.clickedIndex")).intValue();
        int at = place(index)[0];
        browser.keys("+", "+");
        browser.await("a zoom", () -> (Boolean) browser.js("return headwater.graphView.zoom.k > 1.5"));
        Browser.pause(200);
        assertEquals(at, place(index)[0], 2);
    }

    @Test
    void theTraceButtonIsInViewHoweverLongThePrompt() throws Exception {
        openDallas();
        for (int height : List.of(900, 640)) {
            browser.width(1440, height);
            browser.click("#new-graph");
            browser.js(
                    "const a = document.getElementById('new-prompt'); a.value = 'Fact: the capital of the state containing Dallas is '.repeat(9) + 'x'.repeat(300); a.dispatchEvent(new Event('input'))");
            browser.await("tokens", () -> browser.all(".tokens .token").size() > 80);
            browser.await("the next token", () -> browser.text(".preview").contains("“ Austin” 93 %"));
            assertTrue(browser.text(".preview").contains("Tracing takes about"), browser.text(".preview"));
            assertEquals(List.of(), browser.js("""
                    const dialog = document.querySelector('dialog').getBoundingClientRect(), start = document.getElementById('new-start').getBoundingClientRect(), wrong = [];
                    if (start.bottom > Math.min(dialog.bottom, innerHeight) || start.top < dialog.top) wrong.push('Trace is out of view');
                    for (const e of document.querySelectorAll('dialog *')) if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible' && !e.matches('input, .sr-only')) wrong.push(e.className + ' scrolls sideways');
                    return wrong;"""));
            browser.screenshot("new-graph-long-" + height);
            browser.assertAccessible("new graph, long");
            browser.escape();
            browser.await("the window to close", () -> !browser.shows("dialog"));
        }
    }
}
