package dev.headwater.benchmarks;

import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.NativeLibraries;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Describes where figures come from. */
final class Machine {
    private Machine() {}

    /** Processor, memory, system and software, in one line. */
    static String describe() {
        String libraries = NativeLibraries.load().stream()
                .filter(library -> !library.version().isEmpty())
                .map(library -> library.name() + " " + library.version())
                .collect(Collectors.joining(", "));
        return String.format(
                Locale.ROOT,
                "%s, %d processors, %.0f GiB, kernels for %s; %s %s, Java %s, %s",
                line("/proc/cpuinfo", "model name", System.getProperty("os.arch")),
                Runtime.getRuntime().availableProcessors(),
                kilobytes(Path.of("/proc/meminfo"), "MemTotal") / 1048576.0,
                Kernels.instructionSet(),
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                Runtime.version(),
                libraries);
    }

    /** Largest resident memory of this process so far, in bytes; 0 where the system does not say. */
    static long peakMemory() {
        return 1024 * kilobytes(Path.of("/proc/self/status"), "VmHWM");
    }

    /** How long processors have been busy with this process so far; NaN where the system does not say. */
    static double cpuSeconds() {
        return ProcessHandle.current()
                .info()
                .totalCpuDuration()
                .map(spent -> spent.toNanos() / 1e9)
                .orElse(Double.NaN);
    }

    /** Resident memory of a process now, in bytes; 0 if it has ended. */
    static long memory(long process) {
        return 1024 * kilobytes(Path.of("/proc/" + process + "/status"), "VmRSS");
    }

    private static long kilobytes(Path file, String key) {
        String text = line(file.toString(), key, "0").replaceAll("\\D", "");
        return text.isEmpty() ? 0 : Long.parseLong(text);
    }

    private static String line(String file, String key, String otherwise) {
        try (Stream<String> lines = Files.lines(Path.of(file))) {
            return lines.filter(line -> line.startsWith(key) && line.contains(":"))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse(otherwise);
        } catch (IOException | java.io.UncheckedIOException e) {
            return otherwise;
        }
    }
}
