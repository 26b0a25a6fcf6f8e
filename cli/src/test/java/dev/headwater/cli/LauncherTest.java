package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script, with a JDK that only prints how it was called. */
class LauncherTest {
    @TempDir
    private Path directory;

    private Path home;
    private Path launcher;

    @BeforeEach
    void pretendABuiltClone() throws IOException {
        home = Files.createDirectory(directory.resolve("clone of headwater"));
        launcher = Files.copy(Path.of("..", "headwater"), home.resolve("headwater"));
        Files.createDirectories(home.resolve("cli/target/headwater/lib"));
        Files.createFile(home.resolve("cli/target/headwater/lib/headwater.jar"));
    }

    @Test
    void runsTheJdkOfJavaHomeWithTheArgumentsAndItsExitCode() throws Exception {
        Path jdk = jdk("jdk", "25.0.1+8", "echo \"$LC_ALL\"; for a; do echo \"<$a>\"; done; exit 7");
        Result result =
                launch(launcher, Map.of("JAVA_HOME", jdk.toString()), "attribute", "two words", "", "*", "--json");
        assertEquals(7, result.code, result.output);
        List<String> lines = result.output.lines().toList();
        int jar = lines.indexOf("<-jar>");
        assertEquals(
                List.of(
                        "<" + home.toRealPath().resolve("cli/target/headwater/lib/headwater.jar") + ">",
                        "<attribute>",
                        "<two words>",
                        "<>",
                        "<*>",
                        "<--json>"),
                lines.subList(jar + 1, lines.size()));
        assertEquals("C.UTF-8", lines.getFirst(), "a locale that is not UTF-8 is replaced");
    }

    @Test
    void startsModulesAndGivesNativeAccessToOneOfThem() throws Exception {
        Files.writeString(home.resolve("cli/target/headwater/modules"), "./headwater-engine.jar:./picocli-4.jar");
        Path jdk = jdk("jdk", "25.0.1+8", "for a; do echo \"$a\"; done");
        List<String> lines = launch(launcher, Map.of("JAVA_HOME", jdk.toString()), "doctor")
                .output
                .lines()
                .toList();
        String lib = home.toRealPath().resolve("cli/target/headwater/lib") + "/";
        assertEquals(
                List.of(
                        "-p",
                        lib + "headwater.jar:" + lib + "headwater-engine.jar:" + lib + "picocli-4.jar",
                        "-cp",
                        lib + "headwater.jar",
                        "--enable-native-access=dev.headwater.bindings",
                        "--add-reads=dev.headwater.cli=ALL-UNNAMED",
                        "-m",
                        "dev.headwater.cli/dev.headwater.cli.Headwater"),
                lines.subList(lines.indexOf("-p"), lines.indexOf("doctor")).stream()
                        .filter(line -> !line.startsWith("-Dheadwater.started"))
                        .toList());
    }

    @Test
    void aReleaseRunsOnItsOwnJavaAndNativeCodeAndBuildsNothing() throws Exception {
        Files.createDirectories(home.resolve("lib"));
        Files.createFile(home.resolve("lib/headwater.jar"));
        Files.createDirectories(home.resolve("java/bin"));
        script(home.resolve("java/bin/java"), "for a; do echo \"$a\"; done");
        Result result = launch(launcher, Map.of("JAVA_HOME", "/nowhere"), "doctor");
        assertEquals(0, result.code, result.output);
        List<String> lines = result.output.lines().toList();
        assertTrue(lines.contains("-Dheadwater.native=" + home.toRealPath().resolve("native")), result.output);
        assertEquals(
                home.toRealPath().resolve("lib/headwater.jar").toString(),
                lines.get(lines.indexOf("-jar") + 1),
                result.output);
        Files.delete(home.resolve("lib/headwater.jar"));
        result = launch(launcher, Map.of(), "doctor");
        assertEquals(1, result.code);
        assertTrue(result.output.contains("unpack the release again"), result.output);
    }

