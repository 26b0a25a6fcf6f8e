package dev.headwater.faults;

import dev.headwater.engine.files.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The command line in processes of its own, and what they leave on the disk. */
final class Trial {
    /** Longer than anything here takes on a slow machine: who is not done by then waits for ever. */
    private static final long PATIENCE_SECONDS = 300;

    private final Path directory;
    private int logs;

    /** @param directory for everything that the trials write */
    Trial(Path directory) {
        this.directory = directory;
    }

    /** An empty folder. */
    Path folder(String name) throws IOException {
        return Files.createTempDirectory(Files.createDirectories(directory), name);
    }

    /** A process and where its output goes. */
    record Started(Process process, Path log) {
        /** The exit code; -1 if it had to be ended because it hung. */
        int end() throws InterruptedException {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                return -1;
            }
            return process.exitValue();
        }

        String output() throws IOException {
            return new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        }

        /** Why what ended so is no orderly refusal, or null. */
        @Nullable
        String disorder(int code) throws IOException {
            String output = output();
            List<String> lines = output.lines()
                    .filter(line -> line.startsWith("headwater: "))
                    .toList();
            return code == -1
                    ? "it hung"
                    : code == 0
                            ? "it said nothing of it"
                            : code > 2
                                    ? "exit code " + code
                                    : lines.size() != 1 || output.contains("\tat ")
                                            ? "no sentence: " + output.strip()
                                            : null;
        }
    }

    Started start(Map<String, String> environment, List<String> arguments) throws IOException {
        return start(environment, arguments, Files.createDirectories(directory).resolve("log" + logs++), List.of());
    }

    /** @param before words in front of the command, such as a shell that sets limits */
    Started start(Map<String, String> environment, List<String> arguments, Path output, List<String> before)
            throws IOException {
        List<String> command = new ArrayList<>(before);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.headwater.cli.Headwater"));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        if (Files.exists(output) && !Files.isRegularFile(output)) {
            Path errors = Files.createDirectories(directory).resolve("log" + logs++);
            builder.redirectOutput(output.toFile()).redirectError(errors.toFile());
            output = errors;
        } else {
            builder.redirectErrorStream(true).redirectOutput(output.toFile());
        }
        builder.environment().keySet().removeIf(name -> name.startsWith("HF_") || name.equals("HTTPS_PROXY"));
        builder.environment().put("HF_HOME", directory.resolve("home").toString());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        builder.environment().put("OMP_WAIT_POLICY", "passive");
        builder.environment().putAll(environment);
        return new Started(builder.start(), output);
    }

    Started start(String... arguments) throws IOException {
        return start(Map.of(), List.of(arguments));
    }

    /** Hashes of the files below a folder; locks, which stand for nothing when nobody is there, are left out. */
    static Map<String, String> files(Path folder) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                String name = folder.relativize(file).toString();
                if (!name.endsWith(".lock")) {
                    files.put(name, Sha256.of(file));
                }
            }
        }
        return files;
    }

    /** Whether it is the name of something unfinished, in any of its forms. */
    static boolean isUnfinished(String name) {
        return name.matches("(.*/)?(\\.headwater-.*|.*\\.(tmp|part|incomplete|claim)).*");
    }
}
