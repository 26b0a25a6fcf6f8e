package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.UsageException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FeatureRefTest {
    @Test
    void parsesWhatItPrints() {
        Random random = new Random(1);
        for (int i = 0; i < 1000; i++) {
            FeatureRef ref =
                    new FeatureRef(random.nextInt(1000), random.nextInt(-500, 500), random.nextInt(999_999_999));
            assertEquals(ref, FeatureRef.parse(ref.toString()));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1/2",
                "1/2/3/4",
                "-1/2/3",
                "1/2/-3",
                "1/--2/3",
                "1/+2/3",
                " 1/2/3",
                "1/2/3 ",
                "1/2/x",
                "1/2/9999999999",
                "٣/2/3",
                "1/2/3\n"
            })
    void refusesEverythingElse(String text) {
        UsageException refused = assertThrows(UsageException.class, () -> FeatureRef.parse(text));
        assertTrue(refused.getMessage().contains("LAYER/POSITION/FEATURE"), refused.getMessage());
    }

    @Test
    void countsFromTheEndOfAPrompt() {
        assertEquals(new FeatureRef(2, 9, 607), FeatureRef.parse("2/-1/607").in(10));
        assertEquals(new FeatureRef(2, 3, 607), FeatureRef.parse("2/3/607").in(10));
        assertTrue(new FeatureRef(2, 9, 607).exists(3, 10, 608));
        for (String outside : List.of("3/9/607", "2/10/607", "2/-1/607", "2/9/608")) {
            assertFalse(FeatureRef.parse(outside).exists(3, 10, 608), outside);
        }
        assertThrows(UsageException.class, () -> new FeatureRef(-1, 0, 0));
    }
}
