package dev.headwater.cli;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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

    /** What starts the command line as the launcher does, as modules; its arguments are to be added. */
    public static List<String> command(String... options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of(
                "-p",
                modulePath(),
                "-cp",
                System.getProperty("java.class.path"),
                "--enable-native-access=dev.headwater.bindings",
                "--add-reads=dev.headwater.cli=ALL-UNNAMED",
                "-m",
                "dev.headwater.cli/" + Headwater.class.getName()));
        return command;
    }

    /** Of the tests' class path what cli/pom.xml names as modules, and what is needed to compile against them. */
    public static String modulePath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.matches(".*/(native|bindings|engine|cli)/target/classes")
                        || entry.matches(".*/(headwater|jackson|jspecify|snakeyaml-engine|picocli)[^/]*\\.jar"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** In a process of its own, with these environment variables beside the ones of this process. */
    static Started start(Path temporary, Map<String, String> environment, String... args) throws IOException {
        List<String> command = command("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");
        command.addAll(List.of(args));
        Path out = Files.createTempFile(temporary, "out", ".txt");
        Path err = Files.createTempFile(temporary, "err", ".txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().putAll(environment);
        return new Started(builder.start(), out, err);
    }
}
