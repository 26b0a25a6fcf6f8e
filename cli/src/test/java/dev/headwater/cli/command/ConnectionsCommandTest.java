package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import dev.headwater.engine.features.Connection;
import dev.headwater.engine.features.FeatureConnections;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code headwater features connections} on the bundled model, with a text's statistics and without. */
class ConnectionsCommandTest {
    @TempDir
    private Path directory;

    @Test
    void bothDirectionsArePrintedStrongestFirst() throws IOException {
        Path text = Files.writeString(
                directory.resolve("text.txt"),
                "Fact: the capital of the state containing Dallas is Austin\nFact: the capital of the state containing Miami is Tallahassee\n");
        Path out = directory.resolve("features");
        Run built = Run.headwater(
                "features",
                "build",
                "--corpus",
                text.toString(),
                "--connections",
                "8",
                "--out",
                out.toString(),
                "--quiet");
        assertEquals(0, built.code(), built.err());
        Run all = Run.headwater("features", "connections", "2/7", "--top", "3", "--json");
        assertEquals(0, all.code(), all.err());
        JsonNode found = new ObjectMapper().readTree(all.out());
        assertEquals(3, found.get("inputs").size());
        assertEquals(3, found.get("outputs").size());
        assertTrue(found.at("/inputs/0/era").isNull(), all.out());

        Path files = out.resolve("atlas-plt/features");
        int fires = IntStream.range(0, 2048)
                .filter(feature -> !FeatureConnections.of(files, 6, 4, feature, Connection.By.TWERA, 8)
                        .orElseThrow()
                        .inputs()
                        .isEmpty())
                .findFirst()
                .orElseThrow();
        Run both = Run.headwater("features", "connections", "4/" + fires, "--features", out.toString());
        assertEquals(0, both.code(), both.err());
        assertTrue(both.out().contains("TWERA"), both.out());
    }

    @Test
    void badInputGetsASentence() {
        refused(2, "is no feature", "features", "connections", "4");
        refused(2, "needs --features", "features", "connections", "4/3", "--by", "era");
        refused(2, "no feature 9/3", "features", "connections", "9/3");
        refused(2, "--top", "features", "connections", "4/3", "--top", "0");
        refused(1, "no feature files", "features", "connections", "4/3", "--features", directory.toString());
        refused(2, "not with a model's own neurons", "features", "connections", "4/3", "--neurons");
    }

    private static void refused(int code, String part, String... arguments) {
        Run run = Run.headwater(arguments);
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(part) && run.err().lines().count() == 1, run.err());
    }
}
