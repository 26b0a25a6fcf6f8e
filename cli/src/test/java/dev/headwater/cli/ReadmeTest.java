package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is true. */
class ReadmeTest {
    private static final Path README = Path.of("..", "README.md");

    @TempDir
    private Path directory;

    @Test
    void itsJavaCompilesAndRuns() throws Exception {
        String code = block("java").replace("Path.of(\"graphs\")", "Path.of(args[0])");
        Path source = Files.writeString(directory.resolve("Example.java"), """
            import dev.headwater.engine.*;

            import dev.headwater.engine.attribution.*;

            import dev.headwater.engine.document.*;
            import dev.headwater.engine.graph.*;

            import java.nio.file.Path;

            public class Example {
                public static void main(String[] args) {
            %s
                }
            }
            """.formatted(code));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (var files = compiler.getStandardFileManager(null, null, null)) {
            boolean compiled = compiler.getTask(
                            messages,
                            files,
                            null,
                            List.of(
                                    "-d",
                                    directory.toString(),
                                    "-classpath",
                                    System.getProperty("java.class.path"),
                                    "-proc:none"),
                            null,
                            files.getJavaFileObjects(source))
                    .call();
            assertTrue(compiled, messages.toString());
        }
        Path graphs = directory.resolve("graphs");
        try (var loader = new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
            loader.loadClass("Example").getMethod("main", String[].class).invoke(null, (Object)
                    new String[] {graphs.toString()});
        }
        assertTrue(Files.isRegularFile(graphs.resolve("dallas.json")));
        assertTrue(code.strip().lines().count() <= 11, "ten lines were promised");
    }

    @Test
    void everyCommandThatItListsExists() throws IOException {
        String help = Run.headwater("--help").out();
        List<String> listed = Pattern.compile("(?m)^\\| `([a-z-]+)[ `]")
                .matcher(Files.readString(README))
                .results()
                .map(row -> row.group(1))
                .toList();
        assertTrue(listed.size() >= 10, listed.toString());
        listed.forEach(command -> assertTrue(
                help.contains("\n  " + command + " ") || help.contains("\n  " + command + ","),
                "there is no command " + command));
    }

    @Test
    void itsFirstCommandNamesOptionsThatExist() throws IOException {
        String readme = Files.readString(README);
        assertEquals(
                1,
                Pattern.compile("(?m)^\\./headwater attribute \"Fact: the capital of the state containing Dallas is\"$")
                        .matcher(readme)
                        .results()
                        .count());
    }

    private static String block(String language) throws IOException {
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
        assertTrue(block.find(), "the README has no " + language);
        return block.group(1);
    }
}
