package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.weights.SafetensorsFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs of neurons that count from the mean over other prompts, against float64 and against what they must add up to. */
class ContrastGraphTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden-contrast");

    private static ReplacementModel model(String name) {
        try (GoldenCase golden = new GoldenCase(name)) {
            return ReplacementModel.ofNeurons(golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        }
    }

    private static JsonNode about(String name) {
        return BoundedJson.read(GOLDEN.resolve(name + ".json"));
    }

    private static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).asInt()).toArray();
    }

    private static Prompt prompt(ReplacementModel model, JsonNode about) {
        return model.prompt(ints(about.get("token_ids")));
    }

    private static Contrast contrast(ReplacementModel model, JsonNode about) {
        return new Contrast(StreamSupport.stream(about.get("contrast").spliterator(), false)
                .map(tokens -> model.prompt(ints(tokens)))
                .toList());
    }

    private static AttributionOptions options(JsonNode about) {
        return AttributionOptions.DEFAULT
                .withMaxFeatures(about.get("keep").asInt())
                .withTargets(new OutputTargets.Salient(
                        about.get("max_logits").asInt(),
                        about.get("desired_logit_prob").asDouble()));
    }

    private static void assertClose(String what, float[] wanted, float[] actual) {
        assertEquals(wanted.length, actual.length, what);
        float largest = 1;
        for (float value : wanted) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertArrayEquals(wanted, actual, 2e-5f * largest, what);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gpt2-plt-relu", "gemma2-plt-npz", "qwen3-plt-jumprelu"})
    void graphsEqualFloat64(String name) {
        JsonNode about = about(name);
        try (SafetensorsFile expected = SafetensorsFile.open(GOLDEN.resolve(name + ".safetensors"));
                ReplacementModel model = model(name)) {
            Contrast contrast = contrast(model, about);
            try (AttributionGraph graph =
                    Attribution.of(model, prompt(model, about), options(about).withContrast(contrast), Progress.NONE)) {
                ActiveFeatures active = graph.active();
                int[] chosen = IntStream.range(0, active.count())
                        .flatMap(i -> IntStream.of(active.layer()[i], active.position()[i], active.feature()[i]))
                        .toArray();
                assertArrayEquals(expected.data("active").toArray(ValueLayout.JAVA_INT), chosen);
                float[] means = expected.floats("means");
                int features = model.basis().features();
                for (int i = 0; i < active.count(); i++) {
                    int at = (active.layer()[i] * graph.prompt().length() + active.position()[i]) * features
                            + active.feature()[i];
                    assertEquals(active.activation()[i] - means[at], graph.distance(i), 1e-4);
                }
                assertClose("values", expected.floats("values"), active.activation());
                assertArrayEquals(
                        expected.data("logit_ids").toArray(ValueLayout.JAVA_INT),
                        graph.targets().stream().mapToInt(LogitTarget::token).toArray());
                assertClose("matrix", expected.floats("matrix"), graph.edges().toDense());
                Influence influence = Influence.of(graph);
                Scores scores = Scores.of(graph, influence);
                assertEquals(about.get("replacement_score").asDouble(), scores.replacement(), 2e-5);
                assertEquals(about.get("completeness_score").asDouble(), scores.completeness(), 2e-5);
                assertEquals(contrast.ids(), graph.provenance().settings().get(Provenance.CONTRAST));
            }
            try (MeanActivations means = MeanActivations.of(model, prompt(model, about), contrast, Progress.NONE)) {
                float[] wanted = expected.floats("means");
                int size = wanted.length / model.layers();
                for (int layer = 0; layer < model.layers(); layer++) {
                    float[] part = new float[size];
                    System.arraycopy(wanted, layer * size, part, 0, size);
                    assertClose(
                            "means of layer " + layer, part, means.layer(layer).toFloats());
                }
            }
            assertTrue(model.memory().peaks().containsKey("means over the contrast"));
        }
    }

    /**
     * With what the means themselves send, what comes into a neuron adds up to its activation, and into an output to what it is without
     * a contrast; however many neurons are chosen.
     */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gemma2-plt-npz", "qwen3-plt-jumprelu"})
    void whatComesInAddsUp(String name) {
        JsonNode about = about(name);
        try (ReplacementModel model = model(name)) {
            Prompt prompt = prompt(model, about);
            for (int count : new int[] {3, 40}) {
                try (Trace trace = model.trace(prompt.tokens());
                        MeanActivations means =
                                MeanActivations.of(model, prompt, contrast(model, about), Progress.NONE);
                        var _ = TensorScope.open()) {
                    FrozenModel frozen = FrozenModel.of(model.linear().weights(), model.model(), trace, model.basis());
                    long[] ranked = Arrays.stream(
                                    NeuronRanking.strongest(model, trace, OutputTargets.SALIENT, means, count))
                            .sorted()
                            .toArray();
                    LocalReplacement local = LocalReplacement.of(model, trace, ranked, means);
                    TargetVectors vectors = new TargetVectors(model, frozen, local.active(), trace);
                    Tensor tokens = means.tokenDifferences(trace.tokenVectors());
                    List<Tensor> written = new ArrayList<>();
                    for (int layer = 0; layer < model.layers(); layer++) {
                        written.add(MeanActivations.neurons(model).written(layer, means.layer(layer)));
                    }
                    double[] differences = sums(
                            model,
                            frozen,
                            vectors,
                            local.active(),
                            means.differences(local.active()),
                            local.errors(),
                            tokens);
                    double[] ofMeans = sums(
                            model,
                            frozen,
                            vectors,
                            local.active(),
                            ActiveFeatures.NONE,
                            written,
                            Torch.sub(trace.tokenVectors(), tokens));
                    for (int i = 0; i < local.active().count(); i++) {
                        float activation = local.active().activation()[i];
                        assertEquals(
                                activation,
                                differences[i] + ofMeans[i],
                                2e-4 + 1e-4 * Math.abs(activation),
                                local.active().ref(i).toString());
                    }
                }
            }
        }
    }

    /** What comes into each target from some sources. */
    private static double[] sums(
            ReplacementModel model,
            FrozenModel frozen,
            TargetVectors vectors,
            ActiveFeatures targets,
            ActiveFeatures features,
            List<Tensor> errors,
            Tensor tokens) {
        int[] all = IntStream.range(0, targets.count()).toArray();
        double[] sums = new double[all.length];
        try (var sources =
                        new Sources(features, model.basis(), frozen.outputNorms(), errors, tokens, 0, model.memory());
                var sweep =
                        new AdjointSweep(frozen.weights(), TwoLayers.none(frozen.weights()), 1 << 26, model.memory());
                EdgeRows rows = sweep.rows(
                                List.of(new AdjointSweep.Wanted(
                                        FrozenPrompt.of(frozen, sources, 0), vectors.of(all, Integer.MAX_VALUE))),
                                done -> {},
                                () -> false)
                        .getFirst()) {
            float[] row = new float[rows.columns()];
            for (int i : all) {
                rows.copyRow(i, row);
                for (float edge : row) {
                    sums[i] += edge;
                }
            }
        }
        return sums;
    }

    @Test
    void severalPromptsAtATimeAreAsOneByOne() {
        JsonNode about = about("llama-plt-relu-skip");
        try (ReplacementModel model = model("llama-plt-relu-skip")) {
            Contrast contrast = contrast(model, about);
            AttributionOptions options = options(about).withContrast(contrast);
            List<Attribution.Request> requests = List.of(
                    new Attribution.Request(prompt(model, about), options),
                    new Attribution.Request(contrast.prompts().get(1), options),
                    new Attribution.Request(contrast.prompts().get(2), options.withContrast(null)));
            List<AttributionGraph> together = Attribution.attributeAll(model, requests, Progress.NONE);
            for (int i = 0; i < requests.size(); i++) {
                try (AttributionGraph one = Attribution.of(
                                model, requests.get(i).prompt(), requests.get(i).options(), Progress.NONE);
                        AttributionGraph same = together.get(i)) {
                    assertClose(
                            "graph " + i, one.edges().toDense(), same.edges().toDense());
                }
            }
            // Nothing stays reserved.
            long left = model.memory().left(Place.DEVICE);
            try (var _ = MeanActivations.of(model, prompt(model, about), contrast, Progress.NONE)) {
                assertTrue(model.memory().left(Place.DEVICE) < left);
            }
            assertEquals(left, model.memory().left(Place.DEVICE));
        }
    }

    @Test
    void whatCannotBeHeldAgainstEachOtherIsRefused() {
        JsonNode about = about("llama-plt-relu-skip");
        try (ReplacementModel model = model("llama-plt-relu-skip")) {
            Prompt prompt = prompt(model, about);
            AttributionOptions options = options(about);
            Contrast itself = new Contrast(List.of(prompt, prompt));
            assertRefused(model, prompt, options.withContrast(itself), "nothing but the prompt itself");
            Contrast shorter = new Contrast(List.of(model.prompt(new int[] {315, 47, 3, 4})));
            assertRefused(model, prompt, options.withContrast(shorter), "meets none in the contrast");
            assertThrows(UsageException.class, () -> new Contrast(List.of()));
        }
        try (GoldenCase golden = new GoldenCase("llama-plt-relu-skip");
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            assertRefused(
                    model,
                    prompt(model, about),
                    options(about).withContrast(contrast(model, about)),
                    "needs a model's own neurons");
        }
    }

    private static void assertRefused(
            ReplacementModel model, Prompt prompt, AttributionOptions options, String reason) {
        String message = assertThrows(UsageException.class, () -> Attribution.of(model, prompt, options, Progress.NONE))
                .getMessage();
        assertTrue(message.contains(reason), message);
    }
}
