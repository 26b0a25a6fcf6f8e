package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.headwater.cli.report.Console;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a command writes depends on what it is given, and not on the machine's language or where its output goes. */
class SurroundingsTest {
    @TempDir
    private Path directory;

    private byte[] graph(String name, String javaOptions) throws Exception {
        Path out = directory.resolve(name);
        Run run = Run.start(
                        directory,
                        Map.of("JAVA_TOOL_OPTIONS", javaOptions),
                        "attribute",
                        "36+59=",
                        "--out",
                        out.toString(),
                        "--slug",
                        "sum",
                        "--max-features",
                        "20")
                .end();
        assertEquals(0, run.code(), run.err());
        return Files.readAllBytes(out.resolve("graph-metadata.json"));
    }

    @Test
    void digitsAreThoseOfNoLanguage() throws Exception {
        byte[] expected = graph("english", "-Duser.language=en");
        assertArrayEquals(expected, graph("arabic", "-Duser.language=ar -Duser.country=EG"));
        String document = Files.readString(directory.resolve("arabic/sum.json"));
        assertTrue(document.chars().noneMatch(c -> c >= 0x660 && c <= 0x669), "Arabic digits");
    }

    @Test
    void outputThatCannotBeWrittenIsAFailure() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full));
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        try (var out = new FileOutputStream(full.toFile())) {
            Console console = new Console(
                    new PrintStream(out, true, StandardCharsets.UTF_8),
                    new PrintStream(err, true, StandardCharsets.UTF_8),
                    0,
                    0,
                    false);
            assertEquals(0, Headwater.written(Console.ofProcess(), 0));
            console.out().println("results");
            assertEquals(1, Headwater.written(console, 0));
            assertEquals(2, Headwater.written(console, 2), "what went wrong before counts");
        }
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("standard output is full or closed"), err.toString());
    }
}
