package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands {@code models}, {@code fetch} and {@code convert}, and references to what is on this machine. */
class HubCommandsTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";

    @TempDir
    private Path directory;

    @Test
    void modelsListsWhatIsKnownAndWhatIsHere() throws IOException {
        Run shown = Run.headwater("models");
        assertEquals(0, shown.code(), shown.err());
        for (String expected : List.of(
                "-t atlas-plt  bundled",
                "google/gemma-2-2b",
                "-t mwhanna/gemma-scope-transcoders",
                "26 x 16384",
                "Cache ")) {
            assertTrue(shown.out().contains(expected), "no '" + expected + "' in\n" + shown.out());
        }
        JsonNode pairs = BoundedJson.mapper()
                .readTree(Run.headwater("models", "--json").out())
                .get("pairs");
        assertEquals("atlas-plt", pairs.at("/0/transcoders").textValue());
        assertTrue(pairs.at("/0/transcoders_here").booleanValue());
        assertEquals(BundledModel.size("atlas"), pairs.at("/0/model_bytes").longValue());
    }

    @Test
    void fetchSaysWhereThingsAre() {
        Run run = Run.headwater("fetch", "atlas-clt");
        assertEquals(0, run.code(), run.err());
        assertTrue(
                run.out().startsWith("atlas-clt: 11 MB in ") || run.out().matches("(?s)atlas-clt: \\d+ MB in .*"),
                run.out());
    }

    @Test
    void badReferencesAreRefused() {
        refused(2, "Missing required parameter", "fetch");
        refused(2, "is neither a directory here nor a reference", "fetch", "org/");
        refused(2, "may end in ?revision=", "fetch", "hf://org/repo?branch=x");
        refused(1, "There is no directory", "fetch", directory.resolve("none").toString());
        refused(
                1,
                "is no transcoder set",
                "convert",
                directory.toString(),
                directory.resolve("new").toString());
        refused(2, "exists already", "convert", "atlas-plt", directory.toString());
        refused(
                1,
                "is not a directory",
                "convert",
                "atlas-plt",
                file("taken").resolve("new").toString());
    }

    @Test
    void aConvertedSetGivesTheSameGraph() throws IOException {
        for (String set : List.of("atlas-plt", "atlas-clt")) {
            Path converted = directory.resolve(set);
            Run run = Run.headwater("convert", set, converted.toString());
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("6 layers of"), run.out());
            // The model is not named: the set's configuration names it.
            graph(set, set + "-raw");
            graph(converted.toString(), set + "-converted-raw");
            assertArrayEquals(adjacency(set + "-raw"), adjacency(set + "-converted-raw"), set);
        }
        assertFalse(
                Stream.of(directory.toFile().list()).anyMatch(name -> name.startsWith(".")),
                "something temporary is left");
    }

    private void graph(String transcoders, String raw) {
        Run run = Run.headwater(
                "attribute",
                PROMPT,
                "-t",
                transcoders,
                "--quiet",
                "--out",
                directory.resolve("graphs").toString(),
                "--max-features",
                "100",
                "--raw",
                directory.resolve(raw).toString());
        assertEquals(new Run(0, "", ""), run);
    }

    /** The numbers of a raw graph, without the header, which has times in it. */
    private byte[] adjacency(String raw) throws IOException {
        byte[] bytes = Files.readAllBytes(directory.resolve(raw));
        int header = bytes[0] & 0xff | (bytes[1] & 0xff) << 8 | (bytes[2] & 0xff) << 16;
        return java.util.Arrays.copyOfRange(bytes, 8 + header, bytes.length);
    }

    private Path file(String name) {
        try {
            return Files.writeString(directory.resolve(name), "");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void refused(int code, String reason, String... args) {
        Run run = Run.headwater(args);
        assertEquals(code, run.code(), String.join(" ", args) + "\n" + run.err());
        assertTrue(run.err().contains(reason), "no '" + reason + "' in\n" + run.err());
        assertEquals("", run.out(), String.join(" ", args));
    }
}
