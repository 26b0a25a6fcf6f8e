package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** Steering and tracing from the page, with the fake engine. */
class PageLiveModelTest extends PageFixture {
    @Test
    void steeringShowsWhatChanges() throws IOException {
        openCircuit();
        browser.click("#tab-steer");
        browser.await("what can be changed", () -> browser.all(".steer-item").size() == 9);
        assertFalse(browser.find("#steer-run").isEnabled(), "nothing is changed yet");
        browser.clickText(".steer-item:first-child button", "Off");
        assertTrue(browser.text(".steer-item:first-child .readout").contains("switched off"));
        browser.set("#steer-range-1", -1);
        browser.click("#steer-run");
        browser.await("results", () -> browser.text(".steer-results").contains("Sacramento"));
        assertTrue(browser.text(".distribution").contains("99.7 %"), browser.text(".distribution"));
        assertTrue(browser.text(".texts").contains("Fact: the region of"));
        assertTrue(browser.all(".changes li").size() > 5);
        browser.screenshot("steer");
        browser.assertAccessible("steer");
        browser.click(".changes .row");
        browser.await("a selection", () -> browser.text("#connections p").contains("feature"));
        browser.clickText(".steer-item:first-child button", "Reset");
        browser.set("#steer-range-1", 1);
        assertFalse(browser.find("#steer-run").isEnabled());
    }

    @Test
    void aGraphThatTheModelDidNotMakeCannotBeSteered() {
        browser.open(page("slug=" + SampleGraphs.GEMMA + "&pinnedIds=0_28_18"));
        browser.click("#tab-steer");
        browser.await("the reason", () -> browser.text("#steer-tab").contains("did not make this graph"));
        browser.type("#tab-steer", Keys.ARROW_RIGHT);
        browser.await("the other tab", () -> browser.shows("#explain-tab"));
    }

    @Test
    void tracesANewPrompt() throws IOException {
        openDallas();
        browser.click("#new-graph");
        browser.clickText(".chip", "Oakland");
        browser.await("its tokens", () -> browser.text(".preview").contains("11 of at most 128 tokens"));
        assertEquals(
                "fact-the-capital-of-the-state-containing-oakland-is",
                browser.find("#new-name").getDomProperty("value"));
        browser.screenshot("new-graph");
        browser.assertAccessible("new graph");
        WebElement name = browser.find("#new-name");
        name.clear();
        name.sendKeys("oakland traced");
        browser.click("#new-start");
        browser.await("the reason", () -> browser.text("dialog .failure").contains("can't name a graph"));
        browser.forgetLogs();
        name.clear();
        name.sendKeys("traced");
        browser.click("#new-start");
        browser.await("progress", () -> browser.shows("progress"));
        browser.screenshot("new-graph-progress");
        browser.await("the graph", () -> browser.text("#graph-name").equals("traced"));
        assertTrue(Files.exists(graphs.resolve("traced.json")));
    }

    /** Transcoders' features have no mean to count from. */
    @Test
    void neuronsCanBeHeldAgainstOtherPrompts() throws IOException {
        openDallas();
        browser.click("#new-graph");
        browser.click("dialog details.options summary");
        assertFalse(browser.shows("#new-contrast"));
        browser.clickText("#new-transcoders option", "neurons");
        browser.await("a field for the contrast", () -> browser.shows("#new-contrast"));
        browser.type("#new-contrast", "The capital of Italy is");
        browser.assertAccessible("new graph of neurons");
        browser.escape();
    }

    @Test
    void aConversationFailuresAndCancellation() {
        openDallas();
        browser.click("#new-graph");
        browser.clickText("dialog .segmented button", "Conversation");
        browser.type(".turn textarea", "please fail");
        browser.clickText("dialog button", "Add a turn");
        browser.await("two turns", () -> browser.all(".turn").size() == 2);
        browser.click(".turn:last-child .icon-button");
        browser.await("its tokens", () -> browser.text(".preview").contains("tokens"));
        browser.clickText("dialog .segmented button", "Plain text");
        browser.type("#new-prompt", "please fail");
        browser.click("#new-start");
        browser.await("the reason", () -> browser.text("dialog .failure").contains("shorten it"));
        WebElement prompt = browser.find("#new-prompt");
        prompt.clear();
        prompt.sendKeys("cancel me");
        browser.click("#new-start");
        browser.await("progress", () -> browser.shows("progress"));
        browser.clickText(".tracing button", "Cancel");
        browser.await("the form again", () -> browser.shows("#new-prompt"));
        assertFalse(Files.exists(graphs.resolve("cancel-me.json")));
        browser.escape();
    }
}
