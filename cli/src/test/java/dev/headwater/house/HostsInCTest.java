package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import dev.headwater.engine.hub.BundledModel;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs in C and C++ with the engine inside: the samples, and {@code native/tests/host}, which does to {@code libheadwater.so} what
 * hosts do wrong. What is C++ runs with sanitizers, but for the signals that a Java machine needs itself.
 */
class HostsInCTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";
    private static final Path NATIVE = Path.of("..", "native").toAbsolutePath().normalize();
    private static final Path LIBRARIES = NATIVE.resolve("target/lib");

    @TempDir
    private static Path directory;

    private static Path home;
    private static Path sanitized;
    private static Path plain;

    @BeforeAll
    static void build() throws Exception {
        home = home(directory.resolve("home"));
        sanitized = compiled("sanitized", "c++", "-std=c++20 -g -fsanitize=address,undefined", sources());
        plain = compiled("plain", "c++", "-std=c++20 -g", sources());
    }

    /** What an unpacked release is for the library, made of the tests' classes and jars. */
    private static Path home(Path home) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes()
                .put(
                        Attributes.Name.CLASS_PATH,
                        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                                .map(entry -> Path.of(entry).toUri().toString())
                                .collect(Collectors.joining(" ")));
        Files.createDirectories(home.resolve("lib"));
        try (var jar = new JarOutputStream(Files.newOutputStream(home.resolve("lib/headwater.jar")), manifest)) {
            jar.finish();
        }
        Files.writeString(home.resolve("modules"), Run.modulePath());
        return home;
    }

    private static Path compiled(String name, String compiler, String flags, String... sources) throws Exception {
        Path program = directory.resolve(name);
        List<String> command = new ArrayList<>(List.of(compiler));
        command.addAll(List.of(flags.split(" ")));
        command.addAll(List.of("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"));
        command.addAll(List.of(sources));
        command.addAll(List.of("-I" + NATIVE.resolve("include"), "-L" + LIBRARIES, "-lheadwater"));
        command.addAll(List.of("-Wl,-rpath," + LIBRARIES, "-o", program.toString()));
        assertEquals("0: ", run(command, Map.of()));
        return program;
    }

    /** Exit code and all that was printed. */
    private static String run(List<String> command, Map<String, String> environment) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("HEADWATER_HOME", home.toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("ASAN_OPTIONS", "handle_segv=0:allow_user_segv_handler=1:detect_leaks=0");
        builder.environment().put("UBSAN_OPTIONS", "halt_on_error=1");
        // Eight threads share two processors here at times: none of them is to wait by turning.
        builder.environment().put("OMP_WAIT_POLICY", "passive");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() + ": " + output;
    }

    @Test
    void theSampleInCMakesTheGraphOfTheCommandLine() throws Exception {
        Path program = compiled(
                "trace", "cc", "-std=c11", NATIVE.resolve("samples/trace.c").toString());
        Path out = Files.createDirectories(directory.resolve("graphs"));
        String said = run(List.of(program.toString(), PROMPT, out.toString()), Map.of());
        assertTrue(said.startsWith("0: ") && said.contains("next \" Austin\" 0.9997"), said);

        Path expected = Files.createDirectories(directory.resolve("expected"));
        Run commandLine = Run.headwater(
                "attribute",
                PROMPT,
                "--slug",
                "sample",
                "--out",
                expected.toString(),
                "--raw",
                expected + "/graph.safetensors",
                "--quiet");
        assertEquals(0, commandLine.code(), commandLine.err());
        assertArrayEquals(tensors(expected), tensors(out));
        JsonNode ours = new ObjectMapper().readTree(out.resolve("sample.json").toFile());
        JsonNode theirs =
                new ObjectMapper().readTree(expected.resolve("sample.json").toFile());
        assertEquals(theirs.get("nodes"), ours.get("nodes"));
        assertEquals(theirs.get("links"), ours.get("links"));
    }

    /** The tensors of a whole graph, which follow a header that says when it was made. */
    private static byte[] tensors(Path folder) throws IOException {
        byte[] file = Files.readAllBytes(folder.resolve("graph.safetensors"));
        long header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        return Arrays.copyOfRange(file, Long.BYTES + Math.toIntExact(header), file.length);
    }

    @Test
    void theSampleInCxxIntervenes() throws Exception {
        Path program = compiled(
                "intervene",
                "c++",
                "-std=c++17 -fsanitize=address,undefined",
                NATIVE.resolve("samples/intervene.cpp").toString());
        String said = run(List.of(program.toString()), Map.of());
        assertTrue(said.startsWith("0: token 3913 becomes ") && said.contains("with 0 edits: Austin"), said);
        assertTrue(said.contains("with 7 edits: Salem"), said);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "errors versions contents tensors",
                "threads closing",
                "ending forking stacks",
                "signals",
                "another_machine",
                "conversations contrasts heads evaluations"
            })
    void aHost(String cases) throws Exception {
        List<String> names = List.of(cases.split(" "));
        List<String> command = new ArrayList<>(List.of(sanitized.toString()));
        command.addAll(names);
        assertEquals(
                "0: " + names.stream().map(name -> "ok " + name + "\n").collect(Collectors.joining()),
                run(command, Map.of("OMP_NUM_THREADS", "1", "HEADWATER_TEST_CHAT", chat().toString())));
    }

    /** The bundled model with a template, which writes the turns one after the other. */
    private static Path chat() throws IOException {
        Path model = directory.resolve("chat");
        if (!Files.exists(model)) {
            Files.createDirectory(model);
            try (Stream<Path> files = Files.list(BundledModel.directory("atlas"))) {
                for (Path file : files.toList()) {
                    Files.copy(file, model.resolve(file.getFileName()));
                }
            }
            Files.writeString(
                    model.resolve("chat_template.jinja"),
                    "{% if enable_thinking %}is {% endif %}"
                            + "{% for turn in messages %}{{ turn['content'] }}{% if not loop.last %} {% endif %}{% endfor %}");
        }
        return model;
    }

    @Test
    void aHostThatSetsItsHandlersLate() throws Exception {
        String jsig =
                Path.of(System.getProperty("java.home"), "lib", "libjsig.so").toString();
        assertEquals(
                "0: ok late_signals\n", run(List.of(plain.toString(), "late_signals"), Map.of("LD_PRELOAD", jsig)));
    }

    @Test
    void manyGraphsLeaveNothingBehind() throws Exception {
        String said = run(List.of(plain.toString(), "loop", "60"), Map.of("OMP_NUM_THREADS", "1"));
        assertTrue(said.startsWith("0: 60 graphs: "), said);
    }

    private static String[] sources() throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "include");
        try (Stream<Path> files = Files.list(NATIVE.resolve("tests/host"))) {
            return Stream.concat(
                            files.map(Path::toString)
                                    .filter(file -> file.endsWith(".cpp"))
                                    .sorted(),
                            Stream.of("-isystem", java.toString(), "-isystem", java + "/linux", "-ldl"))
                    .toArray(String[]::new);
        }
    }

    @Test
    void aHomeThatIsNoneIsToldInOneSentence() throws Exception {
        Path program = compiled(
                "trace", "cc", "-std=c11", NATIVE.resolve("samples/trace.c").toString());
        String said = run(List.of(program.toString()), Map.of("HEADWATER_HOME", "/nowhere"));
        assertEquals(
                "1: trace: /nowhere, which HEADWATER_HOME names, has no lib/headwater.jar and no "
                        + "cli/target/headwater/lib/headwater.jar; name an unpacked release, or a clone in which ./headwater doctor was run\n",
                said);
        said = run(List.of(program.toString()), Map.of("HEADWATER_JAVA_OPTS", "-XX:NoSuchOption=1"));
        assertTrue(said.startsWith("1: trace: the Java machine of ") && said.contains("NoSuchOption"), said);
    }

    /** pkg-config's and CMake's descriptions, of an installed copy. */
    @Test
    void itIsFoundByPkgConfigAndByCmake() throws Exception {
        Path prefix = directory.resolve("prefix");
        assertTrue(run(
                        List.of(
                                "cmake",
                                "--install",
                                NATIVE.resolve("target/cmake").toString(),
                                "--component",
                                "host",
                                "--prefix",
                                prefix.toString()),
                        Map.of())
                .startsWith("0: "));
        Path project = Files.createDirectories(directory.resolve("project"));
        Files.writeString(project.resolve("CMakeLists.txt"), """
                cmake_minimum_required(VERSION 3.22)
                project(host C)
                find_package(headwater REQUIRED)
                add_executable(trace %s)
                target_link_libraries(trace headwater::headwater)
                """.formatted(NATIVE.resolve("samples/trace.c")));
        String build = project.resolve("build").toString();
        String said =
                run(List.of("cmake", "-S", project.toString(), "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix), Map.of());
        assertTrue(said.startsWith("0: "), said);
        said = run(List.of("cmake", "--build", build), Map.of());
        assertTrue(said.startsWith("0: "), said);
        String description = Files.readString(prefix.resolve("lib/pkgconfig/headwater.pc"));
        assertTrue(description.contains("Libs: -L${libdir} -lheadwater"), description);
        assertTrue(Files.isRegularFile(prefix.resolve("include/headwater.h")), prefix::toString);
        assertTrue(Files.isRegularFile(prefix.resolve("include/headwater_arrays.h")), prefix::toString);
    }
}
