package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's normalization as its models carry it: a trie of byte sequences (Darts' double array) and what each becomes.
 * What a cluster of characters becomes is looked up by its shortest beginning that the trie has, as the library does.
 */
final class CharsMap implements Normalizer {
    /** Clusters from here on, in bytes, are looked up character by character. */
    private static final int LONG_CLUSTER = 6;

    private static final Pattern CLUSTER = Pattern.compile("\\X");

    private final int[] units;
    private final byte[] replacements;

    /** @throws RefusedException if it is not valid */
    CharsMap(byte[] map) {
        if (map.length < 8) {
            throw refused();
        }
        ByteBuffer buffer = ByteBuffer.wrap(map).order(ByteOrder.LITTLE_ENDIAN);
        long trieBytes = Integer.toUnsignedLong(buffer.getInt()) / 4 * 4;
        if (trieBytes < 4 || trieBytes > buffer.remaining()) {
            throw refused();
        }
        units = new int[(int) (trieBytes / 4)];
        buffer.asIntBuffer().get(units);
        replacements = Arrays.copyOfRange(map, (int) (4 + trieBytes), map.length);
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(replacements));
        } catch (CharacterCodingException e) {
            throw refused();
        }
    }

    private static RefusedException refused() {
        return new RefusedException("it has a precompiled character map that is not valid");
    }

    /** What bytes become, by the shortest beginning of theirs that the trie has; null if it has none. */
    private @Nullable String replacement(byte[] bytes) {
        int at = offset(unit(0));
        for (byte b : bytes) {
            int label = b & 0xFF;
            if (label == 0) {
                return null;
            }
            at ^= label;
            int unit = unit(at);
            if ((unit & (1 << 31 | 0xFF)) != label) {
                return null;
            }
            at ^= offset(unit);
            if ((unit >>> 8 & 1) == 1) {
                return text(unit(at) & Integer.MAX_VALUE);
            }
        }
        return null;
    }

    private int unit(int at) {
        if (at < 0 || at >= units.length) {
            throw refused();
        }
        return units[at];
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 1 << 9) >>> 6);
    }

    private String text(int start) {
        if (start > replacements.length || start < replacements.length && (replacements[start] & 0xC0) == 0x80) {
            throw refused();
        }
        int end = start;
        while (end < replacements.length && replacements[end] != 0) {
            end++;
        }
        return new String(replacements, start, end - start, StandardCharsets.UTF_8);
    }

    @Override
    public String apply(String text, Steps steps) {
        StringBuilder all = new StringBuilder(text.length());
        Matcher clusters = CLUSTER.matcher(text);
        for (int at = 0; at < text.length(); ) {
            int end = at + 1;
            // Between two characters of ASCII a cluster ends, except within a line break.
            boolean alone = text.charAt(at) < 128
                    && (end == text.length() || text.charAt(end) < 128 && text.charAt(at) != '\r');
            if (!alone) {
                end = clusters.region(at, text.length()).lookingAt() ? clusters.end() : text.offsetByCodePoints(at, 1);
            }
            replace(text.substring(at, end), all, steps);
            Text.checkLength(all.length());
            at = end;
        }
        return all.toString();
    }

    private void replace(String cluster, StringBuilder all, Steps steps) {
        byte[] bytes = cluster.getBytes(StandardCharsets.UTF_8);
        String whole = bytes.length < LONG_CLUSTER ? replacement(bytes) : null;
        if (whole != null) {
            steps.spend(whole.length());
            all.append(whole);
            return;
        }
        cluster.codePoints().forEach(c -> {
            String character = Character.toString(c);
            String replaced = replacement(character.getBytes(StandardCharsets.UTF_8));
            Text.checkLength(all.length() + (replaced == null ? 2L : replaced.length()));
            steps.spend(replaced == null ? 1 : replaced.length());
            all.append(replaced == null ? character : replaced);
        });
    }

    @Override
    public Text apply(Text text, Steps steps) {
        String changed = apply(text.chars(), steps);
        if (changed.equals(text.chars())) {
            return text;
        }
        // Whatever is dropped in front, the first character that is left counts as the first.
        int heads = text.heads() == 0 || changed.isEmpty()
                ? 0
                : Math.max(
                        Character.charCount(changed.codePointAt(0)),
                        apply(text.chars().substring(0, text.heads()), steps).length());
        return text.withChars(changed, Math.min(heads, changed.length()));
    }
}
