package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * An arena of memory that native code may keep reading: mapped files that tensors are made over, edges that kernels walk.
 * Closed, it gives out nothing new, and its memory is freed as soon as the last of those readers is gone, in whatever thread
 * that is; so closing neither waits nor pulls memory from under a call. May be used by several threads.
 */
public final class NativeArena implements Arena {
    private static final long LARGE = 1 << 20;
    private static final MethodHandle CALLOC = function("calloc", FunctionDescriptor.of(ADDRESS, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle FREE = function("free", FunctionDescriptor.ofVoid(ADDRESS));

    private static final ConcurrentHashMap<MemorySegment.Scope, NativeArena> OPEN = new ConcurrentHashMap<>();

    private final Arena arena = Arena.ofShared();
    /** Readers, and one for the arena's being open; at 0 the memory is freed. */
    private final AtomicInteger leases = new AtomicInteger(1);

    private boolean closed;
    private @Nullable MemorySegment mapping;
    private @Nullable MappingGuard guard;

    private NativeArena() {}

    private static MethodHandle function(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type);
    }

    /** A new arena. */
    public static NativeArena open() {
        NativeArena opened = new NativeArena();
        OPEN.put(opened.scope(), opened);
        return opened;
    }

    /**
     * Has a mapping of a file in this arena guarded from the time when native code first reads of it: Java's own reads need
     * no guard.
     */
    public synchronized void guard(MemorySegment whole) {
        mapping = whole.byteSize() == 0 ? null : whole;
    }

    /** Whether the guarded mapping has lost something that native code, or Java after it, wanted to read. */
    public synchronized boolean isTorn() {
        return guard != null && guard.torn();
    }

    /**
     * Zeros. Large blocks are those of {@code calloc}, which are zero without being written: whoever fills them first has
     * their pages made, on all its threads.
     *
     * @throws OutOfMemoryError if there is not so much memory
     */
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return byteSize < LARGE ? arena.allocate(byteSize, byteAlignment) : large(byteSize, byteAlignment);
    }

    private MemorySegment large(long byteSize, long byteAlignment) {
        long whole = Math.addExact(byteSize, byteAlignment);
        try {
            MemorySegment block = (MemorySegment) CALLOC.invokeExact(1L, whole);
            if (block.address() == 0) {
                throw new OutOfMemoryError("there are no " + byteSize + " bytes of native memory");
            }
            return owned(block, whole).asSlice(Math.floorMod(-block.address(), byteAlignment), byteSize);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("calloc throws nothing", e);
        }
    }

    private MemorySegment owned(MemorySegment block, long size) {
        try {
            return block.reinterpret(size, arena, NativeArena::free);
        } catch (RuntimeException | Error closed) {
            free(block);
            throw closed;
        }
    }

    private static void free(MemorySegment block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable e) {
            throw new AssertionError("free throws nothing", e);
        }
    }

    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    /** Closing twice is harmless. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        give();
    }

    /** Keeps memory from being freed. */
    @FunctionalInterface
    interface Lease extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Keeps the segment's memory until the lease is closed.
     *
     * @throws IllegalArgumentException if the memory is native and of another arena than this kind or the global one
     * @throws IllegalStateException    if its arena is closed
     */
    static Lease lease(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("native memory is needed here, not a Java array");
        }
        if (memory.scope().equals(Arena.global().scope())) {
            return () -> {};
        }
        NativeArena arena = OPEN.get(memory.scope());
        if (arena == null) {
            if (!memory.scope().isAlive()) {
                throw new IllegalStateException("the memory was freed: its file or its owner was closed");
            }
            throw new IllegalArgumentException("memory that native code is to keep must come from a NativeArena");
        }
        arena.take();
        AtomicInteger given = new AtomicInteger();
        return () -> {
            if (given.getAndSet(1) == 0) {
                arena.give();
            }
        };
    }

    private synchronized void take() {
        if (closed) {
            throw new IllegalStateException("the memory was freed: its file or its owner was closed");
        }
        if (mapping != null && guard == null) {
            guard = MappingGuard.of(mapping);
        }
        leases.incrementAndGet();
    }

    private synchronized void unguard() {
        if (guard != null) {
            guard.close();
            guard = null;
        }
        mapping = null;
    }

    private void give() {
        if (leases.decrementAndGet() == 0) {
            OPEN.remove(scope());
            unguard();
            if (!freed()) {
                // Java itself is writing the memory to a file, or the like. libtorch may be the caller: it must not
                // wait or fail.
                Thread.ofPlatform().daemon().name("headwater-free").start(() -> {
                    while (!freed()) {
                        LockSupport.parkNanos(1_000_000);
                    }
                });
            }
        }
    }

    private boolean freed() {
        try {
            arena.close();
            return true;
        } catch (IllegalStateException inUse) {
            return false;
        }
    }
}
