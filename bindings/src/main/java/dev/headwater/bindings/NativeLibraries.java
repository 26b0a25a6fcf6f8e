package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.torch.TorchShim;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds and loads the native libraries, once per process: libtorch with its BLAS, and Headwater's kernels.
 *
 * <p>libtorch comes from the directory that {@code HEADWATER_LIBTORCH} names (a Python installation's {@code torch/lib}, for
 * instance, which is how CUDA comes in), else from the folder that the property {@code headwater.native} names, as a release has
 * it with Headwater's kernels beside, else from the class path ({@code org.bytedeco:pytorch}), unpacked once into the cache
 * directory. Thread pools size themselves when they load, so the number of threads is a property of the process:
 * {@code headwater.threads}, else {@code OMP_NUM_THREADS}, else all processors.
 *
 * <p>Loading sets variables of the process's environment that libtorch's libraries read when they start, for native code only and
 * where they are not set: {@code OMP_NUM_THREADS} and {@code MKL_NUM_THREADS} to that number (the system property replaces
 * them), {@code MKL_THREADING_LAYER=GNU} for the OpenMP runtime that libtorch has too, {@code MKL_CBWR=AUTO} and
 * {@code MKL_DYNAMIC=FALSE} for the same bits on every run. A host application that sets them first keeps its own.
 */
public final class NativeLibraries {
    /** The oldest libtorch whose stable C interface has what we call, but for gaps that {@link Shim} and {@link Borrowed} fill. */
    private static final int OLDEST_MAJOR = 2;

    private static final int OLDEST_MINOR = 10;

    private static final String THREADS = "headwater.threads";

    private static @Nullable Loaded loaded;
    private static @Nullable NativeException failure;

    /**
     * One library in use.
     *
     * @param version as the library reports it, or "" where it reports none
     * @param origin  why this one: an environment variable, the class path, …
     */
    public record Library(String name, Path path, String version, String origin) {}

    /** @param torch libtorch's functions, and those of the libraries that it brings */
    private record Loaded(List<Library> libraries, SymbolLookup torch) {}

    private NativeLibraries() {}

    /**
     * Loads everything on first use; later calls return what was loaded, or fail again with the same reason.
     *
     * @throws NativeException with what is missing, where it was looked for and what to do
     */
    public static List<Library> load() {
        return loaded().libraries();
    }

    private static synchronized Loaded loaded() {
        if (failure != null) {
            throw failure;
        }
        if (loaded == null) {
            try {
                loaded = loadAll();
            } catch (NativeException e) {
                failure = e;
                throw e;
            } catch (IOException e) {
                failure = new NativeException(
                        "The native libraries can't be unpacked into " + CacheDirectory.headwater() + " (" + e
                                + "); make room there or name another directory in HEADWATER_CACHE",
                        e);
                throw failure;
            }
        }
        return loaded;
    }

    /**
     * Reads what was unpacked into the cache directory whole, and removes what is damaged, so that it is unpacked again. To
     * be called before anything is loaded.
     *
     * @return the files that were damaged
     * @throws NativeException if the cache directory can't be read or changed
     */
    public static synchronized List<Path> repair() {
        if (loaded != null) {
            throw new IllegalStateException("the libraries are in use");
        }
        try {
            return LibraryCache.repair(CacheDirectory.headwater());
        } catch (IOException e) {
            throw new NativeException(
                    "What is unpacked in " + CacheDirectory.headwater() + " can't be checked (" + e + ")", e);
        }
    }

