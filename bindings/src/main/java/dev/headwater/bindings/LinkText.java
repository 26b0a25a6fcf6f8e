package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.kernels.KernelsHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes edges as the JSON objects that graph files have for them: {@code ,{"source":"…","target":"…","weight":…}}, numbers as
 * {@link Float#toString} has them. For one thread at a time.
 */
public final class LinkText implements AutoCloseable {
    /** What a link takes at most besides its names. */
    private static final int LINK_BYTES = 64;

    private final int most;
    private final int nodes;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment names;
    private final MemorySegment nameStart;
    private final MemorySegment source;
    private final MemorySegment target;
    private final MemorySegment weight;
    private final MemorySegment text;
    private final MemorySegment length = arena.allocate(JAVA_LONG);

    /**
     * @param names of all nodes, ASCII that needs no escapes; "" for a node that no edge has
     * @param most  edges that are written at once
     */
    public LinkText(String[] names, int most) {
        NativeLibraries.load();
        this.most = most;
        nodes = names.length;
        byte[] bytes = String.join("", names).getBytes(StandardCharsets.US_ASCII);
        long[] start = new long[nodes + 1];
        int longest = 0;
        for (int i = 0; i < nodes; i++) {
            start[i + 1] = start[i] + names[i].length();
            longest = Math.max(longest, names[i].length());
        }
        this.names = arena.allocateFrom(JAVA_BYTE, bytes);
        nameStart = arena.allocateFrom(JAVA_LONG, start);
        source = arena.allocate(JAVA_INT, most);
        target = arena.allocate(JAVA_INT, most);
        weight = arena.allocate(JAVA_FLOAT, most);
        text = arena.allocate(Math.multiplyExact(most, LINK_BYTES + 2 * longest));
    }

    /**
     * The text of {@code count} edges from number {@code first} on, each with a comma before it; it stays until the
     * next call.
     *
     * @param source node numbers
     * @param target node numbers
     * @param weight finite numbers
     */
    public ByteBuffer of(int[] source, int[] target, float[] weight, int first, int count) {
        if (count > most) {
            throw new IllegalArgumentException(count + " edges where " + most + " have room");
        }
        MemorySegment.copy(source, first, this.source, JAVA_INT, 0, count);
        MemorySegment.copy(target, first, this.target, JAVA_INT, 0, count);
        MemorySegment.copy(weight, first, this.weight, JAVA_FLOAT, 0, count);
        KernelCall.check(KernelsHeader.hw_link_text(
                names, nameStart, nodes, count, this.source, this.target, this.weight, text, text.byteSize(), length));
        return text.asSlice(0, length.get(JAVA_LONG, 0)).asByteBuffer();
    }

    @Override
    public void close() {
        arena.close();
    }
}
