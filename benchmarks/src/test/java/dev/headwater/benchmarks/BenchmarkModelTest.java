package dev.headwater.benchmarks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.graph.AttributionGraph;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchmarkModelTest {
    private static final ModelShape TINY = ModelShape.parse("tiny");

    @TempDir
    private Path folder;

    private static ReplacementModel open(BenchmarkModel model) {
        return ReplacementModel.open(
                model.checkpoint(), model.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    @Test
    void firesAboutAsManyFeaturesAsItsShapeSays() {
        BenchmarkModel random = BenchmarkModel.in(folder, TINY);
        int[] tokens = random.tokens(24);
        try (ReplacementModel model = open(random);
                AttributionGraph graph =
                        Attribution.of(model, model.prompt(tokens), AttributionOptions.DEFAULT, Progress.NONE)) {
            double active = graph.active().count() / (double) (TINY.layers() * (tokens.length - 1));
            assertEquals(TINY.active(), active, 0.25 * TINY.active(), "active features of a token and layer");
            assertTrue(SweepWork.gflop(model, graph) > 0, "the rows of a graph cost work");
        }
    }

    @Test
    void isTheSameEveryTime() throws Exception {
        Path first = BenchmarkModel.in(folder.resolve("a"), TINY).checkpoint().resolve("model.safetensors");
        Path second = BenchmarkModel.in(folder.resolve("b"), TINY).checkpoint().resolve("model.safetensors");
        assertEquals(-1, Files.mismatch(first, second), "the checkpoints' first byte that differs");
    }

    @Test
    void beginsALongPromptWithTheShortOne() {
        BenchmarkModel random = new BenchmarkModel(TINY, folder);
        assertArrayEquals(random.tokens(8), java.util.Arrays.copyOf(random.tokens(40), 8));
    }

    @Test
    void tellsGraphsApart() {
        BenchmarkModel random = BenchmarkModel.in(folder, TINY);
        Path all = folder.resolve("all.safetensors");
        Path some = folder.resolve("some.safetensors");
        try (ReplacementModel model = open(random)) {
            write(model, random, 60, all);
            write(model, random, 40, some);
        }
        assertEquals(new GraphDifference(60, 60, 0), GraphDifference.between(all, all));
        GraphDifference difference = GraphDifference.between(all, some);
        assertEquals(60, difference.features(), "the 40 most influential are among the 60");
        assertEquals(40, difference.common());
        assertEquals(0, difference.edges(), 1e-6, "edges between nodes of both");
        assertTrue(difference.toString().startsWith("NOT the same graph"), difference.toString());
    }

    private static void write(ReplacementModel model, BenchmarkModel random, int features, Path file) {
        // Rankings after every 20 features, so that the smaller selection is the beginning of the larger one.
        AttributionOptions options = AttributionOptions.DEFAULT
                .withMaxFeatures(features)
                .withBatchSize(20)
                .withUpdateInterval(1);
        try (AttributionGraph graph = Attribution.of(model, model.prompt(random.tokens(12)), options, Progress.NONE)) {
            GraphFile.write(graph, file);
        }
    }

    @Test
    void readsShapesByNameAndByChange() {
        assertEquals(24, ModelShape.parse("bench:layers=24,features=12288").layers());
        for (String wrong :
                new String[] {"huge", "bench:depth=3", "bench:layers=x", "bench:heads=7", "tiny:active=999"}) {
            assertThrows(UsageException.class, () -> ModelShape.parse(wrong), wrong);
        }
    }
}
