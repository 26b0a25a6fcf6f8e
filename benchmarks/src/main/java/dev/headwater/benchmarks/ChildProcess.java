package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Runs a command to its end and watches the memory of it and all that it starts. */
final class ChildProcess {
    private static final int MILLIS_BETWEEN_LOOKS = 250;

    private ChildProcess() {}

    /**
     * This program again, as a process of its own, with the options that the launcher gives to {@code headwater
     * attribute}.
     */
    static List<String> ownCommand(List<String> javaOptions, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path")));
        command.addAll(javaOptions);
        command.add(Benchmarks.class.getName());
        command.addAll(arguments);
        return command;
    }

    /**
     * @param environment added to this process's own
     * @return the largest resident memory of the process tree that was seen, in bytes
     * @throws HeadwaterException if the command fails, after the end of what it printed is shown
     */
    static long run(List<String> command, Map<String, String> environment) {
        Path log = null;
        Process process = null;
        try {
            log = Files.createTempFile("headwater-benchmark", ".log");
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            builder.environment().putAll(environment);
            process = builder.start();
            long peak = 0;
            while (!process.waitFor(MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS)) {
                peak = Math.max(peak, treeMemory(process));
            }
            if (process.exitValue() != 0) {
                System.err.println(lastLines(log));
                throw new HeadwaterException("This failed with exit status %d, its last lines are above: %s"
                        .formatted(process.exitValue(), String.join(" ", command)));
            }
            return peak;
        } catch (IOException e) {
            throw new HeadwaterException("Cannot run " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            throw new HeadwaterException("interrupted", e);
        } finally {
            if (process != null) {
                process.destroyForcibly();
            }
            delete(log);
        }
    }

    private static long treeMemory(Process process) {
        return LongStream.concat(
                        LongStream.of(process.pid()), process.descendants().mapToLong(ProcessHandle::pid))
                .map(Machine::memory)
                .sum();
    }

    private static String lastLines(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log, java.nio.charset.StandardCharsets.ISO_8859_1)) {
            List<String> all = lines.toList();
            return all.subList(Math.max(0, all.size() - 25), all.size()).stream()
                    .map(line -> "  | " + line)
                    .collect(Collectors.joining("\n"));
        }
    }

    private static void delete(@Nullable Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // A log that stays in the temporary directory harms nobody.
        }
    }
}
