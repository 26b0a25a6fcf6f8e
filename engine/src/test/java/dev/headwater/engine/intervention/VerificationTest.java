package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs checked against the models that they are of, and against others. */
class VerificationTest {
    private static final String DALLAS = "Fact: the capital of the state containing Dallas is";

    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt"})
    void aWholeGraphPredictsDirectEffectsExactly(String transcoders) {
        try (ReplacementModel model = ReplacementModel.load(
                        "atlas", transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                PlainGraph graph = PlainGraph.of(
                        "dallas",
                        Attribution.of(
                                model,
                                model.prompt(DALLAS),
                                AttributionOptions.DEFAULT.withMaxFeatures(0),
                                Progress.NONE))) {
            var group = new Supernode("Texas", List.of(new FeatureRef(2, 10, 607), new FeatureRef(0, 9, 94)));
            var options = new Verification.Options(4, 0, List.of(group), 2, 1);
            Verification check = Verification.of(model, graph, options, Progress.NONE);
            assertEquals(" Austin", check.answer());
            assertTrue(
                    check.direct().correlation() > 0.999999 && check.direct().relativeError() < 1e-4,
                    check.direct().toString());
            assertTrue(check.total().correlation() > 0.5, check.total().toString());
            assertEquals(5, check.effects().size());
            for (Verification.Curve curve : check.curves()) {
                assertEquals(0, curve.points().getFirst().features());
            }
            var top = check.curves().getFirst().points();
            assertEquals(check.answerProbability(), top.getLast().probability(), 1e-4, "nothing is ablated at the end");
            assertTrue(top.getFirst().probability() < 0.5, "without features the answer is lost: " + top);
        }
    }

    @Test
    void aGraphOfAnotherModelIsToldApart() {
        try (GoldenCase golden = new GoldenCase("gpt2-plt-relu");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                GoldenCase other = new GoldenCase("gemma2-plt-npz");
                PlainGraph graph = PlainGraph.read(other.directory().resolve("graph.json"))) {
            assertThrows(
                    HeadwaterException.class,
                    () -> Verification.of(model, graph, Verification.Options.DEFAULT, Progress.NONE));
        }
    }

    @Test
    void aFeatureThatTheGraphLacksIsSaid() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                PlainGraph graph = PlainGraph.read(golden.directory().resolve("graph.json"))) {
            var options = new Verification.Options(
                    1, 0, List.of(new Supernode("none", List.of(new FeatureRef(0, 1, 0)))), 1, 0);
            assertTrue(assertThrows(UsageException.class, () -> Verification.of(model, graph, options, Progress.NONE))
                    .getMessage()
                    .contains("'none'"));
            assertThrows(UsageException.class, () -> new Verification.Options(1, 1, List.of(), 1, 0));
            assertThrows(UsageException.class, () -> new Verification.Options(-1, 0, List.of(), 1, 0));
            assertThrows(UsageException.class, () -> new Verification.Options(1, Double.NaN, List.of(), 1, 0));
        }
    }

    /** The edges that a pruned graph has kept are those of the whole one, so each predicts its direct effect. */
    @Test
    void aPrunedGraphFromAFileIsChecked() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                PlainGraph graph = PlainGraph.read(golden.directory().resolve("graph.json"))) {
            Verification check =
                    Verification.of(model, graph, new Verification.Options(5, 2, List.of(), 1, 0), Progress.NONE);
            assertTrue(check.direct().relativeError() < 1e-3, check.direct().toString());
        }
    }

    /** A neuron that does not stay is 0, whatever it would have become; all at once or one by one. */
    @Test
    void ablationCurvesOfNeuronsAreThoseOfEdits() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")));
                AttributionGraph graph = Attribution.of(
                        model, baseline.prompt(), AttributionOptions.DEFAULT.withMaxFeatures(20), Progress.NONE)) {
            PlainGraph plain = PlainGraph.of("graph", graph);
            Verification check =
                    Verification.of(model, plain, new Verification.Options(0, 0, List.of(), 2, 1), Progress.NONE);
            Verification.Point none = check.curves().getFirst().points().getFirst();
            assertEquals(0, none.features());
            List<Edit> edits = new ArrayList<>();
            for (int layer = 0; layer < model.layers(); layer++) {
                for (int f = 0; f < model.basis().features(); f++) {
                    int zeros = model.zeroPositions(baseline.run().tokens());
                    for (int p = zeros; p < baseline.run().positions(); p++) {
                        edits.add(Edit.of(new FeatureRef(layer, p, f), Change.ABLATE));
                    }
                }
            }
            try (Run run = baseline.apply(new Intervention(edits, Freeze.ATTENTION))) {
                int answer = graph.targets().getFirst().token();
                assertEquals(run.probabilities(-1)[answer], none.probability(), 1e-6);
            }
        }
    }
}
