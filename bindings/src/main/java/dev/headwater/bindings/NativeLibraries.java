package dev.headwater.bindings;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.torch.TorchShim;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Finds and loads the native libraries, once per process: libtorch with its BLAS, and Headwater's kernels.
 *
 * <p>libtorch comes from the directory that {@code HEADWATER_LIBTORCH} names (a Python installation's {@code
 * torch/lib}, for
 * instance, which is how CUDA comes in), else from the class path ({@code org.bytedeco:pytorch}), unpacked once into
 * the cache
 * directory. Thread pools size themselves when they load, so the number of threads is a property of the process:
 * {@code headwater.threads}, else {@code OMP_NUM_THREADS}, else all processors.
 */
public final class NativeLibraries {
    /** The oldest libtorch whose stable C interface has everything that we call. */
    private static final int OLDEST_MAJOR = 2;

    private static final int OLDEST_MINOR = 13;

    private static List<Library> loaded;
    private static NativeException failure;

    /**
     * One library in use.
     *
     * @param version as the library reports it, or "" where it reports none
     * @param origin  why this one: an environment variable, the class path, …
     */
    public record Library(String name, Path path, String version, String origin) {}

    private NativeLibraries() {}

    /**
     * Loads everything on first use; later calls return what was loaded, or fail again with the same reason.
     *
     * @throws NativeException with what is missing, where it was looked for and what to do
     */
    public static synchronized List<Library> load() {
        if (failure != null) {
            throw failure;
        }
        if (loaded == null) {
            try {
                loaded = List.copyOf(loadAll());
            } catch (NativeException e) {
                failure = e;
                throw e;
            } catch (IOException e) {
                failure = new NativeException(
                        "The native libraries can't be unpacked into " + cacheDirectory() + " (" + e
                                + "); make room there or name another directory in HEADWATER_CACHE",
                        e);
                throw failure;
            }
        }
        return loaded;
    }

    /** {@code HEADWATER_CACHE}, else {@code $XDG_CACHE_HOME/headwater}, else {@code ~/.cache/headwater}. */
    public static Path cacheDirectory() {
        String own = System.getenv("HEADWATER_CACHE");
        if (own != null && !own.isBlank()) {
            return Path.of(own).toAbsolutePath();
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && !xdg.isBlank() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("headwater").toAbsolutePath();
    }

    /** "linux-x86_64" and the like, as it names folders of native code. */
    public static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return (os.startsWith("linux") ? "linux" : os.startsWith("mac") ? "macosx" : os.replace(' ', '-')) + "-"
                + (arch.equals("amd64") ? "x86_64" : arch.equals("aarch64") ? "arm64" : arch);
    }

    /** How many threads native code uses. */
    public static int threads() {
        for (String text : new String[] {System.getProperty("headwater.threads"), System.getenv("OMP_NUM_THREADS")}) {
            if (text != null && text.matches("[1-9]\\d{0,3}")) {
                return Integer.parseInt(text);
            }
        }
        return Runtime.getRuntime().availableProcessors();
    }

    private static List<Library> loadAll() throws IOException {
        String threads = Integer.toString(threads());
        setEnvironment("OMP_NUM_THREADS", threads);
        setEnvironment("MKL_NUM_THREADS", threads);
        // MKL must share libtorch's libgomp: two OpenMP runtimes in one process fight over the cores.
        setEnvironment("MKL_THREADING_LAYER", "GNU");
        // The same bits on every run: by default MKL may choose another code path from one call to the next.
        setEnvironment("MKL_CBWR", "AUTO");
        setEnvironment("MKL_DYNAMIC", "FALSE");

        List<Library> libraries = new ArrayList<>(loadTorch());
        libraries.add(loadKernels());
        TorchShim.aoti_torch_grad_mode_set_enabled(false);
        return libraries;
    }

    private static List<Library> loadTorch() throws IOException {
        String named = System.getenv("HEADWATER_LIBTORCH");
        Path directory;
        String origin;
        if (named != null && !named.isBlank()) {
            directory = Path.of(named).toAbsolutePath();
            origin = "HEADWATER_LIBTORCH";
            if (!Files.isRegularFile(directory.resolve("libtorch_cpu.so"))) {
                throw new NativeException(
                        "HEADWATER_LIBTORCH is " + directory
                                + ", which has no libtorch_cpu.so; name the lib directory of a libtorch 2.13 or newer, or unset it");
            }
        } else {
            directory = LibraryCache.libtorch(cacheDirectory(), platform());
            origin = "class path";
        }
        Path torch = directory.resolve("libtorch_cpu.so");
        loadLibrary(torch);
        requireVersion(torch);
        List<Library> libraries = new ArrayList<>();
        libraries.add(new Library("libtorch", torch, torchVersion(), origin));
        Path cuda = directory.resolve("libtorch_cuda.so");
        if (Files.isRegularFile(cuda)) {
            loadLibrary(cuda);
            libraries.add(new Library("libtorch_cuda", cuda, torchVersion(), origin));
        }
        Path blas = directory.resolve("libopenblas.so.0");
        if (Files.exists(blas)) {
            blas = blas.toRealPath();
            libraries.add(new Library(
                    blas.getFileName().toString().startsWith("libmkl") ? "MKL" : "OpenBLAS", blas, "", origin));
        }
        return libraries;
    }

    private static Library loadKernels() throws IOException {
        Path kernels = LibraryCache.kernels(cacheDirectory(), platform());
        loadLibrary(kernels);
        int version = KernelsHeader.hw_abi_version();
        if (version != Kernels.ABI_VERSION) {
            throw new NativeException(kernels + " has interface version " + version + ", this Headwater needs "
                    + Kernels.ABI_VERSION + "; build again with: mvn package");
        }
        return new Library("headwater_kernels", kernels, Integer.toString(version), "class path");
    }

    private static void loadLibrary(Path path) {
        try {
            System.load(path.toString());
        } catch (UnsatisfiedLinkError e) {
            throw new NativeException(path + " can't be loaded: " + e.getMessage(), e);
        }
    }

    private static void requireVersion(Path torch) {
        long version = TorchShim.aoti_torch_abi_version();
        int major = (int) (version >>> 56) & 0xff;
        int minor = (int) (version >>> 48) & 0xff;
        if (major < OLDEST_MAJOR || major == OLDEST_MAJOR && minor < OLDEST_MINOR) {
            throw new NativeException(torch + " is libtorch " + major + "." + minor + "; Headwater needs "
                    + OLDEST_MAJOR + "." + OLDEST_MINOR
                    + " or newer. Name another one in HEADWATER_LIBTORCH, or unset it to use the one that is shipped");
        }
    }

    private static String torchVersion() {
        long version = TorchShim.aoti_torch_abi_version();
        return (version >>> 56 & 0xff) + "." + (version >>> 48 & 0xff) + "." + (version >>> 40 & 0xff);
    }

    /** The C library's setenv: Java's own view of the environment is a copy that native code never sees. */
    private static void setEnvironment(String name, String value) {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            var setenv = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("setenv"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
            int unused = (int) setenv.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 1);
        } catch (Throwable e) {
            throw new NativeException("setenv " + name + " failed", e);
        }
    }
}
