package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** The gallery: examples, their guides and experiments, with the fake engine. */
class PageGalleryTest extends PageFixture {
    private void openGallery() {
        browser.load(page("gallery"));
        browser.await("the gallery", () -> browser.all(".gallery-card").size() == 6);
    }

    @Test
    void lookWellInLightAndDarkAtAnyWidth() throws IOException {
        openGallery();
        browser.screenshot("gallery");
        browser.assertAccessible("gallery");
        for (int width : new int[] {400, 768, 1920}) {
            browser.width(width, 1000);
            browser.prefer(width == 768 ? "light" : "dark");
            openGallery();
            browser.screenshot("gallery-" + width);
            browser.assertAccessible("gallery at " + width);
            assertTrue(
                    (Boolean)
                            browser.js(
                                    "return document.documentElement.scrollWidth <= innerWidth && document.querySelector('.gallery').scrollWidth <= innerWidth"),
                    "nothing sticks out at " + width);
        }
    }

    @Test
    void aGuideStaysInSightOnANarrowPage() throws IOException {
        browser.width(400, 800);
        openGallery();
        browser.click(".gallery-card button");
        for (int step = 1; step <= 6; step++) {
            int now = step;
            browser.await("step " + step, () -> browser.text(".tour").contains(now + " of 6"));
            assertTrue(
                    (Boolean)
                            browser.js(
                                    "const card = document.querySelector('.tour').getBoundingClientRect();"
                                            + "return card.left >= 0 && card.top >= 0 && card.right <= innerWidth && card.bottom <= innerHeight"),
                    "the card of step " + step);
            if (step == 2) {
                browser.screenshot("gallery-guide-400");
                browser.assertAccessible("guide at 400");
            }
            browser.keys(Keys.ARROW_RIGHT);
        }
    }

    @Test
    void anExampleIsTracedAnnotatedAndGuidedThrough() throws IOException {
        openGallery();
        browser.js("document.querySelector('.gallery-card button').focus()");
        browser.keys(Keys.ENTER);
        browser.await("the guide", () -> browser.shows(".tour"));
        assertEquals("example-two-steps", browser.text("#graph-name"));
        assertEquals("\"Texas, at Dallas\"", state("a.groups[0].label"));
        assertEquals(
                "Texas, at Dallas",
                file("example-two-steps").at("/qParams/supernodes/0/0").asText());
        int steps = Integer.parseInt(browser.text(".tour .muted").replaceFirst("1 of ", ""));
        for (int step = 1; step <= steps; step++) {
            int now = step;
            browser.await("step " + step, () -> browser.text(".tour").contains(now + " of " + steps));
            if (!browser.all(".tour-outcome").isEmpty()) {
                browser.click(".tour h2 ~ button");
                browser.await(
                        "what came of it",
                        () -> browser.text(".tour-outcome").contains("the model says “ Sacramento” now"));
                assertTrue(browser.shows(".steer-results .distribution"), "the experiment is in Steer");
                browser.screenshot("gallery-experiment");
                browser.assertAccessible("experiment");
            }
            if (step == 2) {
                browser.screenshot("gallery-guide");
                browser.assertAccessible("guide");
            }
            browser.keys(Keys.ARROW_RIGHT);
        }
        browser.await("the end", () -> !browser.shows(".tour"));
        browser.click("#guide");
        browser.await("it again", () -> browser.shows(".tour"));
        browser.escape();

        // Opened again it is what people made of it.
        browser.js("headwater.store.annotate('x', a => ({...a, pinned: [...a.pinned, '0_420_7']}))");
        browser.await(
                "it to be saved",
                () -> file("example-two-steps")
                        .at("/qParams/pinnedIds")
                        .toString()
                        .contains("0_420_7"));
        browser.click("#gallery-button");
        browser.await("the gallery", () -> browser.shows(".gallery"));
        browser.clickText(".gallery > .button-row button", "Back to example-two-steps");
        browser.await("the graph", () -> browser.shows("#graph"));
        browser.click("#gallery-button");
        browser.click(".gallery-card button");
        browser.await("the guide", () -> browser.shows(".tour"));
        assertTrue(state("a.pinned").contains("0_420_7"));
        browser.escape();
    }

    @Test
    void aGraphThatOnlyHasAnExamplesNameHasNoGuide() throws IOException {
        Files.writeString(
                graphs.resolve("example-two-steps.json"),
                SampleGraphs.text(SampleGraphs.OAKLAND).replace("oakland-sacramento", "example-two-steps"));
        browser.open(page("slug=example-two-steps"));
        assertFalse(browser.shows("#guide"));
        assertTrue(browser.shows("#gallery-button"));
    }
}
