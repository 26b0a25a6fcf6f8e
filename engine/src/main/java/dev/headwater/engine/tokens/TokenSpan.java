package dev.headwater.engine.tokens;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokens that make whole characters together: one token mostly, several where a character of several bytes is cut into
 * them, as emoji and rare letters often are.
 *
 * @param first position of the first of them
 * @param last  position of the last one
 * @param text  what they say; bytes that are no part of a character read as the replacement character
 */
public record TokenSpan(int first, int last, String text) {
    /** No character has more. */
    private static final int LONGEST = 4;

    /** The spans of a text's tokens in order; each token is in one. */
    static List<TokenSpan> of(Tokenizer tokenizer, int[] ids) {
        List<TokenSpan> spans = new ArrayList<>();
        for (int first = 0; first < ids.length; ) {
            var bytes = new ByteArrayOutputStream();
            int end = first;
            int whole = first + 1;
            byte[] text = tokenizer.bytes(ids[first]);
            do {
                bytes.writeBytes(tokenizer.bytes(ids[end++]));
                if (missing(bytes.toByteArray()) == 0) {
                    if (end > whole && isUnicode(bytes.toByteArray())) {
                        whole = end;
                        text = bytes.toByteArray();
                    }
                    break;
                }
            } while (end < ids.length && end - first < LONGEST);
            spans.add(new TokenSpan(first, whole - 1, new String(text, StandardCharsets.UTF_8)));
            first = whole;
        }
        return List.copyOf(spans);
    }

    private static boolean isUnicode(byte[] utf8) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** How many bytes the last character wants still; 0 if it is whole, or if what stands there can't become one. */
    private static int missing(byte[] utf8) {
        for (int back = 1; back <= Math.min(LONGEST, utf8.length); back++) {
            int b = utf8[utf8.length - back] & 0xff;
            if (b >= 0xc0) {
                int length = b >= 0xf8 ? 0 : b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
                return Math.max(0, length - back);
            }
            if (b < 0x80) {
                return 0;
            }
        }
        return 0;
    }
}
