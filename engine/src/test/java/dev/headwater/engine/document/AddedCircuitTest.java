package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A circuit goes into a file beside what is there. */
class AddedCircuitTest {
    private static final AddedCircuit CIRCUIT =
            new AddedCircuit("explained", List.of("a", "b"), List.of(new AddedCircuit.Group("one", List.of("a", "b"))));

    @TempDir
    Path directory;

    private Path file(String qParams) throws IOException {
        return Files.writeString(
                directory.resolve("graph.json"),
                "{\"metadata\":{\"x\":1.50},\"qParams\":%s,\"nodes\":[],\"links\":[]}".formatted(qParams));
    }

    private JsonNode after(AddedCircuit circuit, Path file, String name, boolean shown) throws IOException {
        assertEquals(new AddedCircuit.Kept(name, shown), circuit.into(file));
        String text = Files.readString(file);
        assertTrue(text.startsWith("{\"metadata\":{\"x\":1.50},\"qParams\":{"), text);
        assertTrue(text.endsWith(",\"nodes\":[],\"links\":[]}"), text);
        return new ObjectMapper().readTree(text).get("qParams");
    }

    @Test
    void itIsShownWhereNothingIsPinned() throws IOException {
        Path file = file("{\"pinnedIds\":[],\"supernodes\":\"[]\",\"clerps\":\"[]\",\"headwater\":{\"places\":{}}}");
        JsonNode now = after(CIRCUIT, file, "explained", true);
        assertEquals("[\"a\",\"b\"]", now.get("pinnedIds").toString());
        assertEquals("[[\"one\",\"a\",\"b\"]]", now.get("supernodes").toString());
        assertEquals(
                "{\"places\":{},\"circuits\":{\"explained\":{\"pinnedIds\":[\"a\",\"b\"],\"supernodes\":[[\"one\",\"a\",\"b\"]]}}}",
                now.get("headwater").toString());
        assertEquals("[]", now.get("clerps").asText());
        // What it shows now is kept, so that another one may be shown.
        JsonNode later = after(new AddedCircuit("other", List.of("b"), List.of()), file, "other", true);
        assertEquals("[\"b\"]", later.get("pinnedIds").toString());
        assertEquals(2, later.at("/headwater/circuits").size());
    }

    @Test
    void whatPeopleHavePinnedStays() throws IOException {
        Path file = file("{\"pinnedIds\":\"x\",\"headwater\":{\"circuits\":{\"explained\":{\"pinnedIds\":[\"y\"]}}}}");
        JsonNode now = after(CIRCUIT, file, "explained (2)", false);
        assertEquals("x", now.get("pinnedIds").asText());
        assertEquals(
                "[\"y\"]", now.at("/headwater/circuits/explained/pinnedIds").toString());
        assertEquals(now, after(CIRCUIT, file, "explained (2)", false), "not a second time");
        assertEquals(
                "explained (3)",
                new AddedCircuit("explained", List.of("b"), List.of())
                        .into(file)
                        .name());
    }

    @Test
    void aFileThatCannotKeepItIsLeftAlone() throws IOException {
        for (String broken : List.of("{\"headwater\":[1]}", "{\"headwater\":{\"circuits\":7}}", "3")) {
            Path file = file(broken);
            String before = Files.readString(file);
            assertThrows(HeadwaterException.class, () -> CIRCUIT.into(file), broken);
            assertEquals(before, Files.readString(file));
        }
        assertThrows(HeadwaterException.class, () -> CIRCUIT.into(directory.resolve("none.json")));
        try (var left = Files.list(directory)) {
            assertEquals(1, left.count());
        }
    }
}
