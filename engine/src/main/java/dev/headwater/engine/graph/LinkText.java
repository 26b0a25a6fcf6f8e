package dev.headwater.engine.graph;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Writes edges as the JSON objects that graph files have for them: {@code ,{"source":"…","target":"…","weight":…}},
 * numbers as {@link Float#toString} has them, on all cores.
 */
public final class LinkText {
    private static final byte[] SOURCE = ascii(",{\"source\":\"");
    private static final byte[] TARGET = ascii("\",\"target\":\"");
    private static final byte[] WEIGHT = ascii("\",\"weight\":");
    /** Edges that one core writes at a time. */
    private static final int PART = 1 << 12;

    private final byte[][] names;

    /** @param names of all nodes, ASCII that needs no escapes; "" for a node that no edge has */
    public LinkText(String[] names) {
        this.names = Arrays.stream(names).map(LinkText::ascii).toArray(byte[][]::new);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * The text of {@code count} edges from number {@code first} on, each with a comma before it.
     *
     * @param source node numbers
     * @param target node numbers
     * @param weight finite numbers
     */
    public ByteBuffer of(int[] source, int[] target, float[] weight, int first, int count) {
        byte[][] parts = IntStream.range(0, Math.ceilDiv(count, PART))
                .parallel()
                .mapToObj(part -> {
                    int from = first + part * PART;
                    return part(source, target, weight, from, Math.min(from + PART, first + count));
                })
                .toArray(byte[][]::new);
        ByteBuffer text = ByteBuffer.allocate(
                Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) {
            text.put(part);
        }
        return text.flip();
    }

    private byte[] part(int[] source, int[] target, float[] weight, int from, int end) {
        var text = new ByteArrayOutputStream(96 * (end - from));
        for (int e = from; e < end; e++) {
            text.writeBytes(SOURCE);
            text.writeBytes(names[source[e]]);
            text.writeBytes(TARGET);
            text.writeBytes(names[target[e]]);
            text.writeBytes(WEIGHT);
            text.writeBytes(ascii(Float.toString(weight[e])));
            text.write('}');
        }
        return text.toByteArray();
    }
}
