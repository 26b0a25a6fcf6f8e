package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The circuit diagram: pinned, grouped, named, exported. */
class PageSubgraphTest extends PageFixture {
    private int[] middle(WebElement element) {
        List<?> box = (List<?>) browser.js(
                "const b = arguments[0].querySelector('.face').getBoundingClientRect(); return [Math.round(b.x + b.width / 2), Math.round(b.y + b.height / 2)]",
                element);
        return new int[] {((Number) box.get(0)).intValue(), ((Number) box.get(1)).intValue()};
    }

    private WebElement box(String id) {
        return browser.find(".box[data-id='" + id + "']");
    }

    @Test
    void theCircuitIsDrawnAndScored() throws IOException {
        openCircuit();
        browser.await("boxes", () -> browser.all(".box").size() == 3 + 3 + 6);
        assertTrue(browser.all(".tie").size() > 10);
        browser.await("labels", () -> browser.text("#diagram").contains("→ Texas"));
        browser.screenshot("circuit");
        String before = browser.text("#scores");
        browser.click("#unpin-all");
        browser.await("other scores", () -> !browser.text("#scores").equals(before));
        assertTrue(browser.shows("#diagram .empty"));
        browser.click("#undo");
        browser.await("the scores of before", () -> browser.text("#scores").equals(before));
        browser.assertAccessible("circuit");
    }

    @Test
    void draggingMovesABoxAndDroppingItOnAnotherGroupsThem() {
        openCircuit();
        int[] from = middle(box("2_607_10"));
        browser.actions()
                .moveToLocation(from[0], from[1])
                .clickAndHold()
                .moveByOffset(60, 5)
                .moveByOffset(20, 5)
                .release()
                .perform();
        browser.await("a place", () -> state("a.places").contains("2_607_10"));
        int[] other = middle(box("2_1040_10"));
        int[] now = middle(box("2_607_10"));
        browser.actions()
                .moveToLocation(now[0], now[1])
                .clickAndHold()
                .moveByOffset(5, 0)
                .moveToLocation(other[0], other[1])
                .release()
                .perform();
        awaitState("a.groups.at(-1).members", "[\"2_1040_10\",\"2_607_10\"]");
        browser.click("#undo");
        awaitState("a.groups.length", "3");
        browser.click("#tidy");
        awaitState("a.places", "{}");
    }

    @Test
    void holdingGGroupsRenamesColoursAndUngroups() throws IOException {
        openCircuit();
        browser.await("boxes", () -> browser.all(".box").size() == 12);
        int[] a = middle(box("3_1932_10"));
        int[] b = middle(box("3_1683_10"));
        browser.js("document.activeElement.blur()");
        browser.actions().keyDown("g").perform();
        browser.await("the hint", () -> browser.shows(".grouping-hint"));
        browser.actions()
                .moveToLocation(a[0], a[1])
                .click()
                .pause(100)
                .moveToLocation(b[0], b[1])
                .click()
                .pause(100)
                .perform();
        browser.screenshot("circuit-grouping");
        browser.actions().keyUp("g").perform();
        awaitState("a.groups.at(-1).members.toSorted()", "[\"3_1683_10\",\"3_1932_10\"]");
        browser.await(
                "the inspector", () -> browser.all("#inspector .members li").size() == 2);
        WebElement name = browser.find("#box-name");
        name.clear();
        name.sendKeys("capitals of Texas", Keys.ENTER);
        awaitState("a.groups.at(-1).label", "\"capitals of Texas\"");
        browser.click("#colour-violet");
        awaitState("a.groups.at(-1).colour", "\"violet\"");
        browser.screenshot("circuit-group");
        browser.assertAccessible("inspector");
        browser.click("#inspector .members li:first-child .quiet");
        awaitState("a.groups.at(-1).members.length", "1");
        browser.await(
                "the file",
                () -> file(SampleGraphs.DALLAS)
                        .at("/qParams/supernodes/3/0")
                        .asText()
                        .equals("capitals of Texas"));
        browser.js(
                "headwater.subgraphView.choose(new Set([headwater.subgraphView.items.find(i => i.label === 'capitals of Texas').id]))");
        browser.clickText("#inspector button", "Ungroup");
        awaitState("a.groups.length", "3");
    }

    @Test
    void boxesAnswerToTheKeyboard() {
        openCircuit();
        browser.js("arguments[0].focus()", box("4_425_10"));
        browser.keys("m");
        browser.js("arguments[0].focus()", box("4_208_10"));
        browser.keys(" ");
        browser.await("two marked", () -> browser.text("#inspector").contains("2 boxes marked"));
        browser.click("#group");
        awaitState("a.groups.at(-1).members.length", "2");
        browser.js("arguments[0].focus()", box("2_607_10"));
        browser.keys(Keys.DELETE);
        browser.await("unpinned", () -> state("a.pinned.includes('2_607_10')").equals("false"));
        browser.js("arguments[0].focus()", box("2_1040_10"));
        browser.keys(Keys.F2);
        browser.await("the name field", () -> "box-name".equals(browser.js("return document.activeElement.id")));
    }

