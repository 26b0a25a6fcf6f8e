package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_active;
import dev.headwater.bindings.kernels.hw_bf16_matrix;
import dev.headwater.bindings.kernels.hw_exec;
import dev.headwater.bindings.kernels.hw_layout;
import dev.headwater.bindings.kernels.hw_matrix;
import dev.headwater.bindings.kernels.hw_pattern;
import dev.headwater.bindings.kernels.hw_ragged;
import dev.headwater.bindings.kernels.hw_rows;
import dev.headwater.bindings.kernels.hw_runs;
import dev.headwater.bindings.kernels.hw_segments;
import dev.headwater.bindings.kernels.hw_vector;
import dev.headwater.bindings.torch.TorchCuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of one call of a kernel: C views of tensors, which all lie on the call's device and stay alive until it is
 * closed.
 */
final class KernelCall implements AutoCloseable {
    /** What the views of the largest call take. */
    private static final long BYTES = 1024;
    /** What of the processor's calls never changes. */
    private static final MemorySegment ON_CPU = hw_exec.allocate(Arena.global());

    static {
        hw_exec.device(ON_CPU, -1);
    }

    private final Device device;
    private final Arena arena = Arena.ofConfined();
    private final SegmentAllocator allocator = SegmentAllocator.slicingAllocator(arena.allocate(BYTES, 8));
    private final TensorUse use = new TensorUse();

    KernelCall(Device device) {
        this.device = device;
    }

    /** Where the kernel runs: on a GPU, on the stream that this thread's operators of libtorch run on. */
    MemorySegment exec() {
        if (device.type() != Device.Type.CUDA) {
            return ON_CPU;
        }
        MemorySegment stream = allocator.allocate(ADDRESS);
        Shim.check(TorchCuda.aoti_torch_get_current_cuda_stream(device.index(), stream), "get_current_cuda_stream");
        MemorySegment exec = hw_exec.allocate(allocator);
        hw_exec.device(exec, device.index());
        hw_exec.stream(exec, stream.get(ADDRESS, 0));
        return exec;
    }

    /** The elements of a contiguous tensor of this type on the call's device. */
    private MemorySegment elements(String name, Tensor tensor, DType type) {
        if (tensor.dtype() != type || !tensor.isContiguous()) {
            throw new IllegalArgumentException(name + " is " + tensor + ", not contiguous " + type);
        }
        if (!tensor.device().equals(device)) {
            throw new IllegalArgumentException(name + " is on " + tensor.device() + ", not on " + device);
        }
        return use.elements(tensor);
    }

    private MemorySegment elements(String name, IndexArray numbers) {
        if (!numbers.device().equals(device)) {
            throw new IllegalArgumentException(name + " are on " + numbers.device() + ", not on " + device);
        }
        return numbers.elements(use);
    }

    /** @param tensor F32 of rank 2 */
    MemorySegment matrix(String name, Tensor tensor) {
        Kernels.rank(name, tensor, 2);
        MemorySegment view = hw_matrix.allocate(allocator);
        hw_matrix.data(view, elements(name, tensor, DType.F32));
        hw_matrix.rows(view, tensor.size(0));
        hw_matrix.columns(view, tensor.size(1));
        return view;
    }

    /** Rows from one on, so many, of an F32 matrix. */
    MemorySegment rowsOf(String name, Tensor tensor, long first, long rows) {
        MemorySegment view = matrix(name, tensor);
        hw_matrix.data(
                view, MemorySegment.ofAddress(hw_matrix.data(view).address() + first * tensor.size(1) * Float.BYTES));
        hw_matrix.rows(view, rows);
        return view;
    }

    /** @param tensor F32 of rank 1, or null */
    MemorySegment vector(String name, @Nullable Tensor tensor) {
        if (tensor == null) {
            return MemorySegment.NULL;
        }
        Kernels.rank(name, tensor, 1);
        MemorySegment view = hw_vector.allocate(allocator);
        hw_vector.data(view, elements(name, tensor, DType.F32));
        hw_vector.count(view, tensor.size(0));
        return view;
    }

    /** Floats of a shipment, or null. */
    MemorySegment vector(String name, @Nullable IndexArray floats) {
        if (floats == null) {
            return MemorySegment.NULL;
        }
        MemorySegment view = hw_vector.allocate(allocator);
        hw_vector.data(view, elements(name, floats));
        hw_vector.count(view, floats.count());
        return view;
    }