    /** As after {@code ssh} from a computer with other locales: the name says UTF-8, but nothing here goes by it. */
    @Test
    void aLocaleThatIsNotInstalledIsReplaced() throws Exception {
        Path jdk = jdk("jdk", "25.0.1+8", "locale charmap; for a; do echo \"<$a>\"; done");
        for (Map<String, String> locale : List.of(
                Map.of("LC_ALL", "tlh_QX.UTF-8"),
                Map.of("LC_ALL", "", "LANG", "tlh_QX.UTF-8"),
                Map.of("LC_ALL", "", "LC_CTYPE", "UTF-8"))) {
            Map<String, String> environment = new java.util.HashMap<>(locale);
            environment.put("JAVA_HOME", jdk.toString());
            Result result = launch(launcher, environment, "attribute", "« petit »");
            assertTrue(
                    result.output.lines().anyMatch("UTF-8"::equals) && result.output.contains("<« petit »>"),
                    locale + ": " + result.output);
        }
    }

    @Test
    void passesOverAJdkThatIsTooOld() throws Exception {
        Path old = jdk("old", "17.0.15+6-Debian", "echo old");
        jdk("home/.jdks/new", "26+35", "echo new");
        Result result = launch(
                launcher,
                Map.of("JAVA_HOME", old.toString(), "PATH", old.resolve("bin") + ":/usr/bin:/bin"),
                "--version");
        assertTrue(!result.output.contains("old"), "some other JDK is to run: " + result.output);
    }

    @Test
    void isFoundThroughSymbolicLinks() throws Exception {
        Path jdk = jdk("jdk", "25.0.1+8", "echo \"$*\"");
        Path first = Files.createSymbolicLink(home.resolve("hw"), Path.of("headwater"));
        Path second = Files.createSymbolicLink(directory.resolve("link"), first);
        Result result = launch(second, Map.of("JAVA_HOME", jdk.toString()), "doctor");
        assertEquals(0, result.code, result.output);
        assertTrue(
                result.output.contains(home.toRealPath() + "/cli/target/headwater/lib/headwater.jar doctor"),
                result.output);
    }

    @Test
    void runsTheBenchmarksForBench() throws Exception {
        Path jar = home.resolve("benchmarks/target/headwater/lib/headwater.jar");
        Files.createDirectories(jar.getParent());
        Files.createFile(jar);
        Path jdk = jdk("jdk", "25.0.1+8", "echo \"$*\"");
        Result result = launch(launcher, Map.of("JAVA_HOME", jdk.toString()), "bench", "--repeat", "1");
        assertTrue(
                result.output.contains(
                        home.toRealPath() + "/benchmarks/target/headwater/lib/headwater.jar bench --repeat 1"),
                result.output);
        assertTrue(result.output.contains("-Dheadwater.home=" + home.toRealPath()), result.output);
    }

    @Test
    void aFailedBuildNamesItsLogAndLastLines() throws Exception {
        Path jdk = jdk("jdk", "25.0.1+8", "echo ran");
        for (String tool : List.of("mvn", "cmake", "c++")) {
            script(
                    directory.resolve("tools").resolve(tool),
                    tool.equals("mvn") ? "echo '[ERROR] no such thing'; exit 1" : "exit 0");
        }
        Files.delete(home.resolve("cli/target/headwater/lib/headwater.jar"));
        Result result = launch(
                launcher,
                Map.of(
                        "JAVA_HOME",
                        jdk.toString(),
                        "PATH",
                        directory.resolve("tools") + ":/usr/bin:/bin",
                        "HEADWATER_NO_BUILD",
                        ""),
                "doctor");
        assertEquals(1, result.code, result.output);
        assertTrue(
                result.output.contains("cli/target/build.log") && result.output.contains("[ERROR] no such thing"),
                result.output);
    }

    private Path jdk(String name, String version, String java) throws IOException {
        Path jdk = directory.resolve(name);
        script(jdk.resolve("bin/java"), java);
        script(jdk.resolve("bin/javac"), "exit 0");
        Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"Test\"\nJAVA_RUNTIME_VERSION=\"" + version + "\"\n");
        return jdk;
    }

    private static void script(Path file, String body) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private record Result(int code, String output) {}

    private Result launch(Path script, Map<String, String> environment, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bash", script.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).directory(directory.toFile());
        builder.environment().clear();
        builder.environment()
                .putAll(Map.of(
                        "PATH",
                        "/usr/bin:/bin",
                        "HOME",
                        directory.resolve("home").toString(),
                        "HEADWATER_NO_BUILD",
                        "1"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }
}
