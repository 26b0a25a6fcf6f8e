package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands with a graph that circuit-tracer saved. */
class PickledGraphCommandsTest {
    private static final Path RESOURCES = Path.of("../engine/src/test/resources");
    private static final String GRAPH = RESOURCES.resolve("pickled/graph.pt").toString();

    @TempDir
    Path directory;

    private static Run fine(String... args) {
        Run run = Run.headwater(args);
        assertEquals(0, run.code(), run.err());
        return run;
    }

    @Test
    void itIsPrunedConvertedAndCompared() throws IOException {
        String converted = directory.resolve("graph.safetensors").toString();
        fine("convert", GRAPH, converted);
        assertEquals(
                BoundedJson.mapper()
                        .readTree(fine("graph", GRAPH, "--info", "--json", "--quiet")
                                .out()),
                BoundedJson.mapper()
                        .readTree(fine("graph", converted, "--info", "--json", "--quiet")
                                .out()));
        assertEquals(
                0,
                BoundedJson.mapper()
                        .readTree(fine("compare", GRAPH, converted, "--json").out())
                        .at("/edges/onlyFirst")
                        .asInt(-1));
        Run run = fine("graph", GRAPH, "--out", directory.toString(), "--slug", "dallas", "--quiet");
        assertTrue(run.err().contains("is not on this machine, so tokens are shown as #ID"), run.err());
        assertEquals(
                "tiny/llama-plt-relu-skip-transcoders",
                BoundedJson.read(directory.resolve("dallas.json"))
                        .at("/metadata/scan")
                        .asText());
    }

    /** The library's direct effects are what our model does. */
    @Test
    void itIsVerifiedAgainstItsModel() throws IOException {
        Path golden = RESOURCES.resolve("golden/llama-plt-relu-skip");
        String out = fine(
                        "verify",
                        GRAPH,
                        "-m",
                        golden.resolve("model").toString(),
                        "-t",
                        golden.resolve("transcoders").toString(),
                        "--top",
                        "2",
                        "--draws",
                        "1",
                        "--json")
                .out();
        assertTrue(
                BoundedJson.mapper().readTree(out).at("/direct/relativeError").doubleValue() < 1e-4, out);
    }

    @Test
    void noneIsWritten() {
        for (String[] args : new String[][] {
            {"convert", GRAPH, directory.resolve("x.pt").toString()},
            {"attribute", "-m", "atlas", "--raw", directory.resolve("x.pt").toString(), "One"}
        }) {
            Run run = Run.headwater(args);
            assertTrue(run.code() != 0 && run.err().contains("never written"), run.err());
        }
        assertFalse(Files.exists(directory.resolve("x.pt")));
    }
}
