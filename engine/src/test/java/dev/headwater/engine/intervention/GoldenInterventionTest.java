package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.TraceRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Interventions and steered generation against the float64 oracle, every case. */
class GoldenInterventionTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    static ReplacementModel open(GoldenCase golden) {
        return ReplacementModel.open(
                golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    private static List<Edit> edits(JsonNode list) {
        List<Edit> edits = new ArrayList<>();
        for (JsonNode edit : list) {
            JsonNode slice = edit.get("slice");
            Positions positions = slice == null
                    ? new Positions.At(edit.get("pos").asInt())
                    : new Positions.Range(
                            slice.get(0).asInt(),
                            slice.get(1).isNull() ? null : slice.get(1).asInt());
            edits.add(new Edit(
                    edit.get("layer").asInt(),
                    positions,
                    edit.get("feature").asInt(),
                    new Change.Set(edit.get("value").floatValue())));
        }
        return edits;
    }

    private static Freeze freeze(JsonNode intervention) {
        JsonNode range = intervention.path("constrained_layers");
        return range.isArray()
                ? new Freeze.Layers(range.get(0).asInt(), range.get(1).asInt())
                : intervention.get("freeze_attention").asBoolean() ? Freeze.ATTENTION : Freeze.NOTHING;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void interventions(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            golden.assertClose("logits", "logits", logits(baseline.run(), model));
            int i = 0;
            for (JsonNode wanted : golden.description().get("interventions")) {
                try (Run run = baseline.apply(new Intervention(edits(wanted.get("edits")), freeze(wanted)))) {
                    golden.assertClose("intervention_" + i + ".logits", "intervention", logits(run, model));
                    boolean activations =
                            wanted.get("apply_activation_function").asBoolean();
                    List<float[]> layers = new ArrayList<>();
                    for (int layer = 0; layer < model.layers(); layer++) {
                        layers.add(activations ? run.denseActivations(layer) : run.preActivations(layer));
                    }
                    golden.assertClose("intervention_" + i + ".activations", "intervention", concat(layers));
                }
                i++;
            }
            assertEquals(5, i, name);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void generation(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")))) {
            JsonNode wanted = golden.description().get("generation");
            var options = new Generation.Options(wanted.get("n_new").asInt(), Sampling.GREEDY, Set.of());
            List<float[]> logits = new ArrayList<>();
            List<List<float[]>> activations = new ArrayList<>();
            for (int layer = 0; layer < model.layers(); layer++) {
                activations.add(new ArrayList<>());
            }
            Generation steered = Generation.of(
                    baseline, new Intervention(edits(wanted.get("edits")), Freeze.ATTENTION), options, (token, run) -> {
                        logits.add(run.logits(-1));
                        for (int layer = 0; layer < model.layers(); layer++) {
                            activations.get(layer).add(run.denseActivations(layer));
                        }
                    });
            golden.assertInts("generation.tokens", steered.tokens());
            golden.assertClose("generation.logits", "generation", concat(logits));
            golden.assertClose(
                    "generation.activations",
                    "generation",
                    concat(activations.stream()
                            .map(GoldenInterventionTest::concat)
                            .toList()));
            Generation plain = Generation.of(baseline, Intervention.NONE, options, (token, run) -> {});
            golden.assertInts("generation_plain.tokens", plain.tokens());
        }
    }

    /** A run without edits has the plain model's bits, and so has one whose edits change nothing in the end. */
    @ParameterizedTest
    @MethodSource("cases")
    void noEditsArePlain(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                Baseline baseline = Baseline.of(model, model.prompt(golden.ints("input_tokens")));
                var plain = model.model()
                        .forward(
                                golden.ints("input_tokens"),
                                new TraceRequest(Set.of(), false, TraceRequest.Logits.ALL))) {
            float[] expected = plain.logits().toFloats();
            for (Freeze freeze : List.of(Freeze.ATTENTION, Freeze.NOTHING, Freeze.EVERYTHING)) {
                try (Run run = baseline.apply(Intervention.NONE.withFreeze(freeze))) {
                    assertArrayEquals(expected, logits(run, model), name + " " + freeze);
                }
            }
        }
    }

    /** Greedy text from the cache is the text from reading everything anew for each token, with edits and without. */
    @ParameterizedTest
    @MethodSource("cases")
    void cacheDoesNotChangeText(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden)) {
            int[] prompt = golden.ints("input_tokens");
            var steering = new Intervention(
                    edits(golden.description().get("generation").get("edits")), Freeze.NOTHING);
            for (Intervention intervention : List.of(Intervention.NONE, steering)) {
                int[] cached;
                try (Baseline baseline = Baseline.of(model, model.prompt(prompt))) {
                    cached = Generation.of(
                                    baseline,
                                    intervention,
                                    new Generation.Options(5, Sampling.GREEDY, Set.of()),
                                    (token, run) -> {})
                            .tokens();
                }
                int[] text = prompt;
                for (int token : cached) {
                    try (Baseline baseline = Baseline.of(model, model.prompt(text));
                            Run run = baseline.apply(intervention)) {
                        assertEquals(
                                token,
                                Sampling.GREEDY.choose(run.logits(-1), null),
                                name + ": token " + (text.length - prompt.length));
                    }
                    text = java.util.Arrays.copyOf(text, text.length + 1);
                    text[text.length - 1] = token;
                }
            }
        }
    }

    static float[] logits(Run run, ReplacementModel model) {
        List<float[]> rows = new ArrayList<>();
        for (int position = 0; position < run.positions(); position++) {
            rows.add(run.logits(position));
        }
        return concat(rows);
    }

    static float[] concat(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
