package dev.headwater.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.benchmarks.Roofline.Card;
import dev.headwater.benchmarks.Roofline.Phase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RooflineTest {
    @Test
    void thePageIsWhatTheCommandPrints() throws Exception {
        assertEquals(Files.readString(Path.of("gpu.md")), RooflineCommand.page());
    }

    @Test
    void errorsWasteWhatTheirTileHolds() {
        Card card = Roofline.CARDS.get(1);
        List<Phase> phases = Roofline.phases(Roofline.JOBS.getFirst(), 64, card);
        Phase single = phases.get(6);
        assertEquals(64, single.performed() / single.operations(), 1e-9);
        // 7,510 rows of 32 positions over 13 layers in the mean, two operations for each of 2,304 columns.
        assertEquals(7510 * 32.0 * 13 * 2 * 2304, single.operations(), 1);
        for (Phase phase : phases) {
            assertTrue(phase.seconds(card, true) <= phase.seconds(card, false), phase.name());
        }
    }
}
