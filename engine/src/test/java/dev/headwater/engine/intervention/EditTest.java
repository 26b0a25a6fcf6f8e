package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What edits mean, and the sentence that a request without meaning gets. */
class EditTest {
    @ParameterizedTest
    @CsvSource({
        "3, 3, 4, false",
        "-1, 9, 10, false",
        "2:5, 2, 5, false",
        "-3:-1, 7, 9, false",
        "2:, 2, 10, true",
        ":4, 0, 4, false",
        "*, 0, 10, true",
        "':', 0, 10, true"
    })
    void positionsAsInPython(String text, int first, int end, boolean openEnded) {
        Positions positions = Positions.parse(text);
        assertEquals(
                List.of(first, end, openEnded),
                List.of(positions.first(10), positions.end(10), positions.openEnded()),
                text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "1:2:3", "1.5", "99999999999", "1/2", "a:", "--1"})
    void whatIsNoPositionIsSaid(String text) {
        assertTrue(
                assertThrows(UsageException.class, () -> Positions.parse(text))
                        .getMessage()
                        .contains("is not a position"),
                text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1/2", "1/2/3/4", "-1/2/3", "1/2/-3", "1/2/x", "1//2", "1/2/99999999999"})
    void whatIsNoFeatureIsSaid(String text) {
        assertThrows(UsageException.class, () -> Edit.of(text, Change.ABLATE), text);
    }

    @Test
    void numbersAreFinite() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            assertThrows(UsageException.class, () -> new Change.Set(bad));
            assertThrows(UsageException.class, () -> new Change.Scale(bad));
            assertThrows(UsageException.class, () -> new Change.Add(bad));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "9/1/0 | there is no layer 9",
                "0/1/96 | there is no feature 96",
                "0/11/0 | outside the prompt",
                "0/-12/0 | outside the prompt",
                "0/2:12/0 | outside the prompt",
                "0/5:5/0 | range of positions is empty",
                "0/6:2/0 | range of positions is empty",
                "0/11:/0 | outside the prompt"
            })
    void editsOfWhatDoesNotExist(String place, String complaint) {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            Intervention intervention = Intervention.of(Edit.of(place, Change.ABLATE));
            String message = assertThrows(UsageException.class, () -> baseline.apply(intervention))
                    .getMessage();
            assertTrue(message.contains(complaint) && message.contains(place), message);
        }
    }

    @Test
    void settingsThatContradictEachOther() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            Intervention outside =
                    Intervention.of(Edit.of("3/1/0", Change.ABLATE)).withFreeze(new Freeze.Layers(0, 2));
            assertTrue(assertThrows(UsageException.class, () -> baseline.apply(outside))
                    .getMessage()
                    .contains("can have no effect"));
            assertThrows(
                    UsageException.class, () -> baseline.apply(Intervention.NONE.withFreeze(new Freeze.Layers(0, 9))));
            assertThrows(UsageException.class, () -> new Freeze.Layers(2, 2));
            assertThrows(
                    UsageException.class,
                    () -> baseline.apply(Intervention.of(Edit.of("0/1/0", new Change.Swap(baseline.prompt(), 11)))));
            assertThrows(UsageException.class, () -> new Generation.Options(0, Sampling.GREEDY, Set.of()));
            assertThrows(UsageException.class, () -> new Sampling(Double.NaN, 0, 1, 0));
            assertThrows(UsageException.class, () -> new Sampling(1, -1, 1, 0));
            assertThrows(UsageException.class, () -> new Sampling(1, 0, 0, 0));
        }
    }

    /** Relative changes start from the clean activation, and a swap from the same prompt changes nothing. */
    @Test
    void changesAreOfTheCleanActivation() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            var active = baseline.run().activations(1);
            int i = active.count() - 1;
            float value = active.value()[i];
            String place = "1/" + active.position()[i] + "/" + active.feature()[i];
            float[] expected = logits(baseline, place, new Change.Set(value * 3));
            assertClose(expected, logits(baseline, place, new Change.Scale(3)));
            assertClose(expected, logits(baseline, place, new Change.Add(2 * value)));
            assertClose(logits(baseline, place, new Change.Set(0)), logits(baseline, place, Change.ABLATE));
            assertClose(
                    baseline.run().logits(-1),
                    logits(baseline, place, new Change.Swap(baseline.prompt(), active.position()[i])));
        }
    }

    /** A swap sets the factor times the mean of the activations at its places, one of another position among them. */
    @Test
    void swapsTakeFactorsMeansAndPositions() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            int[] tokens = golden.ints("input_tokens");
            int[] turned = IntStream.range(0, tokens.length)
                    .map(i -> tokens[i == 0 ? 0 : tokens.length - i])
                    .toArray();
            Prompt other = model.prompt(turned);
            var active = baseline.activations(other).get(1);
            int i = active.count() - 1;
            int position = active.position()[i];
            int feature = active.feature()[i];
            float here = baseline.run().denseActivations(1)[3 * model.basis().features() + feature];
            float mean = (active.value()[i] + here) / 2;
            List<Change.Swap.Place> places = List.of(
                    new Change.Swap.Place(other, position - other.length()),
                    new Change.Swap.Place(baseline.prompt(), 3));
            for (Freeze freeze : List.of(Freeze.NOTHING, Freeze.ATTENTION, Freeze.EVERYTHING)) {
                Intervention swap = Intervention.of(Edit.of("1/2/" + feature, new Change.Swap(places, 2.5f)))
                        .withFreeze(freeze);
                Intervention set = Intervention.of(Edit.of("1/2/" + feature, new Change.Set(2.5f * mean)))
                        .withFreeze(freeze);
                try (Run swapped = baseline.apply(swap);
                        Run expected = baseline.apply(set)) {
                    assertClose(expected.logits(-1), swapped.logits(-1));
                    assertEquals(2.5f * mean, swapped.applied().getFirst().value(), 1e-6f);
                }
            }
            List<Edit> pattern =
                    EditPattern.parse("1/2/" + feature).swaps(baseline, List.of(other, other), position, -1);
            try (Run run = baseline.apply(new Intervention(pattern, Freeze.ATTENTION))) {
                assertEquals(-active.value()[i], run.applied().getFirst().value(), 1e-6f);
            }
            assertThrows(UsageException.class, () -> new Change.Swap(List.of(), 1));
            assertThrows(UsageException.class, () -> new Change.Swap(places, Float.NaN));
        }
    }

    /** What was set starts from the run without edits; what it replaces is what the changed stream has come to. */
    @Test
    void theValuesThatWereSetAreKept() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = GoldenInterventionTest.open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            List<Edit> edits = new ArrayList<>();
            for (int layer = 0; layer < model.layers(); layer++) {
                var active = baseline.run().activations(layer);
                edits.add(Edit.of(layer + "/-1/" + active.feature()[active.count() - 1], new Change.Scale(-3)));
            }
            for (Freeze freeze : List.of(Freeze.ATTENTION, Freeze.EVERYTHING)) {
                try (Run run = baseline.apply(new Intervention(edits, freeze))) {
                    assertEquals(edits.size(), run.applied().size());
                    for (Run.Applied each : run.applied()) {
                        FeatureRef at = each.feature();
                        int index = at.position() * model.basis().features() + at.feature();
                        float original = baseline.run().denseActivations(at.layer())[index];
                        float current =
                                freeze == Freeze.EVERYTHING ? original : run.denseActivations(at.layer())[index];
                        assertEquals(original, each.original(), 1e-5f, at.toString());
                        assertEquals(-3 * original, each.value(), 1e-4f, at.toString());
                        assertEquals(current, each.current(), 1e-5f, at.toString());
                    }
                }
            }
            assertEquals(List.of(), baseline.run().applied());
        }
    }

    private static float[] logits(Baseline baseline, String place, Change change) {
        try (Run run = baseline.apply(Intervention.of(Edit.of(place, change)))) {
            return run.logits(-1);
        }
    }

    private static void assertClose(float[] expected, float[] actual) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 1e-4, "logit " + i);
        }
    }

    @Test
    void samplingFollowsItsBounds() {
        float[] logits = {0, 3, 1, 2};
        assertEquals(1, Sampling.GREEDY.choose(logits, null));
        var random = new SplittableRandom(1);
        for (int i = 0; i < 200; i++) {
            assertEquals(1, new Sampling(2, 1, 1, 0).choose(logits, random), "top-k 1");
            assertEquals(
                    1, new Sampling(1, 0, 0.5, 0).choose(logits, random), "top-p below the first token's probability");
            assertTrue(new Sampling(5, 2, 1, 0).choose(logits, random) % 2 == 1, "top-k 2");
        }
        int[] counts = new int[4];
        for (int i = 0; i < 20_000; i++) {
            counts[new Sampling(1, 0, 1, 0).choose(logits, random)]++;
        }
        double sum = 1 + Math.exp(1) + Math.exp(2) + Math.exp(3);
        for (int i = 0; i < 4; i++) {
            assertEquals(Math.exp(logits[i]) / sum, counts[i] / 20_000.0, 0.02, "share of token " + i);
        }
    }
}
