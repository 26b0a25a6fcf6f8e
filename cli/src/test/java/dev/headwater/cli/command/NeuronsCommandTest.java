package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.cli.Run;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.explorer.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code --neurons} from the command line, on the bundled model. */
class NeuronsCommandTest {
    @TempDir
    private Path directory;

    @Test
    void aGraphOfNeuronsIsTracedAndVerified() throws IOException {
        Path raw = directory.resolve("graph.safetensors");
        Run traced = Run.headwater(
                "attribute",
                "--neurons",
                "--max-features",
                "60",
                "--out",
                directory.toString(),
                "--slug",
                "neurons",
                "--raw",
                raw.toString(),
                "--quiet",
                "The capital of France is");
        assertEquals(0, traced.code(), traced.err());
        JsonNode graph =
                new ObjectMapper().readTree(directory.resolve("neurons.json").toFile());
        assertEquals("atlas-neurons", graph.at("/metadata/scan").asText());
        assertEquals("neurons", graph.at("/metadata/info/transcoder_set").asText());
        Run verified = Run.headwater("verify", raw.toString(), "--top", "3", "--json");
        assertEquals(0, verified.code(), verified.err());
        // Direct effects of a whole graph are the model's own, up to rounding.
        assertTrue(
                new ObjectMapper()
                                .readTree(verified.out())
                                .at("/direct/relativeError")
                                .asDouble(1)
                        < 1e-2,
                verified.out());
        Run steered =
                Run.headwater("intervene", "--neurons", "--ablate", "0/-1/3", "--json", "The capital of France is");
        assertEquals(0, steered.code(), steered.err());
        Run planned = Run.headwater("plan", "--neurons", "--json");
        assertEquals(0, planned.code(), planned.err());
        assertTrue(Files.exists(raw));
    }

    @Test
    void neuronsAndTranscodersContradictEachOther() {
        Run refused = Run.headwater("attribute", "--neurons", "-t", "atlas-plt", "x");
        assertEquals(2, refused.code());
        assertTrue(refused.err().contains("--transcoders or --neurons"), refused.err());
    }

    @Test
    void featuresOfTranscodersAreRankedByTotalEffectToo() throws IOException {
        Run traced = Run.headwater(
                "attribute",
                "--rank",
                "total",
                "--max-features",
                "40",
                "--out",
                directory.toString(),
                "--slug",
                "total",
                "--json",
                "The capital of France is");
        assertEquals(0, traced.code(), traced.err());
        assertEquals(
                40,
                new ObjectMapper()
                        .readTree(traced.out())
                        .at("/selected_features")
                        .asInt());
        Run unknown = Run.headwater("attribute", "--rank", "loudest", "x");
        assertEquals(2, unknown.code());
        assertTrue(unknown.err().contains("--rank is 'loudest'"), unknown.err());
        Run refused = Run.headwater("batch", "--neurons", "--rank", "influence", "--out", "nowhere", "none.txt");
        assertEquals(2, refused.code());
        assertTrue(refused.err().contains("by their total effects"), refused.err());
    }

    /** All neurons of a long prompt have edges of 100 GB. */
    @Test
    void moreNeuronsThanThereIsMemoryForAreRefused() {
        assumeTrue(MemoryBudget.hostMemory() < 128e9, "this machine would take them");
        Run refused = Run.headwater(
                "attribute",
                "--neurons",
                "--max-features",
                "0",
                "--out",
                directory.toString(),
                "The capital of France is Paris. ".repeat(17));
        assertEquals(1, refused.code(), refused.out());
        assertTrue(refused.err().contains("The edges need"), refused.err());
        assertTrue(refused.err().contains("fewer features"), refused.err());
    }

    /** What the explorer asks for before it traces a prompt. */
    @Test
    void theLiveModelLooksAheadWithNeuronsToo() {
        try (LiveEngine engine = new LiveEngine(CommandLine.populateCommand(new ModelOptions(), "--neurons"))) {
            Engine.Outlook outlook =
                    engine.outlook("atlas", "neurons", new Engine.Prompt.Text("The capital of France is"), 500);
            assertEquals(6, outlook.tokens().size());
            assertEquals(" Paris", outlook.next().getFirst().token());
        }
    }
}
