package dev.headwater.engine.tokens.pipeline;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** GPT-2's spelling of bytes by printable characters: 0x20 is Ġ, 0x0A is Ċ, most of ASCII is itself. */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[324];

    static {
        Arrays.fill(BYTES, (short) -1);
        int others = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            CHARS[b] = (char) (printable ? b : others++);
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** A text's UTF-8, spelled. */
    static String spell(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        char[] chars = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            chars[i] = CHARS[bytes[i] & 0xFF];
        }
        return new String(chars);
    }

    /** The bytes that a token spells; its own UTF-8 if a character of it spells none. */
    static byte[] bytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            int value = c < BYTES.length ? BYTES[c] : -1;
            if (value < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }
}
