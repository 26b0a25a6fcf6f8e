package dev.headwater.bindings;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Numbers in a {@link Shipment}, or some of them; with what the host knows of them, so that calls are checked without a look at the device. */
public final class IndexArray {
    private final Shipment shipment;
    private final DType type;
    private final int word;
    private final long[] values;
    private final int first;
    private final int count;

    /**
     * @param word   of the shipment where all begin
     * @param values all, of I64; else empty
     * @param first  of these from all
     */
    IndexArray(Shipment shipment, DType type, int word, long[] values, int first, int count) {
        this.shipment = shipment;
        this.type = type;
        this.word = word;
        this.values = values;
        this.first = first;
        this.count = count;
    }

    /** How many there are. */
    public int count() {
        return count;
    }

    /** Where they are used. */
    public Device device() {
        return shipment.device();
    }

    /**
     * Some of them.
     *
     * @throws IndexOutOfBoundsException if there are not so many
     */
    public IndexArray range(int from, int length) {
        Objects.checkFromIndexSize(from, length, count);
        return new IndexArray(shipment, type, word, values, first + from, length);
    }

    /** I64 [count], a view; of 64-bit numbers alone. */
    public Tensor tensor() {
        if (type != DType.I64) {
            throw new IllegalStateException("numbers of type " + type + " are for kernels");
        }
        return TorchShape.narrow(shipment.numbers(), 0, word + (long) first, count);
    }

    /** One of the numbers, as the host knows it. */
    long value(int index) {
        return values[first + Objects.checkIndex(index, count)];
    }

    /** Their memory on the device, until the use ends. */
    MemorySegment elements(TensorUse use) {
        return use.elements(shipment.numbers())
                .asSlice(word * 8L + (long) first * type.bytes(), (long) count * type.bytes());
    }
}
