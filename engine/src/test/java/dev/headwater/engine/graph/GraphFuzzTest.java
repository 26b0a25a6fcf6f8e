package dev.headwater.engine.graph;

import dev.headwater.engine.Fuzz;
import dev.headwater.engine.Mutator;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphDocumentTest;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged graph files, for front ends and whole, as {@link Fuzz} says; what is read can be worked with. */
class GraphFuzzTest {
    private static final String[] WORDS = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "-",
        "1e308",
        "NaN",
        "\"node_id\":",
        "\"source\":\"0_100_0\"",
        "\"links\":[",
        "\"F32\"",
        "\"shape\":[0]",
        "\\u0000",
        "\377",
        "[[[[[[[[[["
    };

    @TempDir
    Path directory;

    private Path file(byte[] input) throws IOException {
        Path file = directory.resolve("damaged");
        Files.deleteIfExists(file); // Some file systems make overwriting a hundred times slower than creating.
        return Files.write(file, input);
    }

    @Test
    void documents() throws IOException {
        byte[] sound;
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            sound = Files.readAllBytes(
                    GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("g"), directory));
        }
        Fuzz.run(
                "graph documents",
                new Mutator(9 + Fuzz.SEED, WORDS),
                List.of(sound),
                input -> GraphDocument.read(file(input)));
    }

    @Test
    void wholeGraphs() throws IOException {
        Path raw = directory.resolve("raw");
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            GraphFile.write(graph, raw);
        }
        Fuzz.run("whole graphs", new Mutator(10 + Fuzz.SEED, WORDS), List.of(Files.readAllBytes(raw)), input -> {
            try (AttributionGraph graph = GraphFile.read(file(input))) {
                Pruning.of(graph, 0.8, 0.98);
                Scores.of(graph);
            }
        });
    }
}
