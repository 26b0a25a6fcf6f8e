package dev.headwater.engine.host;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What hosts hold, by numbers that are never given twice: a closed or invented handle is found to be one, whatever is made of it.
 * Safe to use from several threads.
 */
final class Handles {
    private static final ConcurrentHashMap<Long, Shared> OPEN = new ConcurrentHashMap<>();

    /** Not from 0, so that a forgotten zero and other small numbers are nobody's handle. */
    private static final AtomicLong LAST = new AtomicLong(0x4877_0000_0000L);

    private Handles() {}

    /** {@return the handle of something new, which is kept until {@link #close}} */
    static long give(Shared object) {
        long handle = LAST.incrementAndGet();
        OPEN.put(handle, object);
        return handle;
    }

    /**
     * Begins some work with what a handle stands for; it stays until the work is closed.
     *
     * @throws HandleException if the handle is closed, was never given out, or is of another kind
     */
    static <T extends Shared> T use(long handle, Class<T> kind) {
        Shared object = OPEN.get(handle);
        if (object == null || !object.take()) {
            throw new HandleException(
                    "the handle 0x%x is closed or was never given out; open what it is to stand for".formatted(handle));
        }
        if (!kind.isInstance(object)) {
            object.close();
            throw new HandleException(
                    "the handle 0x%x is of %s; this needs %s".formatted(handle, object.kind(), Shared.kind(kind)));
        }
        return kind.cast(object);
    }

    /**
     * Ends a handle. What it stands for goes when the last work with it ends.
     *
     * @throws HandleException if it is closed already or was never given out
     */
    static void close(long handle) {
        Shared object = OPEN.remove(handle);
        if (object == null) {
            throw new HandleException(
                    "the handle 0x%x is closed already or was never given out; close each once".formatted(handle));
        }
        object.close();
    }

    /** {@return how many are open} */
    static int count() {
        return OPEN.size();
    }
}