    /** "linux-x86_64" and the like, as it names folders of native code. */
    public static String platform() {
        return Platform.name(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    /**
     * What our kernels are compiled for on this system, the most able first; {@code HEADWATER_ISA} may name one of them. Empty where
     * there is no native code.
     */
    public static List<String> instructions() {
        return Platform.find().map(Platform::instructions).orElse(List.of());
    }

    /** How many threads native code uses. */
    public static int threads() {
        for (String text : new String[] {System.getProperty(THREADS), System.getenv("OMP_NUM_THREADS")}) {
            if (text != null && text.matches("[1-9]\\d{0,3}")) {
                return Integer.parseInt(text);
            }
        }
        return Runtime.getRuntime().availableProcessors();
    }

    private static Loaded loadAll() throws IOException {
        Platform platform = Platform.current();
        String threads = Integer.toString(threads());
        // The property speaks of Headwater alone and wins; what the environment says is otherwise left as it is.
        boolean asked = System.getProperty(THREADS) != null;
        setEnvironment("OMP_NUM_THREADS", threads, asked);
        setEnvironment("MKL_NUM_THREADS", threads, asked);
        // MKL must share libtorch's libgomp: two OpenMP runtimes in one process fight over the cores.
        setEnvironment("MKL_THREADING_LAYER", "GNU", false);
        // The same bits on every run: by default MKL may choose another code path from one call to the next.
        setEnvironment("MKL_CBWR", "AUTO", false);
        setEnvironment("MKL_DYNAMIC", "FALSE", false);

        provideRuntime();
        List<Library> libraries = new ArrayList<>();
        SymbolLookup torch = loadTorch(platform, libraries);
        libraries.add(loadKernels(platform));
        TorchShim.aoti_torch_grad_mode_set_enabled(false);
        return new Loaded(List.copyOf(libraries), torch);
    }

    private static SymbolLookup loadTorch(Platform platform, List<Library> libraries) throws IOException {
        String named = System.getenv("HEADWATER_LIBTORCH");
        String file = platform.file("torch_cpu");
        Path released = released(file);
        Path directory;
        String origin;
        if (named != null && !named.isBlank()) {
            directory = Path.of(named).toAbsolutePath();
            origin = "HEADWATER_LIBTORCH";
            if (!Files.isRegularFile(directory.resolve(file))) {
                throw new NativeException("HEADWATER_LIBTORCH is " + directory + ", which has no " + file
                        + "; name the lib directory of a libtorch 2.10 or newer, or unset it");
            }
        } else if (released != null) {
            directory = released.resolveSibling("");
            origin = "the release";
        } else {
            directory = LibraryCache.libtorch(CacheDirectory.headwater(), platform);
            origin = "class path";
        }
        Path torch = directory.resolve(file);
        SymbolLookup functions = open(torch);
        requireVersion(torch);
        libraries.add(new Library("libtorch", torch, torchVersion(), origin));
        Path cuda = directory.resolve(platform.file("torch_cuda"));
        if (Files.isRegularFile(cuda)) {
            open(cuda);
            libraries.add(new Library("libtorch_cuda", cuda, torchVersion(), origin));
        }
        Path blas = directory.resolve(platform.blasFile());
        if (Files.exists(blas)) {
            blas = blas.toRealPath();
            libraries.add(new Library(
                    blas.getFileName().toString().startsWith("libmkl") ? "MKL" : "OpenBLAS", blas, "", origin));
        }
        return functions;
    }

    /** A file of the release that runs, or null where that is no release, or one that does not have it. */
    private static @Nullable Path released(String file) {
        String folder = System.getProperty("headwater.native");
        if (folder == null) {
            return null;
        }
        Path path = Path.of(folder).toAbsolutePath().resolve(file);
        return Files.isRegularFile(path) ? path : null;
    }

    /**
     * Opens a release's own C++ runtime if the system has none. Only then: it asks for a C library as new as that of the machine that
     * made the release, and most systems that are older have a runtime that will do.
     */
    private static void provideRuntime() {
        Path runtime = released("runtime/libstdc++.so.6");
        if (runtime == null || opens("libstdc++.so.6")) {
            return;
        }
        open(runtime.resolveSibling("libgcc_s.so.1"));
        open(runtime);
    }

    private static boolean opens(String library) {
        try {
            SymbolLookup.libraryLookup(library, Arena.global());
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static Library loadKernels(Platform platform) throws IOException {
        Path released = released(platform.file("headwater_kernels"));
        Path kernels = released != null ? released : LibraryCache.kernels(CacheDirectory.headwater(), platform);
        open(kernels);
        long version = KernelsHeader.hw_abi_version();
        if (version != interfaceVersion()) {
            throw new NativeException(kernels + " has another interface (version " + Long.toHexString(version)
                    + ") than these bindings (" + Long.toHexString(interfaceVersion())
                    + "). Build again with: mvn package. After a change of kernels.h, make its bindings anew first");
        }
        return new Library(
                "headwater_kernels",
                kernels,
                Long.toHexString(version),
                released != null ? "the release" : "class path");
    }

    /** The version of kernels.h that the generated bindings were made from; native/abi.cmake writes it. */
    private static long interfaceVersion() throws IOException {
        try (var in = NativeLibraries.class.getResourceAsStream("kernels/abi")) {
            return Long.decode(new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip());
        }
    }

    /**
     * Opens a library for as long as the program runs, in no class loader's name, so that several may. The generated bindings
     * then find it by its own name.
     */
    private static SymbolLookup open(Path path) {
        try {
            return SymbolLookup.libraryLookup(path, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new NativeException(path + " can't be loaded: " + reason(path), e);
        }
    }

    /** What the system's loader has to say about a library that it can't open. */
    private static String reason(Path path) {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            var dlopen = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("dlopen"), FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
            var dlerror = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("dlerror"), FunctionDescriptor.of(ADDRESS));
            int lazy = 1;
            var opened = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(path.toString()), lazy);
            var text = (MemorySegment) dlerror.invokeExact();
            return text.address() == 0 || opened.address() != 0
                    ? "the system does not say why"
                    : text.reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            return "the system does not say why";
        }
    }

    /** libtorch and the libraries that it brings. */
    static SymbolLookup torch() {
        return loaded().torch();
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

    /**
     * Sets a variable for native code, whose view of the environment Java's copy never reaches.
     *
     * @param replace false leaves one that is set as it is
     */
    private static void setEnvironment(String name, String value, boolean replace) {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            var setenv = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("setenv"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
            int _ = (int) setenv.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), replace ? 1 : 0);
        } catch (Throwable e) {
            throw new NativeException("setenv " + name + " failed", e);
        }
    }
}
