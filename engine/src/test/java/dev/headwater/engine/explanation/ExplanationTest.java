package dev.headwater.engine.explanation;

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
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Circuits of the bundled model beside what plain interventions, one at a time, say of them. */
class ExplanationTest {
    private static final Explanation.Options SMALL = new Explanation.Options(OptionalInt.empty(), 6, 400, 3, 1);

    private static ReplacementModel model;
    private static PlainGraph graph;

    @BeforeAll
    static void trace() {
        model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        graph = graph(model, "Fact: the capital of Texas is");
    }

    @AfterAll
    static void close() {
        graph.close();
        model.close();
    }

    private static PlainGraph graph(ReplacementModel model, String prompt) {
        return PlainGraph.of(
                "graph",
                Attribution.of(
                        model, model.prompt(prompt), AttributionOptions.DEFAULT.withMaxFeatures(200), Progress.NONE));
    }

    private static Explanation explained(ReplacementModel model, PlainGraph graph, Explanation.Options options) {
        return Explanation.of(model, graph, (feature, _) -> "f" + feature.feature(), options, Progress.NONE);
    }

    private static List<FeatureRef> features(Explanation found) {
        return found.boxes().stream()
                .flatMap(box -> box.members().stream())
                .map(Member::feature)
                .toList();
    }

