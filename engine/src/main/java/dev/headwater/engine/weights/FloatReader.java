package dev.headwater.engine.weights;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The elements of one floating-point tensor as float32. */
record FloatReader(WeightFile file, TensorInfo info, MemorySegment data) {
    /** 1 GiB: matrices are to be used where they are mapped. */
    private static final long MAX_COPIED = 1L << 28;

    private static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static FloatReader of(WeightFile file, String name) {
        TensorInfo info = file.info(name);
        MemorySegment data = file.data(name);
        if (!info.dtype().isFloating()) {
            throw new HeadwaterException("Tensor '%s' in %s holds %s, but floating-point numbers are needed here"
                    .formatted(name, file.path(), info.dtype()));
        }
        return new FloatReader(file, info, data);
    }

    float[] toArray() {
        long elements = info.elements();
        if (elements > MAX_COPIED) {
            throw new HeadwaterException("Tensor '%s' in %s is too large to be copied: %d elements"
                    .formatted(info.name(), file.path(), elements));
        }
        float[] values = new float[(int) elements];
        DType dtype = info.dtype();
        if (dtype == DType.F32) {
            MemorySegment.copy(data, FLOAT, 0, values, 0, values.length);
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = at(dtype, i);
        }
        return values;
    }

    void requireFinite() {
        long bad = 0;
        long first = -1;
        DType dtype = info.dtype();
        long elements = info.elements();
        for (long i = 0; i < elements; i++) {
            if (!Float.isFinite(at(dtype, i))) {
                first = bad++ == 0 ? i : first;
            }
        }
        if (bad > 0) {
            throw new HeadwaterException(
                    "Tensor '%s' in %s holds %d values of %d that are NaN or infinite (the first at element %d); the file is damaged or was saved from a failed training run"
                            .formatted(info.name(), file.path(), bad, elements, first));
        }
    }

    private float at(DType dtype, long i) {
        return switch (dtype) {
            case F32 -> data.getAtIndex(FLOAT, i);
            case F64 -> (float) data.getAtIndex(DOUBLE, i);
            case F16 -> Float.float16ToFloat(data.getAtIndex(SHORT, i));
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(SHORT, i) << 16);
            default -> throw new IllegalStateException("not a floating-point type: " + dtype);
        };
    }
}
