package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.OutputTargets.Direction;
import dev.headwater.engine.graph.AttributionGraph;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A concept's graph is what linearity says it is. */
class ConceptTargetTest {
    private static final List<Integer> TOKENS = List.of(5, 11, 17);
    private static final List<Integer> OTHERS = List.of(7, 23);

    private static float[][] rows(ReplacementModel model, GoldenCase golden, OutputTargets targets) {
        try (AttributionGraph graph = Attribution.of(
                model,
                model.prompt(golden.ints("input_tokens")),
                AttributionOptions.DEFAULT.withMaxFeatures(0).withTargets(targets),
                Progress.NONE)) {
            float[][] rows = new float[graph.targets().size()][graph.firstLogit()];
            float[] row = new float[graph.size()];
            for (int k = 0; k < rows.length; k++) {
                graph.edges().copyRow(graph.firstLogit() + k, row);
                System.arraycopy(row, 0, rows[k], 0, rows[k].length);
            }
            return rows;
        }
    }

    /**
     * Tokens' edges have the vocabulary's mean taken off, which is the same on both sides: the concept's are the mean of
     * its tokens' minus the mean of the others'.
     */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2-plt-npz", "llama-plt-relu-skip"})
    void itsEdgesAreTheMeansOfItsTokens(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            float[][] tokens = rows(model, golden, new OutputTargets.Tokens(List.of(5, 11, 17, 7, 23)));
            float[] concept = rows(
                    model, golden, new OutputTargets.Directions(List.of(Direction.between(model, TOKENS, OTHERS))))[0];
            float[] alone = rows(
                    model, golden, new OutputTargets.Directions(List.of(Direction.between(model, TOKENS, List.of()))))[
                    0];
            double largest = 0;
            for (int i = 0; i < concept.length; i++) {
                double with = ((double) tokens[0][i] + tokens[1][i] + tokens[2][i]) / 3;
                double without = ((double) tokens[3][i] + tokens[4][i]) / 2;
                largest = Math.max(largest, Math.abs(concept[i]));
                assertEquals(with - without, concept[i], 2e-5, "node " + i);
                assertEquals(with, alone[i], 2e-5, "node " + i + ", against the vocabulary");
            }
            assertTrue(largest > 1e-3, "there is something to compare");
            assertThrows(UsageException.class, () -> Direction.between(model, TOKENS, List.of(17, 11, 5)));
            assertThrows(UsageException.class, () -> Direction.between(model, List.of(), OTHERS));
            assertThrows(UsageException.class, () -> Direction.between(model, List.of(1 << 20), OTHERS));
        }
    }
}
