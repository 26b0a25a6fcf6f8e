package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Systems by what Java says of them; others than this machine's are told by properties. */
class PlatformTest {
    private final String system = System.getProperty("os.name");
    private final String processor = System.getProperty("os.arch");

    @AfterEach
    void back() {
        on(system, processor);
    }

    private static void on(String system, String processor) {
        System.setProperty("os.name", system);
        System.setProperty("os.arch", processor);
    }

    @ParameterizedTest
    @CsvSource({
        "Linux, amd64, LINUX_X86_64, libtorch_cpu.so, 3",
        "Linux, aarch64, LINUX_ARM64, libtorch_cpu.so, 1",
        "Mac OS X, aarch64, MACOS_ARM64, libtorch_cpu.dylib, 1",
    })
    void aSystemThatThereIsNativeCodeFor(String os, String arch, Platform expected, String torch, int instructions) {
        on(os, arch);
        assertEquals(expected, Platform.current());
        assertEquals(NativeLibraries.platform(), expected.folder());
        assertEquals(torch, expected.file("torch_cpu"));
        assertEquals(instructions, NativeLibraries.instructions().size());
    }

    @ParameterizedTest
    @CsvSource({"Windows 11, amd64", "Mac OS X, x86_64", "Linux, riscv64", "FreeBSD, aarch64"})
    void anotherIsToldInOneSentence(String os, String arch) {
        on(os, arch);
        assertEquals(
                "Headwater has no native code for " + os + " on " + arch
                        + "; it runs on Linux on x86-64, Linux on arm64, macOS on arm64 (the last one untested): take one of these, or a "
                        + "container or virtual machine of one",
                assertThrows(NativeException.class, Platform::current).getMessage());
        assertEquals(List.of(), NativeLibraries.instructions());
    }

    /** Where no jar has libtorch, the sentence says where else there is one. */
    @Test
    void libtorchThatNoJarHas(@TempDir Path cache) {
        for (Platform platform : List.of(Platform.LINUX_ARM64, Platform.MACOS_ARM64)) {
            String said = assertThrows(NativeException.class, () -> LibraryCache.libtorch(cache, platform))
                    .getMessage();
            assertTrue(said.startsWith("libtorch for " + platform.folder() + " is not on the class path; set "), said);
        }
    }
}
