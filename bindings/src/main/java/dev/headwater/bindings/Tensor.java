package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of libtorch: an owned handle with its shape, element type and device, which never change. Several threads may use
 * one at once, and close it: use after {@link #close} is an {@link IllegalStateException}, never a crash, and a native call
 * that is under way then still sees the tensor.
 */
public final class Tensor implements AutoCloseable {
    private final Handle handle;
    private final long[] shape;
    private final DType dtype;
    private final Device device;
    private final boolean contiguous;
    /** The block that will free this tensor; null if it is the caller's. */
    @Nullable
    TensorOwner owner;
    /** Where the elements begin; 0 until it is asked for. */
    private long address;
    /** Bounds the life of what {@link #data} gave out; null until it is asked for. */
    private @Nullable Arena life;

    private Tensor(Handle owned) {
        this.handle = owned;
        MemorySegment handle = owned.acquire();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            Shim.check(TorchShim.aoti_torch_get_dim(handle, out), "get_dim");
            int rank = (int) out.get(JAVA_LONG, 0);
            Shim.check(TorchShim.aoti_torch_get_sizes(handle, out), "get_sizes");
            shape = new long[rank];
            if (rank > 0) {
                MemorySegment sizes = out.get(ADDRESS, 0).reinterpret(8L * rank);
                MemorySegment.copy(sizes, JAVA_LONG, 0, shape, 0, rank);
            }
            Shim.check(TorchShim.aoti_torch_get_dtype(handle, out), "get_dtype");
            dtype = Shim.dtype(out.get(JAVA_INT, 0));
            Shim.check(TorchShim.aoti_torch_get_device_type(handle, out), "get_device_type");
            int type = out.get(JAVA_INT, 0);
            Shim.check(TorchShim.aoti_torch_get_device_index(handle, out), "get_device_index");
            device = owned.pretended() ? Device.PRETENDED : Shim.device(type, out.get(JAVA_INT, 0));
            Shim.check(TorchShim.aoti_torch_is_contiguous(handle, out), "is_contiguous");
            contiguous = out.get(JAVA_BOOLEAN, 0);
        } finally {
            owned.release();
        }
        TensorOwner.own(this);
    }

    /** Takes ownership of the handle, which is freed if it can't become a tensor. */
    static Tensor owning(Handle handle) {
        try {
            return new Tensor(handle);
        } catch (RuntimeException | Error e) {
            handle.close();
            throw e;
        }
    }

    /**
     * A tensor with whatever its memory holds.
     *
     * @throws IllegalArgumentException if a size is negative
     * @throws ArithmeticException      if there are more elements than can be numbered
     */
    public static Tensor empty(DType dtype, Device device, long... shape) {
        NativeLibraries.load();
        count(shape); // rejects negative sizes before native code sees them
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Shim.check(
                    TorchShim.aoti_torch_empty_strided(
                            shape.length,
                            Shim.longs(arena, shape),
                            Shim.longs(arena, strides(shape)),
                            Shim.code(dtype),
                            Shim.code(device),
                            device.index(),
                            out),
                    "empty_strided");
            return owning(new Handle(out.get(ADDRESS, 0), Pretence.takes(device)));
        }
    }

    /** A tensor of zeros. */
    public static Tensor zeros(DType dtype, Device device, long... shape) {
        return filled(0, dtype, device, shape);
    }

    /** A tensor of the same number everywhere. */
    public static Tensor full(double value, DType dtype, Device device, long... shape) {
        return filled(value, dtype, device, shape);
    }

    private static Tensor filled(double value, DType dtype, Device device, long... shape) {
        Tensor tensor = empty(dtype, device, shape);
        if (value == 0 && device.isCpu()) {
            MemorySegment memory = tensor.acquire();
            try {
                memory.fill((byte) 0);
            } finally {
                tensor.release();
            }
            return tensor;
        }
        try (Tensor number = number(value)) {
            Operator.FILL.call().tensor(tensor.handle).tensor(number.handle).runInPlace();
            return tensor;
        } catch (RuntimeException | Error e) {
            tensor.close();
            throw e;
        }
    }

    /** A number as a 0-dim float64 CPU tensor, which broadcasts with tensors of any device. */
    static Tensor number(double value) {
        NativeLibraries.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Shim.check(TorchShim.aoti_torch_scalar_to_tensor_float64(value, out), "scalar_to_tensor");
            return owning(new Handle(out.get(ADDRESS, 0)));
        }
    }

    /**
     * An {@link DType#F32} tensor in the CPU's memory with these elements in row-major order.
     *
     * @throws IllegalArgumentException if their number is not the shape's
     */
    public static Tensor ofFloats(float[] values, long... shape) {
        return host(DType.F32, values.length, shape, MemorySegment.ofArray(values));
    }

    /**
     * An {@link DType#I64} tensor in the CPU's memory with these elements in row-major order.
     *
     * @throws IllegalArgumentException if their number is not the shape's
     */
    public static Tensor ofLongs(long[] values, long... shape) {
        return host(DType.I64, values.length, shape, MemorySegment.ofArray(values));
    }

    /**
     * An {@link DType#I32} tensor in the CPU's memory with these elements in row-major order.
     *
     * @throws IllegalArgumentException if their number is not the shape's
     */
    public static Tensor ofInts(int[] values, long... shape) {
        return host(DType.I32, values.length, shape, MemorySegment.ofArray(values));
    }

    private static Tensor host(DType dtype, int length, long[] shape, MemorySegment values) {
        if (count(shape) != length) {
            throw new IllegalArgumentException(length + " values do not fill shape " + Arrays.toString(shape));
        }
        Tensor tensor = empty(dtype, Device.CPU, shape);
        MemorySegment memory = tensor.acquire();
        try {
            memory.copyFrom(values);
        } finally {
            tensor.release();
        }
        return tensor;
    }

    /**
     * A CPU tensor over memory that it does not own, a mapped file for instance, which stays until this tensor and every view
     * of it are gone. A read-only mapping must not be written through it.
     *
     * @param data of a {@link NativeArena}, or of the global arena
     * @throws IllegalArgumentException if it is of another arena, or too short for the shape
     * @throws IllegalStateException    if it was freed
     */
    public static Tensor borrow(MemorySegment data, DType dtype, long... shape) {
        NativeLibraries.load();
        long bytes = Math.multiplyExact(count(shape), (long) dtype.bytes());
        if (!data.isNative() || data.byteSize() < bytes) {
            throw new IllegalArgumentException("a tensor of shape " + Arrays.toString(shape) + " and type " + dtype
                    + " needs " + bytes + " bytes of native memory; the segment has " + data.byteSize());
        }
        return Borrowed.tensor(data, dtype, shape, strides(shape));
    }

    /** A copy of the shape, the outermost dimension first. */
    public long[] shape() {
        return shape.clone();
    }

    /** Size of a dimension; negative counts from the last. */
    public long size(int dimension) {
        return shape[dimension < 0 ? shape.length + dimension : dimension];
    }

    /** Number of dimensions. */
    public int rank() {
        return shape.length;
    }

    /** Number of elements. */
    public long numel() {
        return count(shape);
    }

    /** Element type. */
    public DType dtype() {
        return dtype;
    }

    /** Where the elements are. */
    public Device device() {
        return device;
    }

    /** True if the elements lie in row-major order without gaps. */
    public boolean isContiguous() {
        return contiguous;
    }

    /**
     * The elements in the CPU's memory. The segment's life ends with this tensor: reading it later is an
     * {@link IllegalStateException}.
     *
     * @throws IllegalStateException if the tensor is on a GPU, not contiguous or closed
     */
    public synchronized MemorySegment data() {
        if (!device.isCpu()) {
            throw new IllegalStateException("the tensor of shape " + Arrays.toString(shape) + " is on " + device
                    + ", whose memory Java can't read");
        }
        long start = address();
        if (life == null) {
            life = Arena.ofShared();
        }
        return MemorySegment.ofAddress(start).reinterpret(numel() * dtype.bytes(), life, null);
    }

    /** The elements' address, on their device; the tensor must be contiguous and open. */
    private long address() {
        if (!contiguous) {
            throw new IllegalStateException("the tensor of shape " + Arrays.toString(shape) + " is not contiguous");
        }
        MemorySegment pointer = handle.acquire();
        try {
            if (address == 0) {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment out = arena.allocate(ADDRESS);
                    Shim.check(TorchShim.aoti_torch_get_data_ptr(pointer, out), "get_data_ptr");
                    address = out.get(JAVA_LONG, 0);
                }
            }
            return address;
        } finally {
            handle.release();
        }
    }

    /** The elements for a native call, on their device, until {@link #release}; close() meanwhile waits for that. */
    MemorySegment acquire() {
        long start = address();
        handle.acquire();
        return MemorySegment.ofAddress(start).reinterpret(numel() * dtype.bytes());
    }

    void release() {
        handle.release();
    }

    Handle handle() {
        return handle;
    }

    /** Copies source into this tensor, converting type and device; shapes broadcast. */
    void copyFrom(Tensor source) {
        copyFrom(source, false);
    }

    /** @param locked whether the host's side is page-locked memory that libtorch keeps until the copy is done, which needs no waiting */
    void copyFrom(Tensor source, boolean locked) {
        Traffic.copied(source.device, device, numel() * dtype.bytes(), !locked);
        MemorySegment to = handle.acquire();
        try {
            MemorySegment from = source.handle.acquire();
            try {
                Shim.check(TorchShim.aoti_torch_copy_(to, from, locked ? 1 : 0), "copy_");
            } finally {
                source.handle.release();
            }
        } finally {
            handle.release();
        }
    }

    /** The elements in row-major order, converted. */
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(numel())];
        copyTo(DType.F32, MemorySegment.ofArray(values));
        return values;
    }

    /** The elements in row-major order, converted. */
    public double[] toDoubles() {
        double[] values = new double[Math.toIntExact(numel())];
        copyTo(DType.F64, MemorySegment.ofArray(values));
        return values;
    }

    /** The elements in row-major order, converted. */
    public long[] toLongs() {
        long[] values = new long[Math.toIntExact(numel())];
        copyTo(DType.I64, MemorySegment.ofArray(values));
        return values;
    }

    /** The elements in row-major order, converted. */
    public int[] toInts() {
        int[] values = new int[Math.toIntExact(numel())];
        copyTo(DType.I32, MemorySegment.ofArray(values));
        return values;
    }

    private void copyTo(DType type, MemorySegment values) {
        if (contiguous && device.isCpu() && dtype == type) {
            MemorySegment memory = acquire();
            try {
                values.copyFrom(memory);
            } finally {
                release();
            }
            return;
        }
        try (Tensor host = empty(type, Device.CPU, shape)) {
            host.copyFrom(this);
            host.copyTo(type, values);
        }
    }

    /**
     * The only element of a tensor with one.
     *
     * @throws IllegalStateException if there are more, or none
     */
    public float item() {
        if (numel() != 1) {
            throw new IllegalStateException("a tensor of shape " + Arrays.toString(shape) + " is not one number");
        }
        return toFloats()[0];
    }

    /**
     * Frees the tensor, at once or with the last native call that is using it. Closing twice is harmless.
     *
     * @throws IllegalStateException if Java code elsewhere is just writing {@link #data} to a file, or the like
     */
    @Override
    public synchronized void close() {
        if (life != null) {
            life.close();
            life = null;
        }
        owner = null;
        handle.close();
    }

    static long count(long[] shape) {
        long count = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("negative size in shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, size);
        }
        return count;
    }

    private static long[] strides(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= Math.max(1, shape[i]);
        }
        return strides;
    }

    @Override
    public String toString() {
        return "Tensor" + Arrays.toString(shape) + " " + dtype + " on " + device
                + (handle.isClosed() ? " (closed)" : "");
    }
}
