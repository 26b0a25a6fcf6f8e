package dev.headwater.engine.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Head loadings and QK attribution against the float64 oracle. */
class GoldenAttentionTest {
    /** As the values are told: within this share of the largest. */
    private static final double TOLERANCE = 1e-5;

    private static ReplacementModel open(GoldenCase golden) {
        return ReplacementModel.open(
                golden.model(),
                golden.transcoders(),
                ReplacementModel.Options.DEFAULT.withDevice(Device.CPU).withProducts(Products.FLOAT32));
    }

    private static AttributionGraph graph(GoldenCase golden, ReplacementModel model) {
        JsonNode settings = golden.description().get("settings");
        return Attribution.of(
                model,
                model.prompt(golden.ints("input_tokens")),
                AttributionOptions.DEFAULT
                        .withMaxFeatures(0)
                        .withTargets(new OutputTargets.Salient(
                                settings.get("max_n_logits").asInt(),
                                settings.get("desired_logit_prob").asDouble())),
                Progress.NONE);
    }

    private static Path expected(String file) {
        try {
            return Path.of(GoldenAttentionTest.class
                    .getResource("/golden-attention/" + file)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int[] ints(SafetensorsFile file, String tensor) {
        MemorySegment data = file.data(tensor);
        return IntStream.range(0, (int) (data.byteSize() / 4))
                .map(i -> data.get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i))
                .toArray();
    }

    private static void assertClose(String what, float[] expected, float[] actual) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], TOLERANCE * largest, what + "[" + i + "]");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gemma2-plt-npz",
                "gemma3-plt-gs2-affine",
                "gpt-oss-clt-relu",
                "gpt2-plt-relu",
                "llama-clt-relu-sharded",
                "llama-plt-relu-skip",
                "qwen3-plt-jumprelu"
            })
    void loadingsMarginalsAndPairs(String name) throws IOException {
        JsonNode description =
                new ObjectMapper().readTree(expected(name + ".json").toFile());
        try (GoldenCase golden = new GoldenCase(name);
                SafetensorsFile wanted = SafetensorsFile.open(expected(name + ".safetensors"));
                ReplacementModel model = open(golden);
                AttributionGraph graph = graph(golden, model);
                LinearPrompt prompt =
                        LinearPrompt.of(model, graph.prompt(), AttributionOptions.DEFAULT, Progress.NONE)) {
            int[] pairs = ints(wanted, "edges");
            int count = pairs.length / 2;
            List<Node> targets = IntStream.range(0, count)
                    .mapToObj(e -> graph.node(pairs[2 * e]))
                    .toList();
            List<Node> sources = IntStream.range(0, count)
                    .mapToObj(e -> graph.node(pairs[2 * e + 1]))
                    .toList();
            float[][] found = new float[count][];
            prompt.loadings(targets, sources, null, (e, loadings) -> found[e] = loadings, Progress.NONE);
            int layers = description.get("layers").asInt();
            int heads = description.get("heads").asInt();
            float[] loadings = new float[count * layers * heads];
            for (int e = 0; e < count; e++) {
                int first = EdgeHeads.layerOf(sources.get(e), layers) + 1;
                System.arraycopy(found[e], 0, loadings, (e * layers + first) * heads, found[e].length);
            }
            assertClose(name + " weights", wanted.floats("weights"), prompt.weights(targets, sources, null));
            assertClose(name + " loadings", wanted.floats("loadings"), loadings);
            assertStrongest(found, GraphHeads.strongest(prompt, targets, sources, 0.8, Progress.NONE));
            for (int i = 0; i < description.get("qk").size(); i++) {
                JsonNode look = description.get("qk").get(i);
                ScoreSources scored = ScoreSources.of(
                        prompt,
                        new Head(look.get("layer").asInt(), look.get("head").asInt()),
                        look.get("query").asInt(),
                        look.get("key").asInt(),
                        32);
                assertEquals(
                        look.get("score").asDouble(),
                        scored.score(),
                        2e-5 * Math.max(1, Math.abs(scored.score())),
                        name);
                assertEquals(look.get("attention").asDouble(), scored.attention(), 1e-5, name);
                assertClose(
                        name + " query " + i,
                        wanted.floats("qk_" + i + ".query"),
                        with(scored.querySide(), scored.queryRest()));
                assertClose(
                        name + " key " + i,
                        wanted.floats("qk_" + i + ".key"),
                        with(scored.keySide(), scored.keyRest()));
                assertPairs(
                        name + " pairs " + i,
                        ints(wanted, "qk_" + i + ".pairs"),
                        wanted.floats("qk_" + i + ".pair_values"),
                        scored.pairs());
            }
        }
    }

    private static float[] with(float[] values, double rest) {
        float[] all = Arrays.copyOf(values, values.length + 1);
        all[values.length] = (float) rest;
        return all;
    }

    /**
     * What is listed of an edge and the rest sum to all loadings; the largest one is listed. Pairs of nearly the same size
     * may change places; the last ones may be others.
     */
    private static void assertStrongest(float[][] loadings, List<AttentionBlock.Edge> strongest) {
        List<float[]> between =
                Arrays.stream(loadings).filter(edge -> edge.length > 0).toList();
        assertEquals(between.size(), strongest.size(), "edges that attention lies between");
        for (int e = 0; e < strongest.size(); e++) {
            double sum = strongest.get(e).rest();
            for (AttentionBlock.Part part : strongest.get(e).parts()) {
                sum += part.loading();
            }
            double all = 0;
            float largest = 0;
            for (float loading : between.get(e)) {
                all += loading;
                largest = Math.max(largest, Math.abs(loading));
            }
            assertEquals(all, sum, 1e-6 * Math.max(1, largest), "edge " + e);
            if (largest > 0) {
                assertEquals(
                        largest, Math.abs(strongest.get(e).parts().getFirst().loading()), 0, "edge " + e);
            }
        }
    }

    private static void assertPairs(String what, int[] pairs, float[] values, List<ScoreSources.Pair> found) {
        List<ScoreSources.Pair> nonZero = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != 0) {
                nonZero.add(new ScoreSources.Pair(pairs[2 * i], pairs[2 * i + 1], values[i]));
            }
        }
        assertEquals(nonZero.size(), found.size(), what);
        double slack = TOLERANCE * Math.abs(values[0]);
        for (int i = 0; i < found.size(); i++) {
            assertEquals(Math.abs(values[i]), Math.abs(found.get(i).value()), slack, what + " " + i);
        }
        double last = Math.abs(values[found.size() - 1]) + 2 * slack;
        Set<String> wanted = names(nonZero, last);
        assertEquals(wanted, names(found, last), what);
    }

    private static Set<String> names(List<ScoreSources.Pair> pairs, double above) {
        return pairs.stream()
                .filter(pair -> Math.abs(pair.value()) > above)
                .map(pair -> pair.query() + "·" + pair.key())
                .collect(Collectors.toSet());
    }

    /**
     * With little memory sources and targets go in many parts, whose products add up in another order. A weak edge is what is left of terms
     * as large as the largest loading, so that rounding is a share of that and not of the edge's own: HeadLoadingTest has both beside
     * float64.
     */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gpt-oss-clt-relu", "gemma2-clt-jumprelu"})
    void memoryDoesNotChangeTheLoadings(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                AttributionGraph graph = graph(golden, model)) {
            float[] much = joined(loadings(model, graph, 0));
            float[] little = joined(loadings(model, graph, 200_000));
            double largest = 0;
            for (float loading : much) {
                largest = Math.max(largest, Math.abs(loading));
            }
            assertEquals(much.length, little.length, name);
            for (int i = 0; i < much.length; i++) {
                assertEquals(much[i], little[i], 1e-6 * largest, name + "[" + i + "]");
            }
        }
    }

    private static float[] joined(float[][] loadings) {
        int count = Arrays.stream(loadings).mapToInt(edge -> edge.length).sum();
        float[] all = new float[count];
        int at = 0;
        for (float[] edge : loadings) {
            System.arraycopy(edge, 0, all, at, edge.length);
            at += edge.length;
        }
        return all;
    }

    private static float[][] loadings(ReplacementModel model, AttributionGraph graph, long memory) {
        List<Node> targets = new ArrayList<>();
        List<Node> sources = new ArrayList<>();
        Pruning.of(graph, 0.8, 0.98).forEachEdge((target, source, weight) -> {
            targets.add(graph.node(target));
            sources.add(graph.node(source));
        });
        assertTrue(targets.size() > 10);
        try (LinearPrompt prompt =
                LinearPrompt.of(model, graph.prompt(), AttributionOptions.DEFAULT.withMemory(memory), Progress.NONE)) {
            float[][] found = new float[targets.size()][];
            prompt.loadings(targets, sources, null, (e, loadings) -> found[e] = loadings, Progress.NONE);
            return found;
        }
    }
}
