package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Arrays that a device needs from the host, put together first and sent at once: two copies at most, one of index arrays and one of
 * float32 rows, whatever their number. To a GPU they go from page-locked memory, and the thread does not wait. On the CPU nothing is
 * copied: what was put in is what comes out.
 *
 * <p>What was put in can be used once {@link #send} was called, and belongs to the scope that was open then.
 */
public final class Shipment {
    private static final Operator PIN_MEMORY = new Operator("pin_memory", "");

    private final Device device;
    private long[] words = new long[64];
    private int count;
    private final List<Rows> rows = new ArrayList<>();
    private @Nullable Tensor sent;

    /** An empty one. */
    public Shipment(Device device) {
        this.device = device;
    }

    /** Where it goes. */
    public Device device() {
        return device;
    }

    /** Puts numbers in. */
    public IndexArray longs(long[] values) {
        int first = room(values.length);
        System.arraycopy(values, 0, words, first, values.length);
        return new IndexArray(this, DType.I64, first, values.clone(), 0, values.length);
    }

    /** Puts numbers in, as 64-bit ones. */
    public IndexArray longs(int[] values) {
        return longs(Arrays.stream(values).asLongStream().toArray());
    }

    /** Puts 32-bit numbers in. */
    IndexArray ints(int[] values) {
        int first = room((values.length + 1) / 2);
        MemorySegment.copy(
                MemorySegment.ofArray(values), 0, MemorySegment.ofArray(words), first * 8L, values.length * 4L);
        return new IndexArray(this, DType.I32, first, new long[0], 0, values.length);
    }

    /** Puts floats in, for kernels alone. */
    IndexArray floats(float[] values) {
        int first = room((values.length + 1) / 2);
        MemorySegment.copy(
                MemorySegment.ofArray(values), 0, MemorySegment.ofArray(words), first * 8L, values.length * 4L);
        return new IndexArray(this, DType.F32, first, new long[0], 0, values.length);
    }

    private int room(int more) {
        if (sent != null) {
            throw new IllegalStateException("the shipment was sent");
        }
        int first = count;
        count = Math.addExact(count, more);
        if (count > words.length) {
            words = Arrays.copyOf(words, Math.max(count, Math.addExact(words.length, words.length / 2)));
        }
        return first;
    }

    /** A matrix in a shipment. */
    public static final class Rows {
        private final Tensor host;
        private @Nullable Tensor there;

        private Rows(Tensor host) {
            this.host = host;
        }

        /** The matrix where the shipment went. */
        public Tensor tensor() {
            if (there == null) {
                throw new IllegalStateException("the shipment was not sent");
            }
            return there;
        }
    }

    /**
     * Puts a matrix in.
     *
     * @param matrix F32 of rank 2 in the host's memory, contiguous, unchanged until this is sent
     */
    public Rows rows(Tensor matrix) {
        if (matrix.rank() != 2
                || matrix.dtype() != DType.F32
                || !matrix.device().isCpu()
                || sent != null) {
            throw new IllegalArgumentException(matrix + " can't be put into a shipment");
        }
        Rows put = new Rows(matrix);
        rows.add(put);
        return put;
    }

    /** Sends all of it; once. */
    public void send() {
        if (sent != null) {
            throw new IllegalStateException("the shipment was sent");
        }
        Tensor numbers = Tensor.empty(DType.I64, Device.CPU, count);
        MemorySegment memory = numbers.acquire();
        try {
            MemorySegment.copy(words, 0, memory, JAVA_LONG, 0, count);
        } finally {
            numbers.release();
        }
        words = new long[0];
        sent = device.isCpu() ? numbers : over(numbers);
        if (device.isCpu()) {
            rows.forEach(put -> put.there = put.host);
        } else if (!rows.isEmpty()) {
            sendRows();
        }
    }

    private void sendRows() {
        try (var scope = TensorScope.open()) {
            Tensor all = Tensor.empty(
                    DType.F32,
                    Device.CPU,
                    rows.stream().mapToLong(put -> put.host.numel()).sum());
            long at = 0;
            for (Rows put : rows) {
                TorchShape.reshape(TorchShape.narrow(all, 0, at, put.host.numel()), put.host.shape())
                        .copyFrom(put.host);
                at += put.host.numel();
            }
            Tensor there = scope.keep(over(all));
            at = 0;
            for (Rows put : rows) {
                put.there = scope.keep(
                        TorchShape.reshape(TorchShape.narrow(there, 0, at, put.host.numel()), put.host.shape()));
                at += put.host.numel();
            }
        }
    }

    private Tensor over(Tensor host) {
        Tensor there = Tensor.empty(host.dtype(), device, host.shape());
        try {
            copy(there, host);
            return there;
        } catch (RuntimeException | Error e) {
            there.close();
            throw e;
        }
    }

    /**
     * Copies a host's tensor to a device's of the same shape and type by way of page-locked memory: the thread does not wait for the
     * bus, so that what it reads from a file next is read meanwhile. On the CPU a plain copy.
     */
    public static void copy(Tensor target, Tensor source) {
        if (source.numel() == 0) {
            return;
        }
        if (!source.device().isCpu()
                || target.device().isCpu()
                || target.dtype() != source.dtype()
                || !target.isContiguous()) {
            target.copyFrom(source);
            return;
        }
        try (var _ = TensorScope.open()) {
            Tensor block = Torch.contiguous(source);
            // libtorch keeps page-locked memory until the copies from it are done, whoever frees it before.
            target.copyFrom(
                    target.device().type() == Device.Type.CUDA
                            ? Tensor.owning(PIN_MEMORY
                                    .call()
                                    .tensor(block.handle())
                                    .none()
                                    .run())
                            : block,
                    true);
        }
    }

    /** The index arrays, where they were sent. */
    Tensor numbers() {
        if (sent == null) {
            throw new IllegalStateException("the shipment was not sent");
        }
        return sent;
    }
}
