package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.cuda.CudaRuntime;
import dev.headwater.bindings.cuda.cudaDeviceProp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What the CUDA runtime says of this machine. The runtime comes with a CUDA build of libtorch; without one there is
 * none.
 */
public final class Cuda {
    /**
     * One device.
     *
     * @param total  bytes of memory
     * @param free   bytes free now
     */
    public record Properties(int index, String name, int major, int minor, long total, long free) {}

    private static List<Properties> devices;
    private static String unavailable;

    private Cuda() {}

    /** Why no CUDA device can be used, in one sentence; null if one can. */
    public static synchronized String unavailable() {
        look();
        return unavailable;
    }

    /** The devices, empty if there are none. */
    public static synchronized List<Properties> devices() {
        look();
        return devices;
    }

    private static void look() {
        if (devices != null) {
            return;
        }
        devices = List.of();
        boolean torch = NativeLibraries.load().stream()
                .anyMatch(library -> library.name().equals("libtorch_cuda"));
        if (!torch) {
            unavailable = "the libtorch in use is a CPU build (set HEADWATER_LIBTORCH to a CUDA build's lib directory)";
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_INT);
            int status = CudaRuntime.cudaGetDeviceCount(count);
            if (status != 0) {
                unavailable = "CUDA reports: " + text(status);
                return;
            }
            List<Properties> found = new ArrayList<>();
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                found.add(properties(arena, i));
            }
            devices = List.copyOf(found);
            unavailable = found.isEmpty() ? "CUDA finds no device" : null;
        } catch (IllegalArgumentException | ExceptionInInitializerError | NoClassDefFoundError e) {
            unavailable = "the CUDA runtime library (libcudart) is not loaded beside libtorch_cuda";
        }
    }

    private static Properties properties(Arena arena, int index) {
        MemorySegment properties = cudaDeviceProp.allocate(arena);
        check(CudaRuntime.cudaGetDeviceProperties(properties, index));
        MemorySegment free = arena.allocate(JAVA_LONG);
        MemorySegment total = arena.allocate(JAVA_LONG);
        check(CudaRuntime.cudaSetDevice(index));
        check(CudaRuntime.cudaMemGetInfo(free, total));
        return new Properties(
                index,
                cudaDeviceProp.name(properties).getString(0),
                cudaDeviceProp.major(properties),
                cudaDeviceProp.minor(properties),
                total.get(JAVA_LONG, 0),
                free.get(JAVA_LONG, 0));
    }

    /** Version of the runtime as 13.0, or null where it is not loaded. */
    public static String runtimeVersion() {
        if (unavailable() != null) {
            return null;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(JAVA_INT);
            check(CudaRuntime.cudaRuntimeGetVersion(version));
            int number = version.get(JAVA_INT, 0);
            return number / 1000 + "." + number % 1000 / 10;
        }
    }

    private static void check(int status) {
        if (status != 0) {
            throw new NativeException("CUDA: " + text(status));
        }
    }

    private static String text(int status) {
        return CudaRuntime.cudaGetErrorString(status).getString(0);
    }
}
