package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.NormSite;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Graphs and interventions say the same. With everything frozen the model is linear in what features, errors and tokens
 * write, so putting one of them in a second time adds its column of the graph to every target: pre-activations of
 * features, and logits less their mean (reference section 6, whose tolerances these are).
 *
 * <p>And a row of the graph of all active features is complete: for a target t
 *
 * <pre>  pre-activation(t) = sum over sources s of edge(t, s) + bias(t)</pre>
 *
 * where bias(t) is what t gets in the frozen model when nothing is put in: no token embedding, no feature, no error;
 * only t's own encoder bias, the biases of attention, norms and decoders, learned positions, and the MLP outputs at
 * zero positions, which have no node. It is computed as just that, by a pass of the frozen model.
 */
class GraphIdentityTest {
    private static final int SAMPLE = 200;
    private static final String ATLAS_PROMPT = "Fact: the capital of the state containing Dallas is";

    static List<String> cases() {
        return GoldenCase.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void doublingAFeatureAddsItsColumn(String name) {
        onGolden(name, Identity::features);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anotherErrorOrTokenAddsItsColumn(String name) {
        onGolden(name, Identity::errorsAndTokens);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rowsAndBiasesMakeThePreActivation(String name) {
        onGolden(name, Identity::rows);
    }

    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt"})
    void allOfThatOnATrainedModel(String transcoders) {
        try (ReplacementModel model =
                ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            on(transcoders, model, model.prompt(ATLAS_PROMPT), identity -> {
                identity.features();
                identity.errorsAndTokens();
                identity.rows();
            });
        }
    }

    private static void onGolden(String name, Consumer<Identity> check) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = GoldenInterventionTest.open(golden)) {
            on(name, model, model.prompt(golden.ints("input_tokens")), check);
        }
    }

    private static void on(String name, ReplacementModel model, Prompt prompt, Consumer<Identity> check) {
        try (AttributionGraph graph =
                        Attribution.of(model, prompt, AttributionOptions.DEFAULT.withMaxFeatures(0), Progress.NONE);
                Baseline baseline = Baseline.of(model, prompt)) {
            check.accept(new Identity(name, model, graph, baseline));
        }
    }

    private record Identity(String name, ReplacementModel model, AttributionGraph graph, Baseline baseline) {
        void features() {
            int n = graph.featureCount();
            int[] nodes = n <= 1000
                    ? IntStream.range(0, n).toArray()
                    : new Random(1).ints(0, n).distinct().limit(SAMPLE).toArray();
            check(nodes, 5e-4, 1e-5, node -> {
                Node.Feature f = (Node.Feature) graph.node(node);
                Edit edit = Edit.of(f.ref(), new Change.Scale(2));
                return baseline.apply(Intervention.of(edit).withFreeze(Freeze.EVERYTHING));
            });
        }

        void errorsAndTokens() {
            try (var scope = TensorScope.open()) {
                TranscoderSet transcoders = model.transcoders();
                List<Tensor> inputs = IntStream.range(0, model.layers())
                        .mapToObj(baseline.run()::input)
                        .toList();
                List<Tensor> reconstruction = transcoders.reconstruct(
                        IntStream.range(0, model.layers())
                                .mapToObj(baseline.run()::activations)
                                .toList(),
                        inputs);
                int zeros = baseline.run().zeroPositions();
                int[] nodes = IntStream.range(graph.firstError(), graph.firstLogit())
                        .filter(i -> i >= graph.firstToken() || graph.node(i).position() >= zeros)
                        .toArray();
                check(nodes, 1e-3, 1e-3, node -> again(node, reconstruction));
            }
        }

        /** A run with an error or token vector put in once more, everything else frozen. */
        private Run again(int node, List<Tensor> reconstruction) {
            return baseline.run(
                    new Frozen(model.transcoders(), baseline.run()) {
                        @Override
                        public Tensor embeddings(Tensor value) {
                            return graph.node(node) instanceof Node.Token token
                                    ? plus(value, baseline.run().trace().tokenVectors(), token.position())
                                    : value;
                        }

                        @Override
                        Tensor output(int layer, Tensor frozen) {
                            return graph.node(node) instanceof Node.Error error && error.layer() == layer
                                    ? plus(
                                            frozen,
                                            Torch.sub(baseline.run().output(layer), reconstruction.get(layer)),
                                            error.position())
                                    : frozen;
                        }
                    },
                    Logits.LAST,
                    null);
        }

        private static Tensor plus(Tensor all, Tensor vectors, int position) {
            Tensor result = Torch.clone(all);
            Torch.copy(
                    TorchShape.select(result, 0, position),
                    Torch.add(TorchShape.select(all, 0, position), TorchShape.select(vectors, 0, position)));
            return result;
        }

        void rows() {
            int zeros = baseline.run().zeroPositions();
            TranscoderSet transcoders = model.transcoders();
            try (Run bias = baseline.run(
                    new Frozen(transcoders, baseline.run()) {
                        @Override
                        public Tensor embeddings(Tensor value) {
                            return Torch.sub(value, baseline.run().trace().tokenVectors());
                        }

                        @Override
                        Tensor output(int layer, Tensor frozen) {
                            // frozen = clean output + skip(now) - skip(clean); wanted = decoder bias + skip(now), but
                            // at zero positions as it is
                            Tensor constant =
                                    Torch.clone(TorchShape.expand(transcoders.decoderBias(layer), frozen.shape()));
                            if (transcoders.hasSkip(layer)) {
                                Tensor cleanSkip = Torch.mm(baseline.run().input(layer), transcoders.skip(layer));
                                constant = Torch.add(
                                        Torch.add(
                                                constant,
                                                Torch.sub(frozen, baseline.run().output(layer))),
                                        cleanSkip);
                            }
                            Torch.copy(
                                    TorchShape.narrow(constant, 0, 0, zeros), TorchShape.narrow(frozen, 0, 0, zeros));
                            return constant;
                        }
                    },
                    Logits.LAST,
                    null)) {
                double[] biases = targets(bias);
                double[] expected = targets(baseline.run());
                float[] row = new float[graph.size()];
                for (int t = 0; t < expected.length; t++) {
                    graph.edges().copyRow(row(t), row);
                    double sum = biases[t];
                    double size = Math.abs(biases[t]);
                    for (float edge : row) {
                        sum += edge;
                        size += Math.abs(edge);
                    }
                    assertTrue(
                            Math.abs(sum - expected[t]) <= 1e-4 + 1e-5 * size,
                            "%s: the row of %s and its bias make %s, its pre-activation is %s"
                                    .formatted(name, graph.node(row(t)), sum, expected[t]));
                }
            }
        }

        /** Each node's run must equal the clean one plus the node's column. */
        private void check(int[] nodes, double atol, double rtol, IntFunction<Run> runWith) {
            double[] clean = targets(baseline.run());
            float[][] rows = new float[clean.length][graph.size()];
            for (int t = 0; t < clean.length; t++) {
                graph.edges().copyRow(row(t), rows[t]);
            }
            for (int i = 0; i < nodes.length; i++) {
                double[] now;
                try (Run run = runWith.apply(nodes[i])) {
                    now = targets(run);
                }
                for (int t = 0; t < clean.length; t++) {
                    double expected = clean[t] + rows[t][nodes[i]];
                    boolean logit = t >= graph.featureCount();
                    double tolerance = logit ? 1e-5 + 1e-3 * Math.abs(expected) : atol + rtol * Math.abs(expected);
                    if (!(Math.abs(now[t] - expected) <= tolerance)) {
                        fail("%s: %s, put in twice, makes target %d %s; clean %s + edge %s = %s"
                                .formatted(
                                        name, graph.node(nodes[i]), t, now[t], clean[t], rows[t][nodes[i]], expected));
                    }
                }
            }
        }

        /** The matrix row of a target in the order of {@link #targets}. */
        private int row(int target) {
            return target < graph.featureCount() ? target : graph.firstLogit() + target - graph.featureCount();
        }

        /** Pre-activations of all features of the graph, then the demeaned logits of its targets. */
        private double[] targets(Run run) {
            ActiveFeatures active = graph.active();
            double[] values = new double[graph.featureCount() + graph.targets().size()];
            int at = 0;
            for (int layer = 0; layer < graph.layers(); layer++) {
                int wanted = layer;
                int[] members = IntStream.range(0, active.count())
                        .filter(i -> active.layer()[i] == wanted)
                        .toArray();
                for (float value :
                        run.preActivations(layer, pick(active.position(), members), pick(active.feature(), members))) {
                    values[at++] = value;
                }
            }
            double[] logits = run.demeanedLogits(-1);
            for (var target : graph.targets()) {
                values[at++] = logits[target.token()];
            }
            return values;
        }

        private static int[] pick(int[] values, int[] members) {
            return Arrays.stream(members).map(i -> values[i]).toArray();
        }
    }

    /** The model with everything frozen, and a say in what each MLP puts out. */
    private abstract static class Frozen implements Hooks {
        private final EditedPass pass;
        private final FeatureSite site;

        Frozen(TranscoderSet transcoders, Run clean) {
            pass = new EditedPass(
                    transcoders,
                    EditPlan.ofPrompt(List.of(), transcoders.layers(), clean.positions()),
                    List.of(),
                    Freeze.EVERYTHING,
                    clean);
            site = transcoders.output();
        }

        Tensor output(int layer, Tensor frozen) {
            return frozen;
        }

        @Override
        public Tensor at(FeatureSite at, int layer, Tensor value) {
            Tensor frozen = pass.at(at, layer, value);
            return at == site ? output(layer, frozen) : frozen;
        }

        @Override
        public Tensor attention(int layer) {
            return pass.attention(layer);
        }

        @Override
        public Tensor reciprocal(NormSite norm, int layer) {
            return pass.reciprocal(norm, layer);
        }
    }
}
