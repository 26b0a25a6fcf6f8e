package dev.headwater.engine.tokens.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.headwater.engine.tokens.regex.Steps;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecoderTest {
    private static final List<String> TOKENS = List.of("\ud83d\ude42a", "b\ud83d\ude42");

    /** What the Python library writes (0.22.2). */
    @Test
    void nothingIsFoundBetweenWholeCharacters() {
        assertEquals(" \ud83d\ude42 a b\ud83d\ude42", text(new Decoder.WordEnds("")));
        assertEquals(" \ud83d\ude42 a  b \ud83d\ude42 ", text(new Decoder.Ctc("<pad>", "", true)));
        assertEquals("\ud83d\ude42ab\ud83d\ude42", text(new Decoder.WordPiece("", false)));
    }

    private static String text(Decoder decoder) {
        return String.join("", decoder.decode(TOKENS, Steps.forText(10)));
    }
}
