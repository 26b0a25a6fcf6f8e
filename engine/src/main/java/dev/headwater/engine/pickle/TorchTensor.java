package dev.headwater.engine.pickle;

import dev.headwater.bindings.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A tensor of a {@link TorchFile}: a view with strides of numbers that are mapped, valid while the file is open.
 *
 * @param storage its storage, little-endian
 * @param offset  of the first element, in elements
 * @param shape   [rank]
 * @param strides in elements, not negative [rank]
 */
public record TorchTensor(DType dtype, MemorySegment storage, long offset, long[] shape, long[] strides) {
    private static final int MAX_RANK = 8;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * @throws IllegalArgumentException if it reaches beyond its storage, or has more elements than that (as expanded views
     *      have, which could ask for any amount of memory)
     */
    public TorchTensor {
        if (shape.length != strides.length || shape.length > MAX_RANK) {
            throw new IllegalArgumentException(
                    "holds a tensor of %d sizes and %d strides".formatted(shape.length, strides.length));
        }
        long held = storage.byteSize() / dtype.bytes();
        boolean fits = offset >= 0;
        try {
            long elements = 1;
            long last = offset;
            for (int i = 0; i < shape.length; i++) {
                fits &= shape[i] >= 0 && strides[i] >= 0;
                elements = Math.multiplyExact(elements, shape[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(shape[i] - 1, 0), strides[i]));
            }
            fits &= elements == 0 || last < held && elements <= held;
        } catch (ArithmeticException e) {
            fits = false;
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    "holds a tensor of shape %s with strides %s from element %d on, which does not fit its storage of %d elements"
                            .formatted(Arrays.toString(shape), Arrays.toString(strides), offset, held));
        }
    }

    /** {@return the number of dimensions} */
    public int rank() {
        return shape.length;
    }

    /** {@return the number of elements} */
    public long elements() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /** All elements of a tensor of integers or truth values, row-major. */
    public long[] integers() {
        if (dtype.isFloating()) {
            throw new IllegalArgumentException("holds %s where integers belong".formatted(dtype));
        }
        long[] values = new long[Math.toIntExact(elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = integerAt(at(i));
        }
        return values;
    }

    /** All elements as float32, row-major. */
    public float[] floats() {
        float[] values = new float[Math.toIntExact(elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = floatAt(at(i));
        }
        return values;
    }

    /** Row r of a matrix as float32. */
    public void copyRow(int r, float[] into) {
        long start = offset + r * strides[0];
        if (dtype == DType.F32 && strides[1] == 1) {
            MemorySegment.copy(
                    storage,
                    ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
                    start * Float.BYTES,
                    into,
                    0,
                    Math.toIntExact(shape[1]));
            return;
        }
        for (int c = 0; c < shape[1]; c++) {
            into[c] = floatAt(start + c * strides[1]);
        }
    }

    private long at(long i) {
        long at = offset;
        for (int d = shape.length - 1; d >= 0; d--) {
            at += i % shape[d] * strides[d];
            i /= shape[d];
        }
        return at;
    }

    private float floatAt(long at) {
        return switch (dtype) {
            case F32 -> Float.intBitsToFloat(storage.get(INT, at * Float.BYTES));
            case F64 -> (float) Double.longBitsToDouble(storage.get(LONG, at * Double.BYTES));
            case F16 -> Float.float16ToFloat(storage.get(SHORT, at * Short.BYTES));
            case BF16 -> Float.intBitsToFloat(storage.get(SHORT, at * Short.BYTES) << 16);
            default -> integerAt(at);
        };
    }

    private long integerAt(long at) {
        return switch (dtype) {
            case I64 -> storage.get(LONG, at * Long.BYTES);
            case I32 -> storage.get(INT, at * Integer.BYTES);
            case I16 -> storage.get(SHORT, at * Short.BYTES);
            case I8 -> storage.get(ValueLayout.JAVA_BYTE, at);
            case U8, BOOL -> storage.get(ValueLayout.JAVA_BYTE, at) & 0xff;
            default -> (long) floatAt(at);
        };
    }
}
