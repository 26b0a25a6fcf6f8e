package dev.headwater.engine.explanation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What groups are called. */
class BoxNamesTest {
    private final BoxNames names = new BoxNames(" Austin", List.of("<bos>", " capital", " Dallas", " is"));

    @Test
    void byTheAnswerAtTheEndAndByTheTokenElsewhere() {
        assertEquals(
                "say Austin", names.of(3, List.of("is → Austin", "is → Austin, Madison"), List.of(1.0, 0.5), "5/3/1"));
        assertEquals("Texas", names.of(3, List.of("in, called → Texas, Texans", "is"), List.of(1.0, 2.0), "4/3/1"));
        assertEquals("capital", names.of(1, List.of("capital → of", "capital"), List.of(1.0, 1.0), "0/1/1"));
    }

    @Test
    void noneTwiceAndNoneWithout() {
        assertEquals("Texas at Dallas", names.of(2, List.of("Texas, Houston"), List.of(1.0), "0/2/1"));
        assertEquals("Texas, Houston", names.of(2, List.of("Texas, Houston"), List.of(1.0), "1/2/1"));
        assertEquals("Texas at Dallas (2)", names.of(2, List.of("Texas, Houston"), List.of(1.0), "2/2/1"));
        assertEquals("3/2/7", names.of(2, List.of("", "␣"), List.of(1.0, 1.0), "3/2/7"));
    }

    /** What both say of the token at which they stand is nothing in common. */
    @Test
    void labelsShareThings() {
        LabelTokens one = LabelTokens.of("is, of → Texas");
        assertEquals(List.of("is", "of"), one.fires());
        assertEquals(List.of("Texas"), one.says());
        assertTrue(one.shares(LabelTokens.of("texas"), " is"));
        assertFalse(one.shares(LabelTokens.of("is → Austin"), " is"));
    }
}
