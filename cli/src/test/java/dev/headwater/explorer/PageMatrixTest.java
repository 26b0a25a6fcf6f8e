package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Nothing is cut off or lies on something else, and axe finds nothing: graphs of every shape at every width, light and dark; every window
 * and panel at every width.
 */
class PageMatrixTest extends PageFixture {
    private static final List<Integer> WIDTHS = List.of(400, 768, 1024, 1280, 1440, 1920);
    private static final List<String> SCHEMES = List.of("light", "dark");
    private static final String SETTLED =
            "await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));";
    static final String BOXES = script("boxes.js");
    private static final String PAINTED = script("painted.js");

    private final List<String> problems = new ArrayList<>();
    private int shapes;

    private static String script(String name) {
        try (InputStream in = PageMatrixTest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void measure(String what, String root, boolean graph) {
        JsonNode found = browser.run(
                SETTLED + "const boxes = (function () {" + BOXES
                        + "})(args[0]); const painted = args[1] ? (function () {" + PAINTED
                        + "})() : []; return [...boxes, ...painted]",
                root,
                graph);
        found.forEach(problem -> problems.add(what + ": " + problem.textValue()));
    }

    /** One graph at all widths, light and dark in turn; at one of them, another for each graph, in both, and axe looks too. */
    private void look(String what) throws IOException {
        browser.open(page("slug=shape"));
        int shape = shapes++;
        for (int i = 0; i < WIDTHS.size(); i++) {
            int width = WIDTHS.get(i);
            boolean closely = shape % WIDTHS.size() == i;
            browser.width(width, 900);
            for (String scheme : closely ? SCHEMES : List.of(SCHEMES.get((shape + i) % 2))) {
                browser.prefer(scheme);
                measure(what + ", " + width + " px, " + scheme, "body", true);
                if (closely) {
                    browser.assertAccessible(what + ", " + width + " px, " + scheme);
                }
            }
            if (closely) {
                browser.screenshot("matrix-" + what.replaceAll("\\W+", "-") + "-" + width);
            }
        }
    }

    private static List<String> prompt(int tokens) {
        return IntStream.range(0, tokens)
                .mapToObj(i -> i == 0 ? "<bos>" : " word" + i)
                .toList();
    }

    private static List<String> repeated(int times, String... words) {
        List<String> all = new ArrayList<>(List.of("<bos>"));
        for (int i = 0; i < times; i++) {
            all.addAll(List.of(words));
        }
        return all;
    }

    @Test
    void everyShapeFitsAtEveryWidth() throws IOException {
        for (int tokens : List.of(10, 126, 341, 1200)) {
            for (int layers : List.of(6, 26, 48)) {
                SampleGraphs.shaped(
                        graphs,
                        "shape",
                        prompt(tokens),
                        layers,
                        tokens < 100 ? 200 : 900,
                        tokens < 100 ? 2000 : 5000,
                        List.of(" cat", " dog", " a much longer word", "\n", "  "));
                look(tokens + " tokens, " + layers + " layers");
            }
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void everyScriptFitsAtEveryWidth() throws IOException {
        SampleGraphs.shaped(
                graphs,
                "shape",
                repeated(5, "日本", "の", "首都", "は", "東京", "です", "。", "請問", "台灣", "的", "？", "한국의", " 수도는", " 서울", "입니다"),
                26,
                500,
                5000,
                List.of("東京", " 서울", "。"));
        look("Chinese, Japanese, Korean");
        SampleGraphs.shaped(
                graphs,
                "shape",
                repeated(
                        5,
                        " I",
                        "❤️",
                        " 👩‍👩‍👧‍👦",
                        " family",
                        "🇫🇷",
                        "👍🏽",
                        " café",
                        " e\u0301",
                        "\u200b",
                        "\t",
                        "\n\n",
                        "\ufffd"),
                26,
                500,
                5000,
                List.of("👍🏽", " 🇫🇷", " ok"));
        look("emoji");
        SampleGraphs.shaped(
                graphs,
                "shape",
                repeated(
                        5, "عاصمة", " فرنسا", " هي", " باريس", "؟", " בירת", " ישראל", " היא", " mixed", " 123",
                        " (abc)"),
                26,
                500,
                5000,
                List.of(" باريس", " ירושלים", " (x)"));
        look("right to left");
        assertEquals(List.of(), problems);
    }

    /** As large as a real model's graph: 30 layers, 1,800 nodes, 460,000 edges. */
    @Test
    void aGraphOfARealModelsSizeFitsAtEveryWidth() throws IOException {
        SampleGraphs.shaped(graphs, "shape", prompt(6), 30, 1800, 460_000, List.of(" large", " not", " big", " no"));
        look("real size");
        assertEquals(List.of(), problems);
    }

    /** What is in front of the page or in its panels, at every width; axe at the narrowest and the commonest. */
    private void open(String what, String root, Runnable opening) throws IOException {
        for (int width : WIDTHS) {
            browser.width(width, 900);
            browser.prefer(width % 320 == 0 ? "dark" : "light");
            opening.run();
            measure(what + ", " + width + " px", root, false);
            if (width == 400 || width == 1280) {
                browser.assertAccessible(what + ", " + width + " px");
                browser.screenshot("matrix-" + what.replaceAll("\\W+", "-") + "-" + width);
            }
            if (root.equals("dialog")) {
                browser.escape();
                browser.await("the window to close", () -> !browser.shows("dialog"));
            }
        }
    }

    @Test
    void everyWindowFitsAtEveryWidth() throws IOException {
        openCircuit();
        open("graphs", "dialog", () -> {
            browser.click("#graph-button");
            browser.await("graphs", () -> browser.all(".graph-entry").size() == 3);
        });
        for (String form : List.of("Plain text", "Conversation")) {
            open("new graph, " + form, "dialog", () -> {
                browser.click("#new-graph");
                browser.js(
                        "const a = document.getElementById('new-prompt'); a.value = '東京は日本の首都 🇫🇷 👩‍👩‍👧‍👦 عاصمة فرنسا هي ' + 'word '.repeat(90) + 'x'.repeat(300); a.dispatchEvent(new Event('input')); document.querySelector('dialog details.options').open = true;");
                browser.await("the next token", () -> browser.shows("dialog .next"));
                browser.clickText("dialog .segmented button", form);
            });
        }
        open("share", "dialog", () -> {
            browser.click("#share");
            browser.await("a window", () -> browser.shows("dialog"));
        });
        open("circuits", "dialog", () -> {
            browser.click("#circuits");
            browser.await("a window", () -> browser.shows("dialog"));
        });
        open("keys", "dialog", () -> {
            browser.js("document.activeElement.blur()");
            browser.keys("?");
            browser.await("a window", () -> browser.shows("dialog"));
        });
        assertEquals(List.of(), problems);
    }

    @Test
    void everyPanelFitsAtEveryWidth() throws IOException {
        openCircuit("clickedId=4_425_10");
        open(
                "a circuit",
                "body",
                () -> browser.js(
                        "headwater.store.set({tab: 'subgraph'}); headwater.subgraphView.choose(new Set([headwater.subgraphView.items.find(i => i.members.length > 1).id]))"));
        open("the table", "body", () -> browser.js("headwater.store.set({table: true})"));
        browser.js("headwater.store.set({table: false, tab: 'steer'})");
        browser.set("#steer-range-0", -1);
        browser.js("document.querySelectorAll('.steer-add').forEach(e => (e.open = true))");
        browser.await("groups", () -> !browser.all("#steer-other option").isEmpty());
        open("steering", "body", () -> {});
        browser.click("#steer-run");
        browser.await("results", () -> browser.shows(".distribution"));
        open("steered", "body", () -> {});
        browser.click("#steer-paint");
        open("painted", "body", () -> {});
        browser.js(
                "headwater.store.set({effects: null, tab: 'attention', edge: {source: '0_94_9', target: '4_425_10'}})");
        browser.await("its heads", () -> !browser.all("#head-1-0").isEmpty());
        browser.click("#head-1-0");
        browser.await("why", () -> browser.shows("#attention-why .row, #attention-why li"));
        open("attention", "body", () -> {});
        browser.js("headwater.store.set({edge: null, tab: 'explain'})");
        browser.click("#explain-find");
        browser.await("a circuit", () -> browser.shows("#boxes-table"));
        browser.click("#explain-card");
        browser.await("its card", () -> browser.shows("#layers-table"));
        open("explained", "body", () -> {});
        browser.open(page("slug=" + SampleGraphs.DALLAS + "&compare=" + SampleGraphs.OAKLAND));
        browser.await("both graphs", () -> browser.all(".compare-graph .plot").size() == 2);
        open("compared", "body", () -> {});
        assertEquals(List.of(), problems);
    }
}
