package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.command.UploadCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands features, upload and graph --validate: what they refuse, and what they print. */
class SharingCommandsTest {
    @TempDir
    private Path directory;

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "features                                        | 2 | features build",
                "features build                                  | 2 | --corpus",
                "features build --corpus                         | 2 | --corpus",
                "features build --corpus DIR/none                | 1 | missing",
                "features build --corpus DIR/text --examples 0   | 2 | not 0",
                "features build --corpus DIR/text --window 1     | 2 | not 1",
                "features build --corpus DIR/text --max-tokens 0 | 2 | not 0",
                "features build --corpus DIR/text --memory -1    | 2 | --memory is -1.0",
                "features build --corpus DIR/text --model x      | 2 | --transcoders",
                "features build --corpus DIR/text --out DIR/text | 1 | not a directory",
                "upload                                          | 2 | GRAPH.json",
                "upload DIR/text --key k --url http://example.org | 2 | not encrypted",
                "upload DIR/text --key k --url nowhere           | 2 | not an https address",
                "upload DIR/text --key k                         | 1 | not valid JSON",
                "upload DIR/none --key k                         | 1 | There is no graph file",
                "graph --validate DIR/text                       | 1 | not valid JSON",
            })
    void refusals(String command, int code, String reason) throws IOException {
        Files.writeString(directory.resolve("text"), "words\n");
        Run run = Run.headwater(
                command.strip().replace("DIR", directory.toString()).split(" +"));
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(reason), run.err());
        assertFalse(run.err().contains("\tat "), run.err());
    }

    @Test
    void validationNamesEachProblem() throws IOException {
        Path graph = Files.writeString(
                directory.resolve("g.json"),
                "{\"metadata\":{\"slug\":\"s\",\"scan\":\"m\",\"prompt_tokens\":[],\"prompt\":\"\"},\"qParams\":{},\"nodes\":[],\"links\":[]}");
        Run valid = Run.headwater("graph", "--validate", graph.toString());
        assertEquals(0, valid.code(), valid.err());
        assertTrue(valid.out().contains("keeps to"), valid.out());
        Files.writeString(graph, "{\"metadata\":{\"slug\":1},\"nodes\":[{}],\"links\":[]}");
        Run invalid = Run.headwater("graph", "--validate", graph.toString());
        assertEquals(1, invalid.code());
        assertTrue(
                invalid.err().contains("metadata has no scan")
                        && invalid.err().contains("nodes[0] has no layer")
                        && invalid.err().contains("no qParams"),
                invalid.err());
    }

    @Test
    void uploadWithoutAKeySaysWhereItIsRead() {
        Run run = Run.headwater("upload", directory.resolve("none").toString(), "--key", " ");
        assertEquals(2, run.code());
        assertTrue(run.err().contains(UploadCommand.VARIABLE), run.err());
    }
}
