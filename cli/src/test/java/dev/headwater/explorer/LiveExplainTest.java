package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;

/** The explorer as people start it explains a graph of the bundled model. */
class LiveExplainTest {
    /** What fires for Texas, as the model card has it. */
    private static final List<String> TEXAS =
            List.of("0_94_9", "0_1862_9", "1_696_9", "2_607_10", "2_1040_10", "3_1683_10", "4_425_10");

    @TempDir
    Path scratch;

    private static String pinnedFeatures(Browser browser) {
        return String.valueOf(
                browser.js(
                        "const {graph, annotations} = headwater.store.state; return annotations.pinned.filter(id => graph.node(id).isFeature).length"));
    }

    private URI served(Process server) throws IOException {
        return URI.create(server.inputReader().readLine().replaceFirst("^The explorer is at (\\S+) .*$", "$1"));
    }

    @Test
    void whatIsFoundIsJudgedTheSameAgain() throws Exception {
        List<String> command = Run.command("-Xmx1g");
        command.addAll(List.of("serve", scratch.resolve("graphs").toString(), "--port", "0", "--no-browser"));
        Process server = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (Browser browser = Browser.start(scratch)) {
            int port = served(server).getPort();
            try (Client client = new Client(port)) {
                String id = client.send(
                                "POST",
                                "/api/jobs/attribute",
                                ExplorerCase.request("dallas", "Fact: the capital of the state containing Dallas is"))
                        .json()
                        .get("id")
                        .textValue();
                browser.await(
                        "the graph",
                        () -> client.get("/api/jobs/" + id)
                                .json()
                                .get("state")
                                .textValue()
                                .equals("DONE"));
            }
            explain(browser, "http://localhost:" + port + "/#slug=dallas&pinnedIds=" + String.join(",", TEXAS));
            browser.leave();
            browser.assertQuiet();
        } finally {
            server.destroy();
            server.waitFor();
        }
    }

    private static void explain(Browser browser, String page) throws IOException {
        browser.size(1400, 1000);
        browser.open(page);
        browser.click("#tab-explain");
        browser.set("#explain-size", 10);
        browser.click("#explain-find");
        browser.await("its numbers", () -> browser.shows("#boxes-table"));
        assertEquals("10", pinnedFeatures(browser));
        assertTrue(browser.text("#explain-about").contains("10 of 647 features"), browser.text("#explain-about"));
        String found = browser.text("#numbers-table");
        browser.click("#explain-judge");
        browser.await("the judgement", () -> browser.text("#explain-about").contains(" 54 interventions"));
        assertEquals(found, browser.text("#numbers-table"));
        browser.click("#explain-card");
        browser.await(
                "how far each layer holds",
                () -> browser.all("#layers-table tbody tr").size() == 7);
        browser.type("#explain-token", " Houston", Keys.ENTER);
        browser.await("what holds it down", () -> browser.shows("#doubt-table"));
        assertEquals(
                "explain-token", browser.js("return document.activeElement.id"), "the focus stays where people type");
        browser.assertAccessible("live explain");
        browser.screenshot("live-explain");
        browser.click("#tab-subgraph");
        browser.screenshot("live-explained");
        browser.click("#undo");
        browser.click("#undo");
        browser.await("the pins of before", () -> pinnedFeatures(browser).equals(String.valueOf(TEXAS.size())));
        browser.click("#explain");
        browser.await("its numbers again", () -> browser.text("#explain-strip").contains("10 features: necessity"));
        for (int width : List.of(1400, 400)) {
            browser.width(width, 900);
            browser.js("document.getElementById('subgraph-panel').scrollIntoView()");
            browser.screenshot("live-explained-" + width);
            browser.click("#tab-explain");
            browser.screenshot("live-explain-" + width);
            browser.click("#tab-subgraph");
        }
    }
}
