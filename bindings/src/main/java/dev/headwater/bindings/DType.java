package dev.headwater.bindings;

import dev.headwater.bindings.torch.TorchShim;

/** Element types of tensors and weight files. */
public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    I16(2),
    I8(1),
    U8(1),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    public boolean isFloating() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }

    /** libtorch's code of this type; read through its getters because the numbers are not part of its ABI. */
    int torchCode() {
        return Codes.OF[ordinal()];
    }

    static DType ofTorchCode(int code) {
        for (DType type : values()) {
            if (Codes.OF[type.ordinal()] == code) {
                return type;
            }
        }
        throw new NativeException(
                "libtorch returned a tensor of element type " + code + ", which Headwater does not use");
    }

    private static final class Codes {
        static final int[] OF = {
            TorchShim.aoti_torch_dtype_float64(),
            TorchShim.aoti_torch_dtype_float32(),
            TorchShim.aoti_torch_dtype_float16(),
            TorchShim.aoti_torch_dtype_bfloat16(),
            TorchShim.aoti_torch_dtype_int64(),
            TorchShim.aoti_torch_dtype_int32(),
            TorchShim.aoti_torch_dtype_int16(),
            TorchShim.aoti_torch_dtype_int8(),
            TorchShim.aoti_torch_dtype_uint8(),
            TorchShim.aoti_torch_dtype_bool()
        };
    }
}
