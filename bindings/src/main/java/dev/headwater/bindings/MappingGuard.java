package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import java.lang.foreign.MemorySegment;

/**
 * Keeps the process alive while native code reads a mapped file that becomes shorter, or whose disk fails: what is missing reads
 * as zeros from then on, and {@link #torn} says so. Results that were computed meanwhile are worth nothing.
 */
public final class MappingGuard implements AutoCloseable {
    private static volatile boolean used;

    private final MemorySegment mapping;

    private MappingGuard(MemorySegment mapping) {
        this.mapping = mapping;
    }

    /** @param mapping a whole mapping of a file, of at least one byte */
    static MappingGuard of(MemorySegment mapping) {
        NativeLibraries.load();
        KernelCall.check(KernelsHeader.hw_guard(mapping, mapping.byteSize()));
        used = true;
        return new MappingGuard(mapping);
    }

    /** Whether something was missing since the guarding began. */
    boolean torn() {
        return KernelsHeader.hw_torn(mapping) > 0;
    }

    /** How often something was missing in any mapping, since the process began. */
    public static long faults() {
        return used ? KernelsHeader.hw_torn(MemorySegment.NULL) : 0;
    }

    /** Before the mapping is unmapped. */
    @Override
    public void close() {
        KernelCall.check(KernelsHeader.hw_unguard(mapping));
    }
}
