package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bytes of one character are one span. */
class TokenSpanTest {
    private static final Tokenizer TOKENIZER =
            Tokenizer.open(Path.of("src/test/resources/golden/llama-plt-relu-skip/model"));

    @Test
    void spansAreWholeCharactersAndCoverTheText() {
        for (String text :
                List.of("Paris is", "日本語", "🦊🦊 fox", "café naïve", "\u0645\u0631\u062d\u0628\u0627", "a\u0301")) {
            int[] ids = TOKENIZER.encode(text, false);
            List<TokenSpan> spans = TOKENIZER.spans(ids);
            int next = 0;
            StringBuilder all = new StringBuilder();
            for (TokenSpan span : spans) {
                assertEquals(next, span.first());
                assertTrue(span.last() >= span.first());
                assertFalse(span.text().contains("\ufffd"), span.toString());
                next = span.last() + 1;
                all.append(span.text());
            }
            assertEquals(ids.length, next);
            assertEquals(text, all.toString());
        }
        int[] fox = TOKENIZER.encode("🦊", false);
        assertTrue(fox.length > 1);
        assertEquals(List.of(new TokenSpan(0, fox.length - 1, "🦊")), TOKENIZER.spans(fox));
    }

    /** What is no character stays a token for itself, and takes nothing that follows with it. */
    @Test
    void halfACharacterStandsAlone() {
        int[] fox = TOKENIZER.encode("🦊", false);
        int[] a = TOKENIZER.encode("a", false);
        List<TokenSpan> spans = TOKENIZER.spans(fox[0], a[0]);
        assertEquals(2, spans.size());
        assertEquals("\ufffd", spans.getFirst().text());
        assertEquals("a", spans.getLast().text());
        assertEquals(List.of(), TOKENIZER.spans());
        assertEquals("\ufffd", TOKENIZER.spans(fox[fox.length - 1]).getFirst().text());
        assertEquals(1, TOKENIZER.spans(fox[0]).size());
    }
}
