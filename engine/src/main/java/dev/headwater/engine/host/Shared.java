package dev.headwater.engine.host;

import dev.headwater.bindings.NativeArena;
import dev.headwater.engine.UsageException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Something that a host holds by a handle, with arrays and texts in native memory that it may read in place. Counts its users: the
 * handle is one, each call another, each exported tensor another; the last one to go frees it. So closing neither waits for
 * another thread's call nor pulls memory from under it.
 */
abstract class Shared implements AutoCloseable {
    private final AtomicInteger users = new AtomicInteger(1);
    private final Map<Long, Array> arrays = new HashMap<>();
    private @Nullable NativeArena arena;

    /** {@return false if it is gone already} */
    final boolean take() {
        return users.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
    }

    /** One user less. */
    @Override
    public final void close() {
        if (users.decrementAndGet() == 0) {
            synchronized (this) {
                if (arena != null) {
                    arena.close();
                }
            }
            free();
        }
    }

    /** Ends what this holds besides its arrays. */
    void free() {}

    /** {@return what messages call it, with an article} */
    final String kind() {
        return kind(getClass());
    }

    static String kind(Class<? extends Shared> type) {
        String name = type.getSimpleName().replace("Host", "").toLowerCase(Locale.ROOT);
        return type == Shared.class
                ? "anything"
                : (name.startsWith("e") ? "an " : "a ")
                        + name.replace("pruned", "pruned graph").replace("heads", "table of heads");
    }

    /**
     * An array, made when it is first asked for.
     *
     * @throws UsageException if this has no such array
     */
    final synchronized Array array(int what, int index) {
        long key = (long) what << Integer.SIZE | index & 0xffff_ffffL;
        Array array = arrays.get(key);
        if (array == null) {
            array = make(what, index);
            arrays.put(key, array);
        }
        return array;
    }

    /** Makes an array in {@link #memory}, or finds it where it is. */
    Array make(int what, int index) {
        throw none("array", what);
    }

    /** {@return the texts of this kind} */
    List<String> texts(int what) {
        throw none("texts", what);
    }

    final UsageException none(String of, int what) {
        return new UsageException(kind() + " has no " + of + " of number " + what + "; headwater.h lists what it has");
    }

    /** For texts, {@code what} as an array of their addresses; the lengths are under {@code index} 1. */
    final synchronized Array text(int what, int index) {
        long key = (1L << 62) + what;
        Array addresses = arrays.get(key);
        if (addresses == null) {
            List<String> texts = texts(what);
            long[] address = new long[texts.size()];
            long[] length = new long[texts.size()];
            for (int i = 0; i < address.length; i++) {
                byte[] bytes = texts.get(i).getBytes(StandardCharsets.UTF_8);
                MemorySegment segment = memory().allocate(bytes.length + 1L, 1);
                MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
                address[i] = segment.address();
                length[i] = bytes.length;
            }
            addresses = copy(address);
            arrays.put(key, addresses);
            arrays.put(key + (1L << 32), copy(length));
        }
        return index == 0 ? addresses : arrays.getOrDefault(key + (1L << 32), addresses);
    }

    /** Where arrays are made; freed with this. */
    final synchronized NativeArena memory() {
        if (arena == null) {
            arena = NativeArena.open();
        }
        return arena;
    }

    final Array copy(byte[] values) {
        return Array.of(
                allocated(ValueLayout.JAVA_BYTE, values.length, MemorySegment.ofArray(values)),
                Array.U8,
                values.length);
    }

    final Array copy(int[] values, long... shape) {
        return Array.of(
                allocated(ValueLayout.JAVA_INT, values.length, MemorySegment.ofArray(values)),
                Array.I32,
                shape.length == 0 ? new long[] {values.length} : shape);
    }

    final Array copy(long[] values) {
        return Array.of(
                allocated(ValueLayout.JAVA_LONG, values.length, MemorySegment.ofArray(values)),
                Array.I64,
                values.length);
    }

    final Array copy(float[] values, long... shape) {
        return Array.of(
                allocated(ValueLayout.JAVA_FLOAT, values.length, MemorySegment.ofArray(values)),
                Array.F32,
                shape.length == 0 ? new long[] {values.length} : shape);
    }

    final Array copy(double[] values, long... shape) {
        return Array.of(
                allocated(ValueLayout.JAVA_DOUBLE, values.length, MemorySegment.ofArray(values)),
                Array.F64,
                shape.length == 0 ? new long[] {values.length} : shape);
    }

    /** One element more than asked for, so that no array has a null address. */
    private MemorySegment allocated(ValueLayout element, long count, MemorySegment values) {
        MemorySegment segment = memory().allocate((count + 1) * element.byteSize(), 64);
        MemorySegment.copy(values, 0, segment, 0, values.byteSize());
        return segment;
    }
}
