package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A tensor of libtorch: an owned handle with its shape, element type and device, which never change. Not thread-safe;
 * use
 * after {@link #close} is an {@link IllegalStateException}, never a crash.
 */
public final class Tensor implements AutoCloseable {
    private final long[] shape;
    private final DType dtype;
    private final Device device;
    private final boolean contiguous;
    private MemorySegment handle;
    /** The scope that will free this tensor; null if it is the caller's. */
    TensorScope scope;

    /** Takes ownership of the handle. */
    Tensor(MemorySegment handle) {
        this.handle = handle;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            Torch.check(TorchShim.aoti_torch_get_dim(handle, out));
            int rank = (int) out.get(JAVA_LONG, 0);
            Torch.check(TorchShim.aoti_torch_get_sizes(handle, out));
            shape = new long[rank];
            if (rank > 0) {
                MemorySegment sizes = out.get(ADDRESS, 0).reinterpret(8L * rank);
                MemorySegment.copy(sizes, JAVA_LONG, 0, shape, 0, rank);
            }
            Torch.check(TorchShim.aoti_torch_get_dtype(handle, out));
            dtype = DType.ofTorchCode(out.get(JAVA_INT, 0));
            Torch.check(TorchShim.aoti_torch_get_device_type(handle, out));
            int type = out.get(JAVA_INT, 0);
            if (type == TorchShim.aoti_torch_device_type_cpu()) {
                device = Device.CPU;
            } else {
                Torch.check(TorchShim.aoti_torch_get_device_index(handle, out));
                device = new Device(Device.Type.CUDA, out.get(JAVA_INT, 0));
            }
            Torch.check(TorchShim.aoti_torch_is_contiguous(handle, out));
            contiguous = out.get(JAVA_BOOLEAN, 0);
        }
        TensorScope.register(this);
    }

    /** An uninitialised tensor. */
    public static Tensor empty(DType dtype, Device device, long... shape) {
        NativeLibraries.load();
        count(shape); // rejects negative sizes before native code sees them
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Torch.check(TorchShim.aoti_torch_empty_strided(
                    shape.length,
                    longs(arena, shape),
                    longs(arena, strides(shape)),
                    dtype.torchCode(),
                    device.torchType(),
                    device.index(),
                    out));
            return new Tensor(out.get(ADDRESS, 0));
        }
    }

    public static Tensor zeros(DType dtype, Device device, long... shape) {
        Tensor tensor = empty(dtype, device, shape);
        if (device.isCpu()) {
            tensor.data().fill((byte) 0);
        } else {
            Torch.zeroInPlace(tensor);
        }
        return tensor;
    }

    public static Tensor full(double value, DType dtype, Device device, long... shape) {
        Tensor tensor = empty(dtype, device, shape);
        Torch.fillInPlace(tensor, value);
        return tensor;
    }

    public static Tensor ofFloats(float[] values, long... shape) {
        Tensor tensor = host(DType.F32, values.length, shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    public static Tensor ofLongs(long[] values, long... shape) {
        Tensor tensor = host(DType.I64, values.length, shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_LONG, 0, values.length);
        return tensor;
    }

    public static Tensor ofInts(int[] values, long... shape) {
        Tensor tensor = host(DType.I32, values.length, shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_INT, 0, values.length);
        return tensor;
    }

    private static Tensor host(DType dtype, int length, long[] shape) {
        if (count(shape) != length) {
            throw new IllegalArgumentException(length + " values do not fill shape " + Arrays.toString(shape));
        }
        return empty(dtype, Device.CPU, shape);
    }

    /**
     * A CPU tensor over memory that it does not own, a mapped file for instance. The memory must outlive the tensor and
     * every
     * view of it; a read-only mapping must not be written through it.
     */
    public static Tensor borrow(MemorySegment data, DType dtype, long... shape) {
        NativeLibraries.load();
        long bytes = Math.multiplyExact(count(shape), (long) dtype.bytes());
        if (!data.isNative() || data.byteSize() < bytes) {
            throw new IllegalArgumentException("a tensor of shape " + Arrays.toString(shape) + " and type " + dtype
                    + " needs " + bytes + " bytes of native memory; the segment has " + data.byteSize());
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Torch.check(TorchShim.aoti_torch_create_tensor_from_blob(
                    data,
                    shape.length,
                    longs(arena, shape),
                    longs(arena, strides(shape)),
                    0,
                    dtype.torchCode(),
                    Device.CPU.torchType(),
                    0,
                    out));
            return new Tensor(out.get(ADDRESS, 0));
        }
    }

    public long[] shape() {
        return shape.clone();
    }

    /** Size of a dimension; negative counts from the last. */
    public long size(int dimension) {
        return shape[dimension < 0 ? shape.length + dimension : dimension];
    }

    public int rank() {
        return shape.length;
    }

    public long numel() {
        return count(shape);
    }

    public DType dtype() {
        return dtype;
    }

    public Device device() {
        return device;
    }

    public boolean isContiguous() {
        return contiguous;
    }

    /**
     * The elements in memory: host memory, or an address of the device that must not be read from Java. Contiguous
     * tensors only.
     */
    public MemorySegment data() {
        if (!contiguous) {
            throw new IllegalStateException("the tensor of shape " + Arrays.toString(shape) + " is not contiguous");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            Torch.check(TorchShim.aoti_torch_get_data_ptr(handle(), out));
            return out.get(ADDRESS, 0).reinterpret(numel() * dtype.bytes());
        }
    }

    public float[] toFloats() {
        try (var scope = TensorScope.open()) {
            return onHost(DType.F32).toArray(JAVA_FLOAT);
        }
    }

    public double[] toDoubles() {
        try (var scope = TensorScope.open()) {
            return onHost(DType.F64).toArray(JAVA_DOUBLE);
        }
    }

    public long[] toLongs() {
        try (var scope = TensorScope.open()) {
            return onHost(DType.I64).toArray(JAVA_LONG);
        }
    }

    public int[] toInts() {
        try (var scope = TensorScope.open()) {
            return onHost(DType.I32).toArray(JAVA_INT);
        }
    }

    public byte[] toBytes() {
        try (var scope = TensorScope.open()) {
            return onHost(dtype).toArray(JAVA_BYTE);
        }
    }

    private MemorySegment onHost(DType type) {
        return Torch.contiguous(Torch.to(Torch.to(this, Device.CPU), type)).data();
    }

    /** The only element of a tensor with one. */
    public float item() {
        if (numel() != 1) {
            throw new IllegalStateException("a tensor of shape " + Arrays.toString(shape) + " is not one number");
        }
        return toFloats()[0];
    }

    MemorySegment handle() {
        if (handle == null) {
            throw new IllegalStateException("the tensor of shape " + Arrays.toString(shape) + " was closed");
        }
        return handle;
    }

    @Override
    public void close() {
        if (handle != null) {
            MemorySegment old = handle;
            handle = null;
            scope = null;
            Torch.check(TorchShim.aoti_torch_delete_tensor_object(old));
        }
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

    private static MemorySegment longs(Arena arena, long[] values) {
        // A rank of zero still needs a pointer.
        return values.length == 0 ? arena.allocate(8) : arena.allocateFrom(JAVA_LONG, values);
    }

    @Override
    public String toString() {
        return "Tensor" + Arrays.toString(shape) + " " + dtype + " on " + device + (handle == null ? " (closed)" : "");
    }
}
