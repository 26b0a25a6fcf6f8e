package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What every call of libtorch's C interface needs: its statuses as exceptions, its codes for our types and devices. */
final class Shim {
    /** By {@link DType#ordinal}; read through getters because the numbers are not part of libtorch's interface. */
    private static final int[] DTYPES = {
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

    private static final Pattern TRIED = Pattern.compile("Tried to allocate ([\\d.]+ [KMGT]?i?B)");
    private static final Pattern FREE =
            Pattern.compile("total capacity of ([\\d.]+ [KMGT]?i?B) of which ([\\d.]+ [KMGT]?i?B) is free");
    private static final DType[] TYPES = DType.values();

    private static final int CPU = TorchShim.aoti_torch_device_type_cpu();
    private static final int CUDA = TorchShim.aoti_torch_device_type_cuda();

    /** libtorch 2.13 gives an error's words; older ones write them to standard error, and there alone. */
    private static final boolean TELLS_WHY = has("torch_exception_get_what_without_backtrace");

    /** libtorch 2.13 has functions for the cells of optional arguments; older ones expect C++'s new and delete. */
    private static final boolean MAKES_CELLS = has("torch_new_stable_ivalue");

    private Shim() {}

    /** Whether the libtorch in use has a function; those that all from 2.10 on have are called without asking. */
    static boolean has(String function) {
        return NativeLibraries.torch().find(function).isPresent();
    }

    /**
     * @param operation what was called, as libtorch calls it
     * @throws NativeException with libtorch's own words, if the status is not that of success
     */
    static void check(int status, String operation) {
        if (status != 0) {
            if (!TELLS_WHY) {
                throw new NativeException("libtorch, " + operation + ": failed, for the reason that libtorch wrote to"
                        + " standard error");
            }
            MemorySegment text = TorchShim.torch_exception_get_what_without_backtrace();
            throw new NativeException(sentence(
                    operation,
                    text.address() == 0
                            ? "unknown error"
                            : text.reinterpret(Long.MAX_VALUE).getString(0).strip()));
        }
    }

    /** What libtorch says, in a sentence; where a GPU's memory is used up, without its advice about settings that there are not here. */
    static String sentence(String operation, String text) {
        if (!text.contains("CUDA out of memory") && !text.contains("CUDA error: out of memory")) {
            return "libtorch, " + operation + ": " + text;
        }
        Matcher tried = TRIED.matcher(text);
        Matcher free = FREE.matcher(text);
        return "The GPU's memory is used up"
                + (tried.find() ? ": " + operation + " wanted " + tried.group(1) : " in " + operation)
                + (free.find() ? ", and of " + free.group(1) + " there are " + free.group(2) + " free" : "")
                + "; ask for fewer features, a shorter prompt or fewer prompts at a time, name less --memory than plan says, or end what"
                + " else is on the GPU";
    }

    /**
     * A cell for an optional argument, which the call frees.
     *
     * @param out receives its address
     * @return a status
     */
    static int newCell(MemorySegment out) {
        if (MAKES_CELLS) {
            return TorchShim.torch_new_stable_ivalue(out);
        }
        out.set(ADDRESS, 0, TorchShim._Znwm(Long.BYTES));
        return 0;
    }

    /** Frees a cell that no call took. */
    static int deleteCell(MemorySegment cell) {
        if (MAKES_CELLS) {
            return TorchShim.torch_delete_stable_ivalue(cell);
        }
        TorchShim._ZdlPv(cell);
        return 0;
    }

    /** Sizes or strides as native memory; a rank of zero still needs a pointer. */
    static MemorySegment longs(Arena arena, long[] values) {
        return values.length == 0 ? arena.allocate(JAVA_LONG) : arena.allocateFrom(JAVA_LONG, values);
    }

    static int code(DType type) {
        return DTYPES[type.ordinal()];
    }

    static DType dtype(int code) {
        for (DType type : TYPES) {
            if (DTYPES[type.ordinal()] == code) {
                return type;
            }
        }
        throw new NativeException(
                "libtorch returned a tensor of element type " + code + ", which Headwater does not use");
    }

    static int code(Device device) {
        return device.type() == Device.Type.CUDA ? CUDA : CPU;
    }

    static Device device(int type, int index) {
        if (type != CPU && type != CUDA) {
            throw new NativeException(
                    "libtorch returned a tensor on a device of type " + type + ", which Headwater does not use");
        }
        return type == CPU ? Device.CPU : new Device(Device.Type.CUDA, index);
    }
}
