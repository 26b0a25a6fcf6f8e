package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.AttributionGraph;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraphComparisonTest {
    @TempDir
    private Path directory;

    /**
     * The whole graph holds all that the pruned one holds, with the same weights, whichever kind of file each comes
     * from.
     */
    @Test
    void prunedAgainstWhole() {
        try (var golden = new dev.headwater.engine.GoldenCase("gemma2-plt-npz");
                var model = ReplacementModel.open(
                        golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                AttributionGraph graph = Attribution.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        AttributionOptions.DEFAULT.withMaxFeatures(0),
                        Progress.NONE)) {
            Path raw = directory.resolve("graph.safetensors");
            GraphFile.write(graph, raw);
            try (PlainGraph pruned = PlainGraph.read(golden.directory().resolve("graph.json"));
                    PlainGraph whole = PlainGraph.read(raw)) {
                GraphComparison comparison = GraphComparison.of(pruned, whole);
                assertEquals(new GraphComparison.Overlap(67, 0, graph.size() - 67), comparison.nodes());
                assertEquals(new GraphComparison.Overlap(1100, 0, graph.edges().nonZeros() - 1100), comparison.edges());
                assertTrue(comparison.correlation() > 0.999999, comparison.toString());
                assertTrue(comparison.largestDifference() < 1e-3, comparison.toString());
                assertEquals(0, comparison.onlyInFirst().size());
                assertTrue(comparison.onlyInSecond().getFirst().influence()
                        >= comparison.onlyInSecond().getLast().influence());
                assertEquals(1, GraphComparison.of(whole, whole).nodes().jaccard());
                assertEquals(
                        comparison.edges().common(),
                        GraphComparison.of(whole, pruned).edges().common());
            }
        }
    }
}
