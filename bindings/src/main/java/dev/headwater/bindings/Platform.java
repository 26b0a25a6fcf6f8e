package dev.headwater.bindings;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** A system that there is native code for, and how things are called there. */
enum Platform {
    LINUX_X86_64("linux-x86_64", "Linux on x86-64", List.of("avx512", "avx2", "baseline")) {
        @Override
        List<String> torch() {
            return List.of("libtorch_cpu.so", "libc10.so", "libgomp.so.1");
        }

        @Override
        Blas blas() {
            return new Blas(
                    "mkl",
                    List.of("rt", "core", "gnu_thread", "intel_lp64", "def", "mc3", "avx2", "avx512", "avx10").stream()
                            .map(part -> "libmkl_" + part + ".so.3")
                            .toList());
        }
    },

    /** No Maven repository has its libtorch: PyTorch's own, by {@code HEADWATER_LIBTORCH}. */
    LINUX_ARM64("linux-arm64", "Linux on arm64", List.of("baseline")) {
        @Override
        List<String> torch() {
            return LINUX_X86_64.torch();
        }

        @Override
        Blas blas() {
            return new Blas("openblas", List.of("libopenblas.so.0", "libgfortran.so.5"));
        }
    },

    /** Nobody has run it yet. */
    MACOS_ARM64("macosx-arm64", "macOS on arm64", List.of("baseline")) {
        @Override
        List<String> torch() {
            return List.of("libtorch_cpu.dylib", "libc10.dylib", "libomp.dylib");
        }

        @Override
        Blas blas() {
            return new Blas(
                    "openblas",
                    List.of("libopenblas.0.dylib", "libgfortran.5.dylib", "libquadmath.0.dylib", "libgcc_s.1.1.dylib"));
        }
    };

    /**
     * What libtorch takes its matrix products from.
     *
     * @param folder of {@code org/bytedeco} that has it
     */
    record Blas(String folder, List<String> files) {}

    private final String folder;
    private final String words;
    private final List<String> instructions;

    Platform(String folder, String words, List<String> instructions) {
        this.folder = folder;
        this.words = words;
        this.instructions = instructions;
    }

    /**
     * The system that this runs on, by the properties {@code os.name} and {@code os.arch}.
     *
     * @throws NativeException if there is no native code for it
     */
    static Platform current() {
        return find().orElseThrow(() -> new NativeException("Headwater has no native code for "
                + System.getProperty("os.name") + " on "
                + System.getProperty("os.arch") + "; it runs on "
                + Arrays.stream(values()).map(platform -> platform.words).collect(Collectors.joining(", "))
                + " (the last one untested): take one of these, or a container or virtual machine of one"));
    }

    /** As {@link #current}, empty if there is no native code for it. */
    static Optional<Platform> find() {
        String name = name(System.getProperty("os.name"), System.getProperty("os.arch"));
        return Arrays.stream(values())
                .filter(platform -> platform.folder.equals(name))
                .findFirst();
    }

    /** "linux-x86_64" and the like, of any system. */
    static String name(String system, String processor) {
        String os = system.toLowerCase(Locale.ROOT);
        String arch = processor.toLowerCase(Locale.ROOT);
        return (os.startsWith("linux") ? "linux" : os.startsWith("mac") ? "macosx" : os.replace(' ', '-')) + "-"
                + (arch.equals("amd64") ? "x86_64" : arch.equals("aarch64") ? "arm64" : arch);
    }

    /** As it names folders of native code. */
    String folder() {
        return folder;
    }

    /** What our kernels are compiled for, the most able first. */
    List<String> instructions() {
        return instructions;
    }

    /** A library's file, {@code libtorch_cpu.so} for instance. */
    String file(String library) {
        return "lib" + library + (this == MACOS_ARM64 ? ".dylib" : ".so");
    }

    /** The name under which libtorch asks for a BLAS. */
    String blasFile() {
        return this == MACOS_ARM64 ? "libopenblas.0.dylib" : "libopenblas.so.0";
    }

    /** Of what libtorch's jar has, what is loaded. */
    abstract List<String> torch();

    /** What the build puts beside it. */
    abstract Blas blas();
}
