package dev.headwater.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import dev.headwater.engine.intervention.TokenChange;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said before a prompt is traced, and how wide the terminal is by then. */
class ForesightTest {
    @Test
    void aTrailingSpaceAndADullTokenAreWarnedOf() {
        TokenChange word = new TokenChange(7, " Austin", 0.9, 0.9);
        TokenChange dot = new TokenChange(8, ".", 0.9, 0.9);
        assertEquals("", Foresight.warning("The capital is", word));
        assertTrue(Foresight.warning("The capital is ", word).contains("ends with a space"));
        assertTrue(Foresight.warning("The capital is", dot).contains("may be dull"));
        assertEquals("", Foresight.warning("", new TokenChange(8, ".", 0.4, 0.4)), "it may well be another");
    }

    @Test
    void theWarningComesBeforeTheGraph(@TempDir Path directory) {
        Run run = Run.headwater("attribute", "The capital of Texas is ", "--out", directory.toString());
        assertEquals(0, run.code(), run.toString());
        assertTrue(run.err().contains("headwater: The prompt ends with a space"), run.err());
    }

    @Test
    void theWidthFollowsTheTerminal() {
        TerminalWidth width = new TerminalWidth(80);
        width.columns("24 50\n");
        assertEquals(50, width.getAsInt());
        width.columns("");
        width.columns("0 0");
        assertEquals(50, width.getAsInt(), "what is no size changes nothing");
    }
}
