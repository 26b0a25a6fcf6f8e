package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Knocking heads out of the frozen model changes each edge by what was said to pass through them, in every golden
 * family: one head by its loading, all heads of a layer to the bypass. The edges come from the sweep that makes graphs.
 */
class HeadLoadingTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void partsSumToTheEdge(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU).withProducts(Products.FLOAT32));
                AttributionGraph graph = Attribution.of(
                        model,
                        model.prompt(golden.ints("input_tokens")),
                        AttributionOptions.DEFAULT.withMaxFeatures(0),
                        Progress.NONE);
                LinearPrompt prompt =
                        LinearPrompt.of(model, graph.prompt(), AttributionOptions.DEFAULT, Progress.NONE);
                var scope = TensorScope.open()) {
            List<int[]> kept = new ArrayList<>();
            Pruning.of(graph, 0.6, 0.9).forEachEdge((target, source, weight) -> kept.add(new int[] {target, source}));
            kept.removeIf(edge -> !HeadLoadingTest.passesAttention(graph, edge));
            List<EdgeHeads> edges = EdgeHeads.of(
                    prompt,
                    kept.stream().map(edge -> graph.node(edge[0])).toList(),
                    kept.stream().map(edge -> graph.node(edge[1])).toList(),
                    null,
                    Progress.NONE);
            double largest = edges.stream()
                    .mapToDouble(edge -> Math.abs(edge.weight()))
                    .max()
                    .orElseThrow();
            int[] targets = new TreeSet<>(kept.stream().map(edge -> edge[0]).toList())
                    .stream().mapToInt(Integer::intValue).toArray();
            TargetVectors vectors = new TargetVectors(model, prompt.frozen(), prompt.active(), prompt.trace());
            vectors.choose(
                    new OutputTargets.Tokens(graph.targets().stream()
                            .map(target -> target.token())
                            .toList()),
                    prompt.trace());
            List<Target> ends = vectors.of(targets, graph.firstLogit());
            int heads = model.model().config().attention().heads();
            int compared = 0;
            for (int layer = 0; layer < model.layers(); layer++) {
                for (int head = -1; head < heads; head++) {
                    float[][] rows = rows(without(prompt.frozen(), layer, head), prompt.sources(), ends);
                    for (int e = 0; e < edges.size(); e++) {
                        EdgeHeads edge = edges.get(e);
                        float[] row = rows[Arrays.binarySearch(targets, kept.get(e)[0])];
                        boolean between = layer >= edge.firstLayer() && layer < edge.firstLayer() + edge.layers();
                        double expected = !between
                                ? edge.weight()
                                : head < 0 ? edge.bypass(layer) : edge.weight() - edge.loading(layer, head);
                        assertEquals(
                                expected,
                                row[kept.get(e)[1]],
                                2e-5 * largest,
                                name + " without head " + layer + "/" + head);
                        compared += between ? 1 : 0;
                    }
                }
            }
            assertTrue(compared > 100, name);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void loadingsAreThoseOfFloat64(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU).withProducts(Products.FLOAT32))) {
            assertFloat64(name, model, golden.ints("input_tokens"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gpt_neox", "granite", "mistral", "olmo2", "phi3", "qwen2", "smollm3"})
    void soAreThoseOfNeurons(String family, @TempDir Path directory) throws IOException {
        try (ReplacementModel model = FamilyNeuronTest.model(family, directory)) {
            assertFloat64(family, model, new int[] {3, 17, 5, 29, 11, 2, 8});
        }
    }

    /** In whole and in many small parts. */
    private static void assertFloat64(String name, ReplacementModel model, int[] tokens) {
        try (AttributionGraph graph = Attribution.of(
                model, model.prompt(tokens), AttributionOptions.DEFAULT.withMaxFeatures(0), Progress.NONE)) {
            List<Node> targets = new ArrayList<>();
            List<Node> sources = new ArrayList<>();
            Pruning.of(graph, 0.6, 0.9).forEachEdge((target, source, weight) -> {
                targets.add(graph.node(target));
                sources.add(graph.node(source));
            });
            List<FeatureRef> features = IntStream.range(0, graph.active().count())
                    .mapToObj(i -> new FeatureRef(
                            graph.active().layer()[i],
                            graph.active().position()[i],
                            graph.active().feature()[i]))
                    .toList();
            for (long memory : new long[] {0, 200_000}) {
                try (LinearPrompt prompt = LinearPrompt.of(model, graph.prompt(), features, memory, Progress.NONE);
                        var scope = TensorScope.open()) {
                    float[][] found = new float[targets.size()][];
                    prompt.loadings(targets, sources, null, (e, loadings) -> found[e] = loadings, Progress.NONE);
                    double largest = Arrays.stream(found)
                            .flatMapToDouble(
                                    edge -> IntStream.range(0, edge.length).mapToDouble(i -> Math.abs(edge[i])))
                            .max()
                            .orElseThrow();
                    EdgeEnds ends = EdgeEnds.of(prompt, targets, sources, null);
                    var exact = new Float64Loadings(prompt.frozen());
                    int step = Math.max(1, found.length / 100);
                    for (int e = 0; e < found.length; e += step) {
                        double[] expected = exact.of(ends.of(e), ends.sources(), ends.column()[e]);
                        assertEquals(expected.length, found[e].length, name + " edge " + e);
                        for (int i = 0; i < expected.length; i++) {
                            assertEquals(expected[i], found[e][i], 1e-6 * largest, name + " edge " + e + "[" + i + "]");
                        }
                    }
                    ends.sources().close();
                }
            }
        }
    }

    /** What is reserved keeps to the bytes that are given, where a single source or target does not need more. */
    @Test
    void memoryIsReservedBeforeWork() {
        try (GoldenCase golden = new GoldenCase("llama-plt-relu-skip");
                ReplacementModel model = ReplacementModel.open(
                        golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                LinearPrompt prompt = LinearPrompt.of(
                        model, model.prompt(golden.ints("input_tokens")), AttributionOptions.DEFAULT, Progress.NONE);
                var scope = TensorScope.open()) {
            Sources sources = prompt.sources();
            TargetVectors vectors = new TargetVectors(model, prompt.frozen(), prompt.active(), prompt.trace());
            vectors.choose(new OutputTargets.Salient(5, 1), prompt.trace());
            List<HeadSweep.Edge> edges = vectors.outputs().stream()
                    .flatMap(target -> IntStream.range(0, sources.columns(0))
                            .mapToObj(column -> new HeadSweep.Edge(target, column)))
                    .toList();
            MemoryBudget roomy = MemoryBudget.of(Device.CPU);
            sweep(prompt, 100_000, roomy).run(edges, (e, loadings) -> {}, done -> {}, () -> false);
            assertTrue(roomy.peak(MemoryBudget.Place.DEVICE) <= 100_000);
            assertTrue(roomy.peak(MemoryBudget.Place.DEVICE) > 10_000);
            assertEquals(
                    roomy.left(MemoryBudget.Place.DEVICE),
                    MemoryBudget.of(Device.CPU).left(MemoryBudget.Place.DEVICE));
            MemoryBudget tight = MemoryBudget.of(Device.CPU, 1000, 1000);
            HeadSweep starved = sweep(prompt, 100_000, tight);
            String message = assertThrows(
                            HeadwaterException.class,
                            () -> starved.run(edges, (e, loadings) -> {}, done -> {}, () -> false))
                    .getMessage();
            assertTrue(
                    message.startsWith("The contributions of sources need 0.00 GB, but only 0.00 GB are left"),
                    message);
            assertEquals(1000, tight.left(MemoryBudget.Place.DEVICE));
        }
    }

    private static HeadSweep sweep(LinearPrompt prompt, long bytes, MemoryBudget memory) {
        FrozenModel frozen = prompt.frozen();
        return new HeadSweep(frozen, TwoLayers.none(frozen.weights()), prompt.sources(), bytes, memory);
    }

    private static boolean passesAttention(AttributionGraph graph, int[] edge) {
        int source = EdgeHeads.layerOf(graph.node(edge[1]), graph.layers());
        return source < Math.min(EdgeHeads.layerOf(graph.node(edge[0]), graph.layers()), graph.layers() - 1);
    }

    /** @param head -1 for all heads of the layer */
    private static FrozenModel without(FrozenModel frozen, int layer, int head) {
        List<FrozenModel.Layer> blocks = new ArrayList<>(frozen.blocks());
        Tensor pattern = Torch.clone(frozen.layer(layer).pattern());
        Torch.zeroInPlace(head < 0 ? pattern : TorchShape.narrow(pattern, 0, head, 1));
        blocks.set(layer, new FrozenModel.Layer(pattern, frozen.layer(layer).skipScale()));
        return new FrozenModel(frozen.weights(), blocks, frozen.inputNorms(), frozen.outputNorms(), frozen.finalNorm());
    }

    private static float[][] rows(FrozenModel frozen, Sources sources, List<Target> targets) {
        FrozenPrompt prompt = FrozenPrompt.of(frozen, sources, 0);
        try (var sweep = new AdjointSweep(
                        frozen.weights(), TwoLayers.none(frozen.weights()), 1 << 26, MemoryBudget.of(Device.CPU));
                EdgeRows rows = sweep.rows(List.of(new AdjointSweep.Wanted(prompt, targets)), done -> {}, () -> false)
                        .getFirst()) {
            float[] dense = rows.toDense();
            return IntStream.range(0, targets.size())
                    .mapToObj(t -> Arrays.copyOfRange(dense, t * rows.columns(), (t + 1) * rows.columns()))
                    .toArray(float[][]::new);
        }
    }
}
