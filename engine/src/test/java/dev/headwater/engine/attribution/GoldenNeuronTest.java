package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Positions;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.intervention.Sampling;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A model's own neurons as features, against the float64 oracle: their choice, their graph, interventions on them. */
class GoldenNeuronTest {
    static List<String> cases() throws IOException {
        try (Stream<Path> files = Files.list(root())) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.replace(".json", ""))
                    .sorted()
                    .toList();
        }
    }

    static Path root() {
        try {
            return Path.of(GoldenNeuronTest.class
                            .getResource("/golden-neurons/README.md")
                            .toURI())
                    .getParent();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What the oracle says of a case, with the tolerances that the same model's transcoders have. */
    private static final class Expected implements AutoCloseable {
        final JsonNode about;
        final ReplacementModel model;
        private final SafetensorsFile tensors;
        private final JsonNode tolerances;

        Expected(String name) {
            try (GoldenCase golden = new GoldenCase(name)) {
                about = new ObjectMapper()
                        .readTree(root().resolve(name + ".json").toFile());
                tolerances = golden.description().get("tolerances");
                tensors = SafetensorsFile.open(root().resolve(name + ".safetensors"));
                model = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        int[] tokens() {
            return GoldenNeuronTest.ints(about.get("token_ids"));
        }

        AttributionOptions options() {
            return AttributionOptions.DEFAULT
                    .withMaxFeatures(about.get("keep").asInt())
                    .withTargets(new OutputTargets.Salient(
                            about.get("max_logits").asInt(),
                            about.get("desired_logit_prob").asDouble()));
        }

        int[] ints(String tensor) {
            MemorySegment data = tensors.data(tensor);
            return IntStream.range(0, (int) (data.byteSize() / Integer.BYTES))
                    .map(i -> data.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i))
                    .toArray();
        }

        boolean[] mask(String tensor) {
            byte[] bytes = tensors.data(tensor).toArray(ValueLayout.JAVA_BYTE);
            boolean[] mask = new boolean[bytes.length];
            for (int i = 0; i < mask.length; i++) {
                mask[i] = bytes[i] != 0;
            }
            return mask;
        }

        void assertClose(String tensor, String kind, float[] actual) {
            double atol = tolerances.get(kind).get(0).asDouble();
            double rtol = tolerances.get(kind).get(1).asDouble();
            float[] wanted = tensors.floats(tensor);
            assertEquals(wanted.length, actual.length, tensor);
            for (int i = 0; i < wanted.length; i++) {
                int at = i;
                assertEquals(wanted[i], actual[i], atol + rtol * Math.abs(wanted[i]), () -> tensor + "[" + at + "]");
            }
        }

        @Override
        public void close() {
            model.close();
            tensors.close();
        }
    }

    private static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).asInt()).toArray();
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private static float[] concat(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    static void total(
            ReplacementModel model, FrozenModel frozen, Trace trace, TargetVectors vectors, TotalEffects.Sink sink) {
        float[] weights = TotalEffects.weights(vectors.labels());
        new TotalEffects(frozen, vectors.outputs(), trace.positions(), model.memory(), Long.MAX_VALUE)
                .run(
                        weights,
                        (some, into) -> new NeuronEffects((Neurons) model.basis(), frozen, trace, some, null, into),
                        sink);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void totalEffectsOfAllNeurons(String name) {
        try (Expected expected = new Expected(name);
                Trace trace = expected.model.trace(expected.tokens());
                var _ = TensorScope.open()) {
            ReplacementModel model = expected.model;
            FrozenModel frozen = FrozenModel.of(model.linear().weights(), model.model(), trace, model.basis());
            TargetVectors vectors = new TargetVectors(model, frozen, ActiveFeatures.NONE, trace);
            vectors.choose(expected.options().targets(), trace);
            float[][] layers = new float[model.layers()][];
            total(model, frozen, trace, vectors, (layer, scores) -> {
                layers[layer] = scores;
                Arrays.fill(
                        scores,
                        0,
                        model.zeroPositions(trace.tokens()) * model.basis().features(),
                        0);
            });
            expected.assertClose("scores_all", "adjacency", concat(List.of(layers)));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void wholeGraph(String name) {
        try (Expected expected = new Expected(name);
                AttributionGraph graph = Attribution.of(
                        expected.model, expected.model.prompt(expected.tokens()), expected.options(), Progress.NONE)) {
            ActiveFeatures active = graph.active();
            int[] chosen = new int[3 * active.count()];
            for (int i = 0; i < active.count(); i++) {
                chosen[3 * i] = active.layer()[i];
                chosen[3 * i + 1] = active.position()[i];
                chosen[3 * i + 2] = active.feature()[i];
            }
            assertArrayEquals(expected.ints("active"), chosen);
            expected.assertClose("values", "activation_values", active.activation());
            assertArrayEquals(
                    expected.ints("logit_ids"),
                    graph.targets().stream().mapToInt(LogitTarget::token).toArray());
            expected.assertClose("matrix", "adjacency", graph.edges().toDense());
            Influence influence = Influence.of(graph);
            expected.assertClose("influence", "node_influence", floats(influence.node()));
            expected.assertClose("cumulative", "cumulative_scores", floats(influence.cumulativeShares()));
            Scores scores = Scores.of(graph, influence);
            assertEquals(expected.about.get("replacement_score").asDouble(), scores.replacement(), 1e-5);
            assertEquals(expected.about.get("completeness_score").asDouble(), scores.completeness(), 1e-5);
            Pruning pruning = Pruning.of(
                    graph,
                    expected.about.get("node_threshold").asDouble(),
                    expected.about.get("edge_threshold").asDouble());
            boolean[] nodes = new boolean[graph.size()];
            boolean[] edges = new boolean[graph.size() * graph.size()];
            for (int i = 0; i < nodes.length; i++) {
                nodes[i] = pruning.keeps(i);
            }
            pruning.forEachEdge((target, source, weight) -> edges[target * graph.size() + source] = true);
            assertArrayEquals(expected.mask("nodes"), nodes);
            assertArrayEquals(expected.mask("edges"), edges);
        }
    }

    private static List<Edit> edits(JsonNode list) {
        List<Edit> edits = new ArrayList<>();
        for (JsonNode edit : list) {
            Positions positions = edit.get("position").isNull()
                    ? Positions.ALL
                    : new Positions.At(edit.get("position").asInt());
            edits.add(new Edit(
                    edit.get("layer").asInt(),
                    positions,
                    edit.get("neuron").asInt(),
                    new Change.Set(edit.get("value").floatValue())));
        }
        return edits;
    }

    private static Freeze freeze(JsonNode intervention) {
        JsonNode layers = intervention.get("constrained_layers");
        return layers.isArray()
                ? new Freeze.Layers(
                        layers.get(0).asInt(), layers.get(layers.size() - 1).asInt() + 1)
                : intervention.get("freeze_attention").asBoolean() ? Freeze.ATTENTION : Freeze.NOTHING;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void interventions(String name) {
        try (Expected expected = new Expected(name);
                Baseline baseline = Baseline.of(expected.model, expected.model.prompt(expected.tokens()))) {
            expected.assertClose("logits", "logits", logits(baseline.run()));
            for (JsonNode wanted : expected.about.get("interventions")) {
                try (Run run = baseline.apply(new Intervention(edits(wanted.get("edits")), freeze(wanted)))) {
                    String kind = wanted.get("name").asText();
                    expected.assertClose(kind + ".logits", "intervention", logits(run));
                    List<float[]> layers = IntStream.range(0, expected.model.layers())
                            .mapToObj(run::denseActivations)
                            .toList();
                    expected.assertClose(kind + ".activations", "intervention", concat(layers));
                }
            }
            JsonNode wanted = expected.about.get("generated");
            List<float[]> logits = new ArrayList<>();
            Generation steered = Generation.of(
                    baseline,
                    new Intervention(edits(wanted.get("edits")), Freeze.ATTENTION),
                    new Generation.Options(wanted.get("ids").size(), Sampling.GREEDY, Set.of()),
                    (token, run) -> logits.add(run.logits(-1)));
            assertArrayEquals(ints(wanted.get("ids")), steered.tokens());
            expected.assertClose("generated.logits", "generation", concat(logits));
        }
    }

    private static float[] logits(Run run) {
        return concat(IntStream.range(0, run.positions()).mapToObj(run::logits).toList());
    }
}