    /** A part of a BF16 tensor's elements as a matrix. */
    MemorySegment bf16(String name, Tensor tensor, long first, long rows, long columns, long stride) {
        java.util.Objects.checkFromIndexSize(first, rows == 0 ? 0 : (rows - 1) * stride + columns, tensor.numel());
        MemorySegment view = hw_bf16_matrix.allocate(allocator);
        hw_bf16_matrix.data(
                view, MemorySegment.ofAddress(elements(name, tensor, DType.BF16).address() + first * Short.BYTES));
        hw_bf16_matrix.rows(view, rows);
        hw_bf16_matrix.columns(view, columns);
        hw_bf16_matrix.stride(view, stride);
        return view;
    }

    /** @param tensor F32 [heads, P, P] */
    MemorySegment pattern(Tensor tensor) {
        Kernels.rank("pattern", tensor, 3);
        if (tensor.size(1) != tensor.size(2)) {
            throw new IllegalArgumentException("pattern is " + tensor + ", not [heads, P, P]");
        }
        MemorySegment view = hw_pattern.allocate(allocator);
        hw_pattern.data(view, elements("pattern", tensor, DType.F32));
        hw_pattern.heads(view, tensor.size(0));
        hw_pattern.positions(view, tensor.size(1));
        return view;
    }

    MemorySegment rows(RowNumbers rows) {
        MemorySegment view = hw_rows.allocate(allocator);
        hw_rows.index(view, elements("row numbers", rows.numbers()));
        hw_rows.count(view, rows.count());
        hw_rows.limit(view, rows.limit());
        return view;
    }

    MemorySegment ragged(Ragged ragged) {
        MemorySegment view = hw_ragged.allocate(allocator);
        hw_ragged.offset(view, elements("offsets", ragged.offsets()));
        hw_ragged.position(view, elements("positions", ragged.positionNumbers()));
        hw_ragged.targets(view, ragged.targets());
        hw_ragged.positions(view, ragged.positions());
        hw_ragged.rows(view, ragged.rows());
        return view;
    }

    MemorySegment segments(Segments segments) {
        MemorySegment view = hw_segments.allocate(allocator);
        hw_segments.start(view, elements("segments", segments.starts()));
        hw_segments.positions(view, segments.positions());
        hw_segments.sources(view, segments.sources());
        return view;
    }

    /** @param out F32 of any shape */
    MemorySegment runs(EdgeSlots slots, Tensor out) {
        MemorySegment view = hw_runs.allocate(allocator);
        hw_runs.data(view, elements("out", out, DType.F32));
        hw_runs.count(view, out.numel());
        hw_runs.base(view, elements("slots", slots.bases()));
        hw_runs.targets(view, slots.bases().count());
        hw_runs.reach(view, slots.reach());
        return view;
    }

    /** Room for active entries: I32, I32 and F32 [capacity]. */
    MemorySegment active(Tensor rows, Tensor columns, Tensor values) {
        MemorySegment view = hw_active.allocate(allocator);
        hw_active.row(view, elements("rows", rows, DType.I32));
        hw_active.column(view, elements("columns", columns, DType.I32));
        hw_active.value(view, elements("values", values, DType.F32));
        hw_active.capacity(view, values.size(0));
        return view;
    }

    /** @param room for active entries' rows, columns and the bits of their values: I32 [3, capacity] */
    MemorySegment active(Tensor room) {
        MemorySegment view = hw_active.allocate(allocator);
        MemorySegment elements = elements("room", room, DType.I32);
        long capacity = room.size(1);
        hw_active.row(view, elements);
        hw_active.column(view, elements.asSlice(capacity * Integer.BYTES));
        hw_active.value(view, elements.asSlice(2 * capacity * Integer.BYTES));
        hw_active.capacity(view, capacity);
        return view;
    }

    MemorySegment layout(long elements, long rowStride, long columnStride, DType type) {
        int code = switch (type) {
            case F32 -> KernelsHeader.HW_F32();
            case BF16 -> KernelsHeader.HW_BF16();
            case F16 -> KernelsHeader.HW_F16();
            case F64 -> KernelsHeader.HW_F64();
            default -> throw new IllegalArgumentException("rows of type " + type + " are not numbers to gather");
        };
        MemorySegment view = hw_layout.allocate(allocator);
        hw_layout.elements(view, elements);
        hw_layout.row_stride(view, rowStride);
        hw_layout.column_stride(view, columnStride);
        hw_layout.dtype(view, code);
        return view;
    }

    /** A tensor's elements as they are. */
    MemorySegment raw(String name, Tensor tensor) {
        return elements(name, tensor, tensor.dtype());
    }

    /** @throws NativeException with the kernel's name and what it says, if the status is not that of success */
    static void check(int status) {
        if (status != KernelsHeader.HW_OK()) {
            throw new NativeException("kernel: " + KernelsHeader.hw_last_error().getString(0));
        }
    }

    @Override
    public void close() {
        use.close();
        arena.close();
    }
}
