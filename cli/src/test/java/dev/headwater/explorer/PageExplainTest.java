package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** A graph explained from the page, with the fake engine. */
class PageExplainTest extends PageFixture {
    private static final String MINE = "pinnedIds=3_1932_10,1_696_9";
    private static final String PINNED = "[\"0_94_9\",\"0_1862_9\",\"5_1320_10\"";

    /** By keyboard alone: found, counted, taken back. */
    @Test
    void oneKeyPinsTheCircuitAndAnotherTakesItBack() throws IOException {
        openDallas(MINE);
        browser.await(
                "a model",
                () -> browser.find("#explain").getDomAttribute("aria-disabled").equals("false"));
        browser.type("#explain", Keys.ENTER);
        browser.await("its numbers", () -> browser.text("#explain-strip").contains("necessity 0.96, sufficiency 0.90"));
        assertTrue(state("a.pinned").startsWith(PINNED), state("a.pinned"));
        assertEquals("[\"Dallas\",\"say Austin\"]", state("a.groups.map(g => g.label)"));
        assertEquals(
                "[\"3_1932_10\",\"1_696_9\"]", state("a.circuits['pinned before'].pinned"), "people's own are kept");
        assertTrue(browser.text("#notice").contains("“pinned before”"), browser.text("#notice"));
        browser.assertAccessible("explained");
        browser.screenshot("explained");
        browser.type("#explain-numbers", Keys.ENTER);
        browser.await("the table", () -> browser.shows("#numbers-table"));
        assertTrue(browser.text("#explain-words").contains("loses 96 % of the lead"), browser.text("#explain-words"));
        assertTrue(browser.text("#numbers-table").contains("0.35 (0.01 to 0.62)"), browser.text("#numbers-table"));
        assertEquals(2, browser.all("#boxes-table tbody tr").size());
        browser.assertAccessible("the numbers");
        for (int width : List.of(400, 768, 1024, 1440, 1920)) {
            browser.width(width, 900);
            assertEquals(List.of(), browser.js(PageMatrixTest.BOXES), width + " px");
            browser.js("document.getElementById('subgraph-panel').scrollIntoView()");
            browser.screenshot("explain-" + width);
        }
        browser.size(1440, 1000);
        browser.actions()
                .keyDown(Keys.CONTROL)
                .sendKeys("z")
                .keyUp(Keys.CONTROL)
                .perform();
        awaitState("a.pinned", "[\"3_1932_10\",\"1_696_9\"]");
        awaitState("[a.numbers, a.groups, a.circuits]", "[null,[],{}]");
        assertFalse(browser.shows("#numbers-table"));
    }

    @Test
    void aSearchCanBeStoppedAndAnAnswerDoubted() {
        openDallas();
        browser.click("#tab-explain");
        browser.set("#explain-budget", 13);
        browser.click("#tab-subgraph");
        browser.click("#explain-start");
        browser.await("progress", () -> browser.text("#explain-strip").contains("100 of at most 2,000 interventions"));
        browser.screenshot("explain-progress");
        browser.click("#tab-explain");
        browser.await("it there", () -> browser.text(".explain-progress").contains("100 of at most"));
        browser.click("#explain-stop");
        browser.await("its end", () -> !browser.shows("#explain-stop"));
        browser.await(
                "an idle model",
                () -> String.valueOf(
                                browser.run("return (await (await fetch('api/jobs')).json()).jobs.map(j => j.state)"))
                        .contains("CANCELLED"));
        assertEquals("[]", state("a.pinned"));

        browser.click("#explain-judge");
        browser.await("why not", () -> browser.text("#notice").contains("Pin the features"));
        browser.type("#explain-token", "Houston", Keys.ENTER);
        browser.await("the reason", () -> browser.text("#explain-tab .failure").contains("is 3 tokens"));
        browser.js("document.getElementById('explain-token').value = ''");
        browser.type("#explain-token", " Houston", Keys.ENTER);
        browser.await("what holds it down", () -> browser.text("#doubt-table").contains("+2.50"));
        browser.click("#doubt-table button");
        awaitState("s.clicked", "\"5_1320_10\"");
    }

    @Test
    void aPinnedCircuitIsJudgedAndItsNumbersAreExported() throws IOException {
        openDallas(MINE);
        browser.click("#tab-explain");
        browser.await("the pins", () -> browser.text("#explain-tab").contains("2 features"));
        browser.click("#explain-judge");
        browser.await("the table", () -> browser.shows("#numbers-table"));
        assertEquals("[\"3_1932_10\",\"1_696_9\"]", state("a.pinned"));
        browser.click("#explain-card");
        browser.await("its card", () -> browser.text("#card-table").contains("0.750"));
        assertTrue(browser.text("#layers-table").contains("13 %"), browser.text("#layers-table"));
        browser.assertAccessible("a card");
        browser.click("#tab-subgraph");
        for (String[] export : new String[][] {
            {"Numbers", "md", "| Necessity | 0.96 | 0.90 | 0.35 (0.01 to 0.62) |"},
            {"Page (HTML)", "html", "\"necessity\":0.96"},
            {"Picture (SVG)", "svg", "Necessity 0.96 (as many of most influence: 0.90, at random: 0.35)"},
            {"Graph file", "json", "\"sufficiency\": 0.9"},
        }) {
            browser.click("#export");
            browser.clickText("[role=menuitem]", export[0]);
            String text = Files.readString(browser.downloaded(SampleGraphs.DALLAS + "." + export[1]));
            assertTrue(text.contains(export[2]), text.substring(Math.max(0, text.length() - 2000)));
        }
        browser.await(
                "the file",
                () -> file(SampleGraphs.DALLAS)
                                .at("/qParams/headwater/numbers/members")
                                .size()
                        == 2);
        browser.js("headwater.store.annotate('Pin', a => ({...a, pinned: [...a.pinned, '0_94_9']}))");
        browser.await("no numbers of another circuit", () -> !browser.shows("#explain-strip"));
        browser.click("#tab-explain");
        browser.await("a warning", () -> browser.text("#explain-tab .warning").contains("others are pinned now"));

        browser.open(browser.downloaded(SampleGraphs.DALLAS + ".html").toUri().toString());
        browser.click("#tab-explain");
        assertTrue(browser.text("#numbers-table").contains("0.35 (0.01 to 0.62)"), "they are on the page from disk");
        assertTrue(browser.text(".explain-controls").contains("This page was exported"));
    }

    @Test
    void theButtonSaysWhyItIsOff() {
        browser.open(page("slug=" + SampleGraphs.GEMMA));
        browser.await("the reason", () -> browser.text("#explain-reason").contains("did not make this graph"));
        assertEquals("true", browser.find("#explain").getDomAttribute("aria-disabled"));
        browser.click("#explain");
        browser.await("it again", () -> browser.text("#notice").contains("did not make this graph"));
    }
}
