package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;

/** New graphs: conversations with an answer that has begun, warnings, targets. */
class PagePromptTest extends PageFixture {
    @Test
    void aConversationMayEndWithTheBeginningOfTheAnswer() {
        openDallas();
        browser.click("#new-graph");
        browser.clickText("dialog .segmented button", "Conversation");
        browser.type(".turn textarea", "A word that rhymes with rabbit");
        browser.clickText("dialog button", "Add a turn");
        assertEquals("assistant", browser.find(".turn:last-child select").getDomProperty("value"));
        assertFalse(browser.text("dialog").contains("The answer begins"));
        browser.type(".turn:last-child textarea", "It is **");
        browser.await("a hint", () -> browser.text("dialog").contains("The answer begins with the last turn"));
        browser.await("its tokens", () -> browser.text(".tokens").contains("**"));
        browser.js(
                "const s = document.getElementById('new-thinking'); s.value = 'off'; s.dispatchEvent(new Event('change'))");
        browser.type("#new-template-options", "depth=2");
        browser.js(
                "window.sent = []; const job = headwater.source.job; headwater.source.job = (kind, request, ...more) => { if (kind === 'attribute') window.sent.push(request); return job.call(headwater.source, kind, request, ...more); }");
        browser.click("#new-start");
        browser.await("the graph", () -> !browser.text("#graph-name").equals(SampleGraphs.DALLAS));
        assertEquals(
                "{\"turns\":[{\"role\":\"user\",\"content\":\"A word that rhymes with rabbit\"},{\"role\":\"assistant\",\"content\":\"It is **\"}],\"thinking\":false,\"options\":{\"depth\":2}}",
                browser.js("return JSON.stringify(window.sent[0].prompt)"));
    }

    @Test
    void aTrailingSpaceAndADullTokenAreWarnedOf() throws Exception {
        openDallas();
        browser.click("#new-graph");
        browser.type("#new-prompt", "The capital is ");
        browser.await("a warning", () -> browser.text(".preview").contains("ends with a space"));
        browser.assertAccessible("warning");
        browser.type("#new-prompt", "dull");
        browser.await(
                "another",
                () -> browser.text(".preview").contains("a graph of it may be dull")
                        && !browser.text(".preview").contains("ends with a space"));
        browser.screenshot("new-graph-warning");
        browser.escape();
    }

    @Test
    void whatAGraphIsToExplainCanBeChosen() {
        openDallas();
        browser.click("#new-graph");
        browser.type("#new-prompt", "The capital is");
        browser.js(
                "const s = document.getElementById('new-targets'); s.value = 'difference'; s.dispatchEvent(new Event('change'))");
        assertFalse(browser.find("#new-start").isEnabled());
        browser.type("#new-target-lines", " Austin");
        browser.await("the reason", () -> browser.text(".targets").contains("here are 1"));
        browser.type("#new-target-lines", "\n Dallas");
        browser.await("the button", () -> browser.find("#new-start").isEnabled());
        browser.js(
                "window.sent = []; const job = headwater.source.job; headwater.source.job = (kind, request, ...more) => { if (kind === 'attribute') window.sent.push(request); return job.call(headwater.source, kind, request, ...more); }");
        browser.click("#new-start");
        browser.await("the graph", () -> !browser.text("#graph-name").equals(SampleGraphs.DALLAS));
        assertEquals(List.of(" Austin", " Dallas"), browser.js("return window.sent[0].targets.difference"));
    }
}
