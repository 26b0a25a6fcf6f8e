package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An application of somebody else's that embeds the engine: as a module, and on the class path. */
class HostTest {
    private static final String MODULE = "module host { requires dev.headwater.engine; }";

    private static final String HOST = """
            package host;

            import dev.headwater.engine.Progress;
            import dev.headwater.engine.ReplacementModel;
            import dev.headwater.engine.attribution.Attribution;
            import dev.headwater.engine.attribution.AttributionOptions;
            import dev.headwater.engine.graph.Scores;

            public class Host {
                public static void main(String[] args) {
                    try (var model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT);
                            var graph = Attribution.of(
                                    model,
                                    model.prompt("Fact: the capital of the state containing Dallas is"),
                                    AttributionOptions.DEFAULT.withMaxFeatures(50),
                                    Progress.NONE)) {
                        System.out.println(graph.targets().getFirst() + " " + Scores.of(graph));
                    }
                }
            }
            """;

    @TempDir
    private Path directory;

    @Test
    void aModuleTracesWithNativeAccessForBindingsAlone() throws Exception {
        assertEquals("", compiled(MODULE, HOST));
        // Of libtorch's jars nobody asks for a class, so they may be anywhere on the class path.
        assertTraces(
                "-p",
                directory + ":" + Run.modulePath(),
                "-cp",
                System.getProperty("java.class.path"),
                "--enable-native-access=dev.headwater.bindings",
                "--illegal-native-access=deny",
                "-m",
                "host/host.Host");
    }

    @Test
    void anApplicationOnTheClassPathTraces() throws Exception {
        assertEquals("", compiled(null, HOST));
        assertTraces(
                "-cp",
                directory + ":" + System.getProperty("java.class.path"),
                "--enable-native-access=ALL-UNNAMED",
                "--illegal-native-access=deny",
                "host.Host");
    }

    /** Of each module something that is public but not for hosts. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "dev.headwater.engine.files.BoundedJson",
                "dev.headwater.engine.hub.Hub",
                "dev.headwater.engine.jinja.Template",
                "dev.headwater.engine.linear.LinearModel",
                "dev.headwater.engine.tokens.regex.Regex",
                "dev.headwater.engine.weights.Checkpoint",
                "dev.headwater.bindings.torch.TorchShim"
            })
    void whatIsInsideStaysInside(String type) throws IOException {
        String name = type.substring(0, type.lastIndexOf('.'));
        String messages = compiled(MODULE, "package host; class Host { " + type + " inside; }");
        assertTrue(messages.contains("package " + name + " is not visible"), messages);
    }

    /** What the compiler says. */
    private String compiled(String module, String host) throws IOException {
        Path source = Files.writeString(directory.resolve("Host.java"), host);
        List<Path> sources = module == null
                ? List.of(source)
                : List.of(Files.writeString(directory.resolve("module-info.java"), module), source);
        var compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (var files = compiler.getStandardFileManager(null, null, null)) {
            List<String> where = module == null
                    ? List.of("-cp", System.getProperty("java.class.path"))
                    : List.of("-p", Run.modulePath());
            List<String> options = Stream.concat(
                            where.stream(),
                            Stream.of("-d", directory.toString(), "-proc:none", "-Xlint:all", "-Xlint:-path"))
                    .toList();
            boolean done = compiler.getTask(
                            messages, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
                    .call();
            assertEquals(done, messages.toString().isEmpty());
        }
        return messages.toString();
    }

    private static void assertTraces(String... options) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process process = new ProcessBuilder(Stream.concat(Stream.of(java, "-Xmx1g"), Stream.of(options))
                        .toList())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("Austin") && output.lines().count() == 1, output);
    }
}
