package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written can be listed, checked and read: over names, sizes and cuts. */
class GraphNameTest {
    private static final String CHARACTERS = "aZ09._-/\\ \u00e4\n\0";

    @TempDir
    Path directory;

    private static GraphHead head(Path file) throws IOException {
        String name = file.getFileName().toString().replaceFirst("\\.json$", "");
        return GraphHead.read(name, file, Files.readAttributes(file, BasicFileAttributes.class), GraphLimits.BYTES);
    }

    @Test
    void anyNameIsRefusedOrGoodForAll() throws IOException {
        Random random = new Random(7);
        int good = 0;
        try (AttributionGraph graph = GraphDocumentTest.graph()) {
            Pruning pruning = Pruning.of(graph, 1, 1);
            for (int i = 0; i < 300; i++) {
                int length = i % 3 == 0 ? 195 + random.nextInt(12) : random.nextInt(6);
                int most = random.nextInt(10) == 0 ? CHARACTERS.length() : 7;
                String name = random.ints(length, 0, most)
                        .mapToObj(c -> CHARACTERS.substring(c, c + 1))
                        .reduce("", String::concat);
                GraphJson.Options options = GraphJson.Options.of(name);
                if (!GraphName.isValid(name)) {
                    assertThrows(UsageException.class, () -> GraphJson.write(graph, pruning, options, directory), name);
                    continue;
                }
                good++;
                Path file = GraphJson.write(graph, pruning, options, directory);
                assertEquals(name + ".json", file.getFileName().toString());
                assertNull(head(file).problem(), name);
                for (GraphSchema.Reader reader : GraphSchema.Reader.values()) {
                    assertTrue(GraphSchema.check(file, reader).isValid(), name);
                }
                assertTrue(GraphName.isValid(GraphName.numbered(name, 1_000_000)));
            }
        }
        assertTrue(good > 50, "names that can be: " + good);
    }

    private String large(int nodes, int links) {
        StringBuilder json = new StringBuilder(
                "{\"metadata\":{\"slug\":\"l\",\"scan\":\"s\",\"prompt\":\"p\",\"prompt_tokens\":[\"p\"]},\"qParams\":{},\"nodes\":[");
        for (int i = 0; i < nodes; i++) {
            json.append(i == 0 ? "" : ",")
                    .append("{\"node_id\":\"0_")
                    .append(i)
                    .append("_0\",\"feature\":")
                    .append(GraphJson.cantor(0, i))
                    .append(
                            ",\"layer\":\"0\",\"ctx_idx\":0,\"feature_type\":\"cross layer transcoder\",\"jsNodeId\":\"\",\"clerp\":\"\"}");
        }
        json.append("],\"links\":[");
        for (int i = 0; i < links; i++) {
            json.append(i == 0 ? "" : ",")
                    .append("{\"source\":\"0_")
                    .append(i % nodes)
                    .append("_0\",\"target\":\"0_")
                    .append((i + 1) % nodes)
                    .append("_0\",\"weight\":0.5}");
        }
        return json.append("]}").toString();
    }

    @Test
    void whatIsCutOffIsNotFine() throws IOException {
        for (String text : new String[] {large(20, 40), large(20_000, 50_000)}) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            Path file = Files.write(directory.resolve("cut.json"), bytes);
            assertNull(head(file).problem());
            Random random = new Random(11);
            for (int i = 0; i < 60; i++) {
                int length = random.nextInt(bytes.length);
                Files.write(file, java.util.Arrays.copyOf(bytes, length));
                assertNotNull(head(file).problem(), "cut to " + length);
            }
        }
    }

    @Test
    void largeGraphsAreReadByAll() throws IOException {
        Path file = Files.writeString(directory.resolve("large.json"), large(210_000, 10));
        assertNull(head(file).problem());
        assertTrue(GraphSchema.check(file, GraphSchema.Reader.EXPLORER).isValid());
        assertEquals(210_000, GraphDocument.read(file).nodes().size());
        Files.writeString(file, large(GraphLimits.NODES / 1000, 3).replace("0.5", "NaN"));
        assertThrows(
                dev.headwater.engine.HeadwaterException.class, () -> GraphSchema.check(file, GraphSchema.Reader.SITE));
        Files.writeString(file, large(3, 3).replace("\"weight\":0.5}]", "\"weight\":1e999}]"));
        assertFalse(GraphSchema.check(file, GraphSchema.Reader.SITE).isValid());
    }
}
