package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLinesTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"a.jsonl", "a.ndjson", "a.jsonl.gz", "a.ndjson.gz"})
    void theTextOfEachLineIsADocument(String name) throws IOException {
        List<String> read = read(name, """
                {"id": 1, "meta": {"text": "not this", "n": [1, 2]}, "text": "two\\nlines \\u00e9"}

                \s
                {"text": ""}\r
                {"text": "half \\ud800 of one", "score": NaN}""");
        assertEquals(List.of("two\nlines é", "half ? of one"), read);
    }

    @Test
    void otherNamesArePlainText() throws IOException {
        assertEquals(List.of("{\"text\": 1}"), read("a.jsonl.txt", "{\"text\": 1}\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain words",
                "[\"text\"]",
                "\"text\"",
                "null",
                "{}",
                "{\"text\": 3}",
                "{\"text\": null}",
                "{\"text\": {\"text\": \"a\"}}",
                "{\"text\": \"a\", \"text\": \"b\"}",
                "{\"text\": \"a\"",
                "{\"text\": \"a\"} {}",
                "{\"text\": \"a\"} x",
                "{\"text\": \"a\", \"n\": 1e}",
                "{\"text\"",
                "{\"a\": [",
                "{\"text\": \"\\u00"
            })
    void aLineThatHoldsNoTextIsRefusedWithItsPlace(String line) {
        String message = assertThrows(
                        HeadwaterException.class, () -> read("a.jsonl", "{\"text\": \"a\"}\n" + line + "\n"))
                .getMessage();
        assertTrue(message.startsWith("Line 2 of the corpus file ") && message.contains("a.jsonl"), message);
        assertEquals(1, message.lines().count(), message);
    }

    @Test
    void depthAndLengthAreBounded() {
        for (String line : List.of("{\"a\": " + "[".repeat(100_000), "{\"text\": \"" + "x".repeat(16 << 20) + "\"}")) {
            assertTrue(assertThrows(HeadwaterException.class, () -> read("a.jsonl", line))
                    .getMessage()
                    .startsWith("Line 1 of the corpus file "));
        }
    }

    private List<String> read(String name, String content) throws IOException {
        Path file = directory.resolve(name);
        try (var out = name.endsWith(".gz")
                ? new GZIPOutputStream(Files.newOutputStream(file))
                : Files.newOutputStream(file)) {
            out.write(content.getBytes(StandardCharsets.UTF_8));
        }
        List<String> documents = new ArrayList<>();
        new Corpus(List.of(file)).read(documents::add);
        return documents;
    }
}