    @Test
    void suggestsGroupsAndMakesThem() {
        openDallas("pinnedIds=" + String.join(",", TEXAS) + "," + String.join(",", CAPITAL));
        browser.await("labels", () -> state("s.labelled").equals("1"));
        browser.await("suggestions", () -> browser.text("#inspector").contains("Suggested groups"));
        browser.screenshot("suggestions");
        browser.click(".suggestions button");
        awaitState("a.groups.length", "1");
        assertTrue(Integer.parseInt(state("a.groups[0].members.length")) >= 2);
    }

    @Test
    void everyChangeCanBeUndoneAndRedone() {
        openDallas();
        List<String> changes = List.of(
                "pin('0_94_9')",
                "pin('0_1862_9')",
                "pin('1_696_9')",
                "group(['0_94_9', '0_1862_9', '1_696_9'], 'Texas')",
                "renameGroup('group:0_94_9', 'the state')",
                "colourGroup('group:0_94_9', 'violet')",
                "label(headwater.store.state.graph.node('0_94_9'), 'a city')",
                "place('group:0_94_9', 10, 20)",
                "leave('1_696_9')",
                "tidy()",
                "ungroup('group:0_94_9')",
                "unpin(['0_1862_9'])");
        List<String> states = new ArrayList<>(List.of(state("a")));
        for (String change : changes) {
            browser.js("headwater.graphView.actions." + change);
            assertFalse(states.contains(state("a")), change + " changes something");
            states.add(state("a"));
        }
        for (int i = changes.size(); i-- > 0; ) {
            browser.click("#undo");
            awaitState("a", states.get(i));
        }
        assertEquals("true", browser.find("#undo").getDomAttribute("aria-disabled"));
        for (int i = 1; i <= changes.size(); i++) {
            browser.actions()
                    .keyDown(Keys.CONTROL)
                    .keyDown(Keys.SHIFT)
                    .sendKeys("z")
                    .keyUp(Keys.SHIFT)
                    .keyUp(Keys.CONTROL)
                    .perform();
            awaitState("a", states.get(i));
        }
        assertEquals("Undo: Unpin", browser.find("#undo").getDomAttribute("aria-label"));
        browser.await(
                "the file",
                () -> file(SampleGraphs.DALLAS)
                        .at("/qParams/pinnedIds")
                        .toString()
                        .equals("[\"0_94_9\",\"1_696_9\"]"));
    }

    @Test
    void exportsPicturesAndAPageThatWorksFromDisk() throws Exception {
        openCircuit();
        browser.await("labels", () -> browser.text("#diagram").contains("→ Texas"));
        for (String kind : List.of("SVG", "PNG", "HTML", "JSON")) {
            browser.click("#export");
            browser.clickText(".menu-list button", kind);
            browser.downloaded(SampleGraphs.DALLAS + "." + kind.toLowerCase(java.util.Locale.ROOT));
        }
        var svg = javax.xml.parsers.DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(browser.downloaded("dallas-austin.svg").toFile());
        assertEquals("svg", svg.getDocumentElement().getTagName());
        assertTrue(svg.getDocumentElement().getTextContent().contains("say Austin"));
        assertFalse(
                Files.readString(browser.downloaded("dallas-austin.svg")).contains("var(--"), "no style sheet needed");
        byte[] png = Files.readAllBytes(browser.downloaded("dallas-austin.png"));
        var picture = javax.imageio.ImageIO.read(
                browser.downloaded("dallas-austin.png").toFile());
        assertTrue(
                picture.getWidth() > 800 && picture.getHeight() > 500, picture.getWidth() + "x" + picture.getHeight());
        assertArrayEquals(new byte[] {(byte) 0x89, 'P', 'N', 'G'}, Arrays.copyOf(png, 4));
        JsonNode json = Json.MAPPER.readTree(Files.readAllBytes(browser.downloaded("dallas-austin.json")));
        assertEquals(
                file(SampleGraphs.DALLAS).get("nodes").size(), json.get("nodes").size());
        assertEquals(3, json.at("/qParams/supernodes").size());
        browser.assertQuiet();

        browser.open(browser.downloaded("dallas-austin.html").toUri().toString());
        browser.await("the circuit", () -> browser.all(".box").size() == 12);
        assertEquals("3_1932_10", state("s.clicked").replace("\"", ""));
        browser.await(
                "its evidence", () -> !browser.all("#feature .example mark").isEmpty());
        browser.overNode("0_1749_4").click().perform();
        browser.await("a selection", () -> browser.text("#connections h3").equals("capital"));
        browser.click("#tab-steer");
        assertTrue(browser.text("#steer-tab").contains("exported"));
        browser.screenshot("exported-page");
    }
}
