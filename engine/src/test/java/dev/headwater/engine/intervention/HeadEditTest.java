package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadEditTest {
    @Test
    void aForcedProbabilityLeavesTheRestItsProportions() {
        try (var scope = TensorScope.open()) {
            Tensor pattern = Tensor.ofFloats(new float[] {1, 0, 0.25f, 0.75f, 1, 0, 0.5f, 0.5f}, 2, 2, 2);
            HeadEdit.force("4/7/-1/0=0.5").apply(pattern, 6);
            HeadEdit.knockOut("4/6").apply(pattern, 6);
            assertArrayEquals(new float[] {0, 0, 0, 0, 1, 0, 0.5f, 0.5f}, pattern.toFloats());
            HeadEdit.force("4/7/1/1=0").apply(pattern, 6);
            assertArrayEquals(new float[] {0, 0, 0, 0, 1, 0, 1, 0}, pattern.toFloats());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"3", "3/", "a/1", "1/2/3", "1/2/3/4", "1/2/3/4=x", "1/2/3/4=2", "1/2/3/4=-1"})
    void whatIsNoEditIsRefused(String text) {
        assertThrows(UsageException.class, () -> HeadEdit.force(text));
        assertThrows(UsageException.class, () -> HeadEdit.knockOut(text));
    }

    /** With all else frozen, what a source's absence takes from a target differs with and without a head by the edge's loading. */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gemma2-plt-npz", "gpt-oss-clt-relu"})
    void knockingOutChangesAnEdgeByItsLoading(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                AttributionGraph graph = Attribution.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        AttributionOptions.DEFAULT.withMaxFeatures(0),
                        Progress.NONE);
                LinearPrompt prompt =
                        LinearPrompt.of(model, graph.prompt(), AttributionOptions.DEFAULT, Progress.NONE);
                Baseline baseline = Baseline.of(model, graph.prompt())) {
            HeadVerification check = HeadVerification.of(prompt, baseline, strongest(graph), Progress.NONE);
            assertTrue(check.heads() >= 8, name);
            assertEquals(0, check.relativeError(), 2e-3, name);
        }
    }

    private static List<HeadVerification.Edge> strongest(AttributionGraph graph) {
        List<HeadVerification.Edge> edges = new ArrayList<>();
        for (int target = graph.featureCount() - 1; target >= 0 && edges.size() < 3; target--) {
            for (int source = 0; source < graph.featureCount(); source++) {
                var to = (Node.Feature) graph.node(target);
                var from = (Node.Feature) graph.node(source);
                if (Math.abs(graph.edges().get(target, source)) > 0.02 && from.position() < to.position()) {
                    edges.add(new HeadVerification.Edge(to, from));
                    break;
                }
            }
        }
        return edges;
    }
}
