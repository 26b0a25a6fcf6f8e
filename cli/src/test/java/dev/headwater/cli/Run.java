package dev.headwater.cli;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One run of the command line: its exit code and what it printed. */
public record Run(int code, String out, String err) {
    public static Run headwater(String... args) {
        return onTerminal(0, args);
    }

    /** With both streams going to a terminal of so many columns, in colour. */
    static Run onTerminal(int columns, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Headwater.run(
                new Console(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8),
                        columns,
                        columns,
                        true),
                new Interrupt(),
                args);
        return new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** A run that goes on in a process of its own. */
    record Started(Process process, Path out, Path err) {
        Run end() throws IOException, InterruptedException {
            int code = process.waitFor();
            return new Run(code, Files.readString(out), Files.readString(err));
        }
    }

    /** In a process of its own, with these environment variables beside the ones of this process. */
    static Started start(Path temporary, Map<String, String> environment, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Headwater.class.getName()));
        command.addAll(List.of(args));
        Path out = Files.createTempFile(temporary, "out", ".txt");
        Path err = Files.createTempFile(temporary, "err", ".txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().putAll(environment);
        return new Started(builder.start(), out, err);
    }
}
