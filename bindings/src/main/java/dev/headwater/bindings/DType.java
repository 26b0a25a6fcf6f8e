package dev.headwater.bindings;

/** Element types of tensors and weight files. */
public enum DType {
    /** IEEE 754 double precision. */
    F64(8),
    /** IEEE 754 single precision. */
    F32(4),
    /** IEEE 754 half precision. */
    F16(2),
    /** The upper half of {@link #F32}. */
    BF16(2),
    /** Signed 64-bit integers. */
    I64(8),
    /** Signed 32-bit integers. */
    I32(4),
    /** Signed 16-bit integers. */
    I16(2),
    /** Signed bytes. */
    I8(1),
    /** Unsigned bytes. */
    U8(1),
    /** Truth values, a byte each. */
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** True of the four types of floating-point numbers. */
    public boolean isFloating() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }
}