    /** As the definitions say it, without any of the code that measures. */
    private static double margin(Baseline baseline, List<FeatureRef> removed, int answer) {
        List<Edit> edits = removed.stream().map(f -> Edit.of(f, Change.ABLATE)).toList();
        try (Run run = baseline.apply(new Intervention(edits, Freeze.ATTENTION))) {
            float[] logits = run.logits(-1);
            double rival = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < logits.length; i++) {
                rival = i == answer ? rival : Math.max(rival, logits[i]);
            }
            return logits[answer] - rival;
        }
    }

    @Test
    void theNumbersAreThoseOfTheirDefinitions() {
        Explanation found = explained(model, graph, SMALL);
        assertEquals(" Austin", found.answer().text());
        assertTrue(!found.boxes().isEmpty() && features(found).size() <= 6, found.toString());
        try (Baseline baseline = Baseline.of(model, model.prompt(graph.tokens()))) {
            List<FeatureRef> all = new ArrayList<>();
            for (int layer = 0; layer < model.layers(); layer++) {
                SparseActivations active = baseline.run().activations(layer);
                for (int i = 0; i < active.count(); i++) {
                    all.add(new FeatureRef(layer, active.position()[i], active.feature()[i]));
                }
            }
            assertEquals(all.size(), found.features());
            int answer = found.answer().token();
            double whole = margin(baseline, List.of(), answer);
            double none = margin(baseline, all, answer);
            assertEquals(whole, found.answer().margin(), 1e-4);
            List<FeatureRef> others = new ArrayList<>(all);
            others.removeAll(features(found));
            Measures taken = found.circuit().taken();
            assertEquals((whole - margin(baseline, features(found), answer)) / (whole - none), taken.necessity(), 1e-3);
            assertEquals((margin(baseline, others, answer) - none) / (whole - none), taken.sufficiency(), 1e-3);
            Box box = found.boxes().getLast();
            double without =
                    margin(baseline, box.members().stream().map(Member::feature).toList(), answer);
            assertEquals((whole - without) / (whole - none), box.necessity(), 1e-3);
        }
        assertTrue(found.circuit().taken().score() >= found.strongest().score(), found.toString());
        assertTrue(
                found.random().necessity().lowest()
                        <= found.random().necessity().mean(),
                found.toString());
        assertTrue(found.scores().replacement() > 0 && found.scores().completeness() <= 1, found.toString());
    }

    @Test
    void theSameGraphGivesTheSameCircuit() {
        assertEquals(explained(model, graph, SMALL), explained(model, graph, SMALL));
    }

    /** Of one feature, the search looks at every candidate. */
    @Test
    void aCircuitOfOneFeatureIsTheBestThereIs() {
        var options = new Explanation.Options(OptionalInt.empty(), 1, 2000, 1, 0);
        try (PlainGraph small = PlainGraph.of(
                "small",
                Attribution.of(
                        model,
                        model.prompt("The day after Monday is"),
                        AttributionOptions.DEFAULT.withMaxFeatures(40),
                        Progress.NONE))) {
            Explanation found = explained(model, small, options);
            double best = small.nodes().stream()
                    .filter(node -> node.kind() == Kind.FEATURE)
                    .map(node -> new FeatureRef(node.layer(), node.position(), (int) node.number()))
                    .mapToDouble(one -> Explanation.judge(model, small, List.of(one), options, Progress.NONE)
                            .taken()
                            .score())
                    .max()
                    .orElseThrow();
            assertEquals(best, found.circuit().taken().score(), 1e-3);
        }
    }

    @Test
    void aChosenCircuitIsJudgedAsOneThatIsFound() {
        Explanation found = explained(model, graph, SMALL);
        List<FeatureRef> chosen = new ArrayList<>(features(found));
        chosen.add(new FeatureRef(0, 1, 17)); // which does not fire
        Judgement judgement = Judgement.of(model, graph, chosen, SMALL, Progress.NONE);
        assertEquals(features(found).size(), judgement.size());
        assertEquals(found.features(), judgement.features());
        assertEquals(
                found.circuit().taken().score(), judgement.circuit().taken().score(), 1e-4);
        assertEquals(
                found.circuit().live().necessity(), judgement.circuit().live().necessity(), 1e-4);
        assertEquals(found.strongest().score(), judgement.strongest().score(), 1e-4);
        assertEquals(
                found.random().sufficiency().mean(),
                judgement.random().sufficiency().mean(),
                1e-4);
        assertEquals(found.scores(), judgement.scores());
        assertThrows(
                UsageException.class,
                () -> Judgement.of(model, graph, List.of(new FeatureRef(0, 1, 17)), SMALL, Progress.NONE));
    }

    /** Neurons of a graph against a mean over other prompts are taken to that mean. */
    @Test
    void neuronsAreExplainedToo() {
        try (ReplacementModel neurons = ReplacementModel.load(
                        "atlas", "neurons", ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                PlainGraph traced = graph(neurons, "The day after Monday is")) {
            Explanation found = explained(neurons, traced, SMALL);
            assertEquals(" Tuesday", found.answer().text());
            assertEquals(200, found.features());
            assertTrue(found.circuit().taken().score() >= found.strongest().score(), found.toString());
        }
    }

    @Test
    void boxesHaveNamesOfTheirOwnAndEveryFeatureIsInOne() {
        Explanation found = explained(model, graph, SMALL);
        Set<String> names = new HashSet<>(found.boxes().stream().map(Box::name).toList());
        assertEquals(found.boxes().size(), names.size());
        assertEquals(features(found).size(), new HashSet<>(features(found)).size());
        found.flows()
                .forEach(flow ->
                        assertTrue(names.contains(flow.from()) || flow.from().startsWith("\""), flow.toString()));
    }

    /** Each feature was found by taking it away, and so can be by anybody. */
    @Test
    void whatHoldsAnAnswerDown() {
        int token = model.tokenizer().encode(" Sacramento", false)[0];
        WhyNot why = WhyNot.of(model, graph, (_, _) -> "", token, 3, Progress.NONE);
        assertEquals(3, why.features().size());
        assertTrue(why.margin() < 0 && why.marginWithout() > why.margin(), why.toString());
        try (Baseline baseline = Baseline.of(model, model.prompt(graph.tokens()))) {
            List<FeatureRef> gone =
                    why.features().stream().map(WhyNot.Held::feature).toList();
            assertEquals(margin(baseline, gone, token), why.marginWithout(), 1e-3);
            WhyNot.Held first = why.features().getFirst();
            assertEquals(
                    margin(baseline, List.of(first.feature()), token) - margin(baseline, List.of(), token),
                    first.alone(),
                    1e-3);
        }
        assertThrows(UsageException.class, () -> WhyNot.of(model, graph, (_, _) -> "", -1, 3, Progress.NONE));
    }

    @Test
    void theCardSaysHowFarToBelieve() {
        Explanation found = explained(model, graph, SMALL);
        Card card = Card.of(model, graph, found, Progress.NONE);
        // A whole graph foretells what is linear, and knows nothing of how the rest responds.
        assertEquals(1, card.direct().correlation(), 1e-4);
        assertTrue(card.total().correlation() > 0.3 && card.total().correlation() < 1, card.toString());
        assertTrue(card.graph().replacement() > card.circuit().replacement(), card.toString());
        assertEquals(model.layers(), card.layers().size());
        for (Card.Layer layer : card.layers()) {
            assertTrue(layer.unexplained() > 0 && layer.unexplained() < 1, layer.toString());
            assertTrue(layer.replaced().divergence() >= 0 && layer.replaced().probability() <= 1, layer.toString());
        }
        assertEquals(0, ReplacedLayers.divergence(new float[] {1, 2, 3}, new float[] {2, 3, 4}), 1e-9);
        assertEquals(
                0.5 * Math.log(0.5 / 0.75) + 0.5 * Math.log(0.5 / 0.25),
                ReplacedLayers.divergence(new float[] {0, 0}, new float[] {(float) Math.log(3), 0}),
                1e-6);
        // Named anew, it is the same circuit.
        List<String> names = found.boxes().stream().map(box -> box.name() + "!").toList();
        Explanation renamed = found.named(names);
        assertEquals(names, renamed.boxes().stream().map(Box::name).toList());
        assertEquals(features(found), features(renamed));
        assertTrue(renamed.flows().stream()
                .allMatch(flow -> names.contains(flow.from()) || flow.from().startsWith("\"")));
    }

    @Test
    void whatMakesNoSenseIsSaid() {
        assertThrows(UsageException.class, () -> SMALL.withSize(0));
        assertThrows(UsageException.class, () -> new Explanation.Options(OptionalInt.empty(), 5, 0, 1, 0));
        assertThrows(UsageException.class, () -> new Explanation.Options(OptionalInt.empty(), 5, 10, 0, 0));
        String other = assertThrows(
                        UsageException.class,
                        () -> explained(model, graph, new Explanation.Options(OptionalInt.of(3), 5, 10, 1, 0)))
                .getMessage();
        assertTrue(other.contains("does not explain"), other);
        assertThrows(
                UsageException.class,
                () -> explained(model, graph, new Explanation.Options(OptionalInt.of(1 << 20), 5, 10, 1, 0)));
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                PlainGraph foreign = PlainGraph.read(golden.directory().resolve("graph.json"))) {
            assertThrows(HeadwaterException.class, () -> explained(model, foreign, SMALL));
        }
        assertThrows(
                CancellationException.class,
                () -> Explanation.of(model, graph, (_, _) -> "", SMALL, new Progress() {
                    @Override
                    public boolean cancelled() {
                        return true;
                    }
                }));
    }
}
