package dev.headwater.engine;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Damages sound inputs in ways that reach deep into their parsers; the same seed gives the same damage. */
public final class Mutator {
    private static final String[] NUMBERS = {
        "0",
        "-1",
        "1",
        "7",
        "8",
        "64",
        "255",
        "65536",
        "2147483648",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "1e400",
        "0.5",
        "-0",
        "99999999999999999999999999"
    };

    private final SplittableRandom random;
    private final byte[][] words;

    /** @param words pieces of the format's language to put in */
    public Mutator(long seed, String... words) {
        this.random = new SplittableRandom(seed);
        this.words = Arrays.stream(words)
                .map(word -> word.getBytes(StandardCharsets.ISO_8859_1))
                .toArray(byte[][]::new);
    }

    public byte[] damage(byte[] sound) {
        byte[] bytes = sound.clone();
        for (int left = random.nextInt(1, 5); left > 0; left--) {
            bytes = once(bytes);
        }
        return bytes;
    }

    private byte[] once(byte[] bytes) {
        if (bytes.length == 0) {
            return word();
        }
        int at = random.nextInt(bytes.length);
        int length = random.nextInt(Math.min(16, bytes.length - at) + 1);
        return switch (random.nextInt(9)) {
            case 0 -> {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                yield bytes;
            }
            case 1 -> {
                bytes[at] = (byte) random.nextInt();
                yield bytes;
            }
            case 2 -> splice(bytes, at, length, new byte[0]);
            case 3 -> splice(bytes, at, 0, Arrays.copyOfRange(bytes, at, at + length));
            case 4 -> splice(bytes, at, 0, word());
            case 5 -> splice(bytes, at, length, word());
            case 6 -> number(bytes, at);
            case 7 -> random.nextInt(4) == 0 ? Arrays.copyOf(bytes, at) : splice(bytes, at, 1, word());
            default -> {
                int from = random.nextInt(bytes.length);
                byte[] piece = Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + random.nextInt(64)));
                yield splice(bytes, at, 0, piece);
            }
        };
    }

    /** Replaces the next decimal number, or else four bytes by an extreme binary one. */
    private byte[] number(byte[] bytes, int at) {
        int from = at;
        while (from < bytes.length && (bytes[from] < '0' || bytes[from] > '9')) {
            from++;
        }
        int to = from;
        while (to < bytes.length && bytes[to] >= '0' && bytes[to] <= '9') {
            to++;
        }
        if (to > from && random.nextBoolean()) {
            return splice(
                    bytes,
                    from,
                    to - from,
                    NUMBERS[random.nextInt(NUMBERS.length)].getBytes(StandardCharsets.ISO_8859_1));
        }
        for (int i = at; i < Math.min(bytes.length, at + 4); i++) {
            bytes[i] = random.nextBoolean() ? (byte) 0xff : 0;
        }
        return bytes;
    }

    private byte[] word() {
        return words[random.nextInt(words.length)];
    }

    private static byte[] splice(byte[] bytes, int at, int removed, byte[] inserted) {
        byte[] result = new byte[bytes.length - removed + inserted.length];
        System.arraycopy(bytes, 0, result, 0, at);
        System.arraycopy(inserted, 0, result, at, inserted.length);
        System.arraycopy(bytes, at + removed, result, at + inserted.length, bytes.length - at - removed);
        return result;
    }
}
