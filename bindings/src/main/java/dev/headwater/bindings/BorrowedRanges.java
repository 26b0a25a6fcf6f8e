package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Who still reads borrowed memory, for a libtorch that does not say when a storage ends. The data of a view lies inside its
 * storage's memory; so each reference to a tensor whose data lies in memory that was lent keeps that memory.
 */
final class BorrowedRanges {
    private static final TreeMap<Long, Range> RANGES = new TreeMap<>();
    /** How far below an address the range that holds it may begin. */
    private static long longest;

    private static final class Range {
        final NativeArena.Lease memory;
        long end;
        int users;

        Range(NativeArena.Lease memory) {
            this.memory = memory;
        }
    }

    private BorrowedRanges() {}

    /** Lends memory until the lease and those of all tensors over it are closed. */
    static synchronized NativeArena.Lease lend(MemorySegment data) {
        NativeArena.Lease memory = NativeArena.lease(data); // refuses what was closed, though it may still be read
        Range range = RANGES.get(data.address());
        if (range == null) {
            range = new Range(memory);
            RANGES.put(data.address(), range);
        } else {
            memory.close();
        }
        range.end = Math.max(range.end, data.address() + data.byteSize());
        longest = Math.max(longest, data.byteSize());
        return use(data.address(), range);
    }

    /** What a reference to the tensor has to hold; null if its memory is libtorch's own. */
    static NativeArena.@Nullable Lease lease(MemorySegment tensor) {
        long address;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Shim.check(TorchShim.aoti_torch_get_data_ptr(tensor, out), "get_data_ptr");
            address = out.get(ADDRESS, 0).address();
        }
        synchronized (BorrowedRanges.class) {
            var below = RANGES.floorEntry(address);
            while (below != null && address - below.getKey() < longest) {
                if (address < below.getValue().end) {
                    return use(below.getKey(), below.getValue());
                }
                below = RANGES.lowerEntry(below.getKey());
            }
        }
        return null;
    }

    private static NativeArena.Lease use(long start, Range range) {
        range.users++;
        return () -> end(start, range);
    }

    private static void end(long start, Range range) {
        synchronized (BorrowedRanges.class) {
            if (--range.users > 0) {
                return;
            }
            RANGES.remove(start, range);
        }
        range.memory.close();
    }

    /** An owned handle of a tensor over memory that is lent. */
    static MemorySegment handle(MemorySegment data, DType dtype, long[] shape, long[] strides) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Shim.check(
                    TorchShim.aoti_torch_create_tensor_from_blob_v2(
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
                            0),
                    "create_tensor_from_blob");
            return out.get(ADDRESS, 0);
        }
    }
}
