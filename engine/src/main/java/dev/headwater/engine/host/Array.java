package dev.headwater.engine.host;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A dense row-major array in native memory as {@code hw_array} describes it.
 *
 * @param type one of {@code HW_U8} and so on
 */
record Array(long address, int type, long... shape) {
    static final int U8 = 1;
    static final int I32 = 2;
    static final int I64 = 3;
    static final int F32 = 4;
    static final int F64 = 5;

    /** Bytes of {@code hw_array}. */
    private static final int BYTES = 48;

    private static final int MOST_DIMENSIONS = 4;

    static Array of(MemorySegment memory, int type, long... shape) {
        return new Array(memory.address(), type, shape);
    }

    /** Fills in an {@code hw_array}: the address, four sizes, how many of them count, the type. */
    void writeTo(ByteBuffer out) {
        ByteBuffer struct = out.order(ByteOrder.nativeOrder());
        if (struct.capacity() != BYTES) {
            throw new IllegalArgumentException("an hw_array has " + BYTES + " bytes, not " + struct.capacity());
        }
        struct.putLong(0, address);
        for (int i = 0; i < MOST_DIMENSIONS; i++) {
            struct.putLong(Long.BYTES * (1 + i), i < shape.length ? shape[i] : 1);
        }
        struct.putInt(Long.BYTES * (1 + MOST_DIMENSIONS), shape.length);
        struct.putInt(Long.BYTES * (1 + MOST_DIMENSIONS) + Integer.BYTES, type);
    }
}
