package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code train} on the bundled model. */
class TrainCommandTest {
    @TempDir
    Path directory;

    private Path text;

    @BeforeEach
    void write() throws IOException {
        text = Files.write(
                directory.resolve("text.txt"),
                Collections.nCopies(60, "Fact: the capital of the state containing Dallas is Austin."));
    }

    private Run train(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "-m",
                "atlas",
                "--corpus",
                text.toString(),
                "-o",
                directory.resolve("set").toString()));
        arguments.addAll(
                List.of("--features", "32", "--active", "4", "--window", "16", "--batch", "64", "--buffer", "128"));
        arguments.addAll(List.of("--visits", "2", "--held-out", "64"));
        arguments.addAll(List.of(more));
        return Run.headwater(arguments.toArray(String[]::new));
    }

    @Test
    void aSetIsTrainedAndLogged() throws IOException {
        Path log = directory.resolve("log.jsonl");
        Run run = train("--log", log.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(
                run.out()
                        .matches(
                                "Wrote 6 layers of 32 features to .*set: 0\\.\\d+ of the variance is unexplained .*\n"),
                run.out());
        assertTrue(run.err().startsWith("plan: 6 layers together, "), run.err());
        List<String> lines = Files.readAllLines(log);
        assertTrue(lines.size() > 2, lines.toString());
        JsonNode last = BoundedJson.mapper().readTree(lines.getLast());
        assertEquals(6, last.get("layers").size());
        assertTrue(last.get("held_out_fvu").isNumber() && last.get("share").asDouble() == 1, lines.getLast());
        assertTrue(Files.readString(directory.resolve("set/README.md")).contains("sha256 of the text"));
        Run evaluated = Run.headwater(
                "evaluate", "-m", "atlas", "-t", directory.resolve("set").toString(), "--text", text.toString());
        assertEquals(0, evaluated.code(), evaluated.err());
        assertEquals(2, train().code(), "the set exists");
    }

    @Test
    void aPlanWritesNothing() {
        Run run = train("--dry-run", "--tokens", "1000");
        assertEquals(0, run.code(), run.err());
        assertTrue(
                run.out().matches("plan: 6 layers together, .*\ntime: about .* for 1,000 tokens on .*\n"), run.out());
        assertFalse(Files.exists(directory.resolve("set")) || Files.exists(directory.resolve("set.training")));
    }

    @Test
    void badOptionsAreSaid() {
        for (String[] bad : new String[][] {
            {"--active", "40", "32 features of which 40 are active cannot be"},
            {"--minutes", "0", "--minutes is 0.0"},
            {"--memory", "-1", "--memory is -1.0"},
            {"--set-dtype", "int8", "--set-dtype is 'int8'"},
            {"--input", "hook_z", "'hook_z' is no place where transcoders read or write"},
            {"--rate", "3", "a rate of 3.0 is not between 0 and 1"},
            {"--from", "atlas-plt", "has 2,048 per-layer features"},
            {"--tokens", "100000", "fewer than the 100,000 that are to be read"}
        }) {
            Run run = train(bad[0], bad[1]);
            assertEquals(2, run.code(), run.err());
            assertTrue(run.err().contains(bad[2]), run.err());
        }
    }
}
