package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.cuda.CudaRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the CUDA runtime says of this machine. The runtime comes with a CUDA build of libtorch; without one there is none.
 * Asking what devices there are costs no memory on them; {@link #memory} makes a context on the one device that it looks at.
 */
public final class Cuda {
    /** A cudaDeviceProp of any version fits; each begins with the device's name. */
    private static final long PROPERTIES_BYTES = 8192;

    private static final long NAME_BYTES = 256;

    /**
     * One device.
     *
     * @param index ordinal
     * @param name  as its maker calls it
     * @param major of its compute capability
     * @param minor of its compute capability
     */
    public record Properties(int index, String name, int major, int minor) {}

    /**
     * Memory of a device.
     *
     * @param total bytes
     * @param free  bytes free now
     */
    public record Memory(long total, long free) {}

    /** What this machine has, and why it can't be used, if it can't. */
    private record Found(List<Properties> devices, Optional<String> unavailable) {}

    private static @Nullable Found found;

    private Cuda() {}

    /**
     * Reads {@code cpu}, {@code cuda}, {@code cuda:N}, {@code pretended} ({@link Device#PRETENDED}) or {@code auto} (the first CUDA device if this machine and the
     * libtorch in use have one, else the CPU).
     *
     * @throws IllegalArgumentException if the text is none of these
     * @throws NativeException          if a CUDA device is asked for and can't be used; the message says why
     */
    public static Device device(String text) {
        if (text.equals("cpu")) {
            return Device.CPU;
        }
        if (text.equals("pretended")) {
            return Device.PRETENDED;
        }
        if (text.equals("auto")) {
            return unavailable().isEmpty() ? new Device(Device.Type.CUDA, 0) : Device.CPU;
        }
        if (!text.matches("cuda(:\\d{1,3})?")) {
            throw new IllegalArgumentException("device '" + text + "' is not one of auto, cpu, cuda, cuda:N");
        }
        int index = text.length() > 5 ? Integer.parseInt(text.substring(5)) : 0;
        Optional<String> reason = unavailable();
        if (reason.isEmpty() && index >= devices().size()) {
            reason = Optional.of("this machine has " + devices().size() + " CUDA device(s)");
        }
        if (reason.isPresent()) {
            throw new NativeException("device " + text + " can't be used: " + reason.get());
        }
        return new Device(Device.Type.CUDA, index);
    }

    /** Why no CUDA device can be used, in one sentence; empty if one can. */
    public static Optional<String> unavailable() {
        return found().unavailable();
    }

    /** The devices, empty if there are none. */
    public static List<Properties> devices() {
        return found().devices();
    }

    private static synchronized Found found() {
        if (found == null) {
            found = look();
        }
        return found;
    }

    private static Found none(String why) {
        return new Found(List.of(), Optional.of(why));
    }

    private static Found look() {
        boolean torch = NativeLibraries.load().stream()
                .anyMatch(library -> library.name().equals("libtorch_cuda"));
        if (!torch) {
            return none("the libtorch in use is a CPU build (set HEADWATER_LIBTORCH to a CUDA build's lib directory)");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_INT);
            int status = CudaRuntime.cudaGetDeviceCount(count);
            if (status != 0) {
                return none(reason(status, text(status)));
            }
            List<Properties> found = new ArrayList<>();
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                found.add(properties(arena, i));
            }
            return found.isEmpty() ? none("CUDA finds no device") : new Found(List.copyOf(found), Optional.empty());
        } catch (IllegalArgumentException
                | ExceptionInInitializerError
                | NoClassDefFoundError
                | java.util.NoSuchElementException e) {
            return none("the CUDA runtime library (libcudart) is not loaded beside libtorch_cuda");
        }
    }

    /**
     * Why there is no device, and what to do, where that is known.
     *
     * @param status of {@code cudaGetDeviceCount}, a cudaError_t
     * @param text   CUDA's own words
     */
    static String reason(int status, String text) {
        String what = "CUDA reports: " + text;
        return switch (status) {
            case 35 ->
                "the NVIDIA driver is missing, or older than the CUDA of this libtorch (" + what
                        + "); install a newer driver, or take a libtorch for an older CUDA";
            case 100 -> "there is no GPU that CUDA sees (" + what + "; CUDA_VISIBLE_DEVICES may hide it)";
            case 802 -> "the GPUs are still starting (" + what + "); the fabric manager has to run";
            case 803 -> "driver and driver library are of different versions (" + what + "); restart the machine";
            case 804 -> "this GPU does not take the driver library in use (" + what + ")";
            default -> what;
        };
    }

    private static Properties properties(Arena arena, int index) {
        MemorySegment properties = arena.allocate(PROPERTIES_BYTES, 8);
        check(CudaRuntime.cudaGetDeviceProperties(properties, index), "cudaGetDeviceProperties");
        return new Properties(
                index,
                properties.asSlice(0, NAME_BYTES).getString(0),
                attribute(arena, CudaRuntime.HEADWATER_COMPUTE_CAPABILITY_MAJOR(), index),
                attribute(arena, CudaRuntime.HEADWATER_COMPUTE_CAPABILITY_MINOR(), index));
    }

    private static int attribute(Arena arena, int attribute, int index) {
        MemorySegment value = arena.allocate(JAVA_INT);
        check(CudaRuntime.cudaDeviceGetAttribute(value, attribute, index), "cudaDeviceGetAttribute");
        return value.get(JAVA_INT, 0);
    }

    /**
     * Memory of one device. The thread's current device stays what it was.
     *
     * @throws NativeException if there is no such device, or its driver can't say
     */
    public static Memory memory(Device device) {
        Optional<String> reason = device.isCpu() ? Optional.of("it is no CUDA device") : unavailable();
        if (reason.isPresent()) {
            throw new NativeException("the memory of " + device + " can't be asked for: " + reason.get());
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment before = arena.allocate(JAVA_INT);
            MemorySegment free = arena.allocate(JAVA_LONG);
            MemorySegment total = arena.allocate(JAVA_LONG);
            check(CudaRuntime.cudaGetDevice(before), "cudaGetDevice");
            check(CudaRuntime.cudaSetDevice(device.index()), "cudaSetDevice");
            try {
                check(CudaRuntime.cudaMemGetInfo(free, total), "cudaMemGetInfo");
            } finally {
                int _ = CudaRuntime.cudaSetDevice(before.get(JAVA_INT, 0));
            }
            return new Memory(total.get(JAVA_LONG, 0), free.get(JAVA_LONG, 0));
        }
    }

    /** Version of the runtime as 13.0, or null where it is not loaded. */
    public static @Nullable String runtimeVersion() {
        if (unavailable().isPresent()) {
            return null;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(JAVA_INT);
            check(CudaRuntime.cudaRuntimeGetVersion(version), "cudaRuntimeGetVersion");
            int number = version.get(JAVA_INT, 0);
            return number / 1000 + "." + number % 1000 / 10;
        }
    }

    private static void check(int status, String function) {
        if (status != 0) {
            throw new NativeException("CUDA, " + function + ": " + text(status));
        }
    }

    private static String text(int status) {
        return CudaRuntime.cudaGetErrorString(status).getString(0);
    }
}
