package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.headwater.bindings.torch.TorchShim;
import dev.headwater.bindings.torch.torch_from_blob$deleter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Memory that libtorch reads without owning it. libtorch counts the references to a tensor's storage, views and operators under
 * way included, and says when the last is gone: until then the memory is kept by a lease. libtorch 2.10 does not say it:
 * there {@link BorrowedRanges} counts.
 */
final class Borrowed {
    private static final boolean TELLS_THE_END = Shim.has("torch_from_blob");
    private static final ConcurrentHashMap<Long, NativeArena.Lease> LEASES = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBERS = new AtomicLong();
    /** libtorch's call when nothing refers to the storage any more; the context is the lease's number. It must not throw. */
    private static final MemorySegment DELETER = torch_from_blob$deleter.allocate(Borrowed::end, Arena.global());

    private Borrowed() {}

    private static void end(MemorySegment data, MemorySegment number) {
        NativeArena.Lease lease = LEASES.remove(number.address());
        if (lease != null) {
            lease.close();
        }
    }

    /** What a new reference to a tensor has to hold until it is freed; null if libtorch itself counts. */
    static NativeArena.@Nullable Lease lease(MemorySegment tensor) {
        return TELLS_THE_END ? null : BorrowedRanges.lease(tensor);
    }

    /** A tensor over the memory. */
    static Tensor tensor(MemorySegment data, DType dtype, long[] shape, long[] strides) {
        if (TELLS_THE_END) {
            return Tensor.owning(new Handle(counted(data, dtype, shape, strides)));
        }
        try (NativeArena.Lease _ = BorrowedRanges.lend(data)) {
            return Tensor.owning(new Handle(BorrowedRanges.handle(data, dtype, shape, strides)));
        }
    }

    private static MemorySegment counted(MemorySegment data, DType dtype, long[] shape, long[] strides) {
        NativeArena.Lease lease = NativeArena.lease(data);
        long number = NUMBERS.incrementAndGet();
        LEASES.put(number, lease);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Shim.check(
                    TorchShim.torch_from_blob(
                            data,
                            shape.length,
                            Shim.longs(arena, shape),
                            Shim.longs(arena, strides),
                            0,
                            Shim.code(dtype),
                            Shim.code(Device.CPU),
                            -1,
                            out,
                            TorchShim.aoti_torch_layout_strided(),
                            MemorySegment.NULL,
                            0,
                            DELETER,
                            MemorySegment.ofAddress(number)),
                    "from_blob");
            return out.get(ADDRESS, 0);
        } catch (RuntimeException | Error e) {
            LEASES.remove(number);
            lease.close();
            throw e;
        }
    }
}
