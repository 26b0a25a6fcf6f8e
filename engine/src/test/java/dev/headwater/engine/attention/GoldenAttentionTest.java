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
import dev.headwater.engine.graph.AttributionGraph;
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
                LinearPrompt prompt = LinearPrompt.of(model, graph.prompt(), 0, Progress.NONE)) {
            int[] pairs = ints(wanted, "edges");
            int count = pairs.length / 2;
            List<EdgeHeads> edges = EdgeHeads.of(
                    prompt,
                    graph,
                    null,
                    IntStream.range(0, count).map(e -> pairs[2 * e]).toArray(),
                    IntStream.range(0, count).map(e -> pairs[2 * e + 1]).toArray(),
                    Progress.NONE);
            int layers = description.get("layers").asInt();
            int heads = description.get("heads").asInt();
            float[] loadings = new float[count * layers * heads];
            float[] weights = new float[count];
            for (int e = 0; e < count; e++) {
                EdgeHeads edge = edges.get(e);
                weights[e] = edge.weight();
                System.arraycopy(
                        edge.loadings(), 0, loadings, (e * layers + edge.firstLayer()) * heads, edge.loadings().length);
            }
            assertClose(name + " weights", wanted.floats("weights"), weights);
            assertClose(name + " loadings", wanted.floats("loadings"), loadings);
            for (int i = 0; i < description.get("qk").size(); i++) {
                JsonNode look = description.get("qk").get(i);
                ScoreSources found = ScoreSources.of(
                        prompt,
                        new Head(look.get("layer").asInt(), look.get("head").asInt()),
                        look.get("query").asInt(),
                        look.get("key").asInt(),
                        32);
                assertEquals(
                        look.get("score").asDouble(), found.score(), 2e-5 * Math.max(1, Math.abs(found.score())), name);
                assertEquals(look.get("attention").asDouble(), found.attention(), 1e-5, name);
                assertClose(
                        name + " query " + i,
                        wanted.floats("qk_" + i + ".query"),
                        with(found.querySide(), found.queryRest()));
                assertClose(
                        name + " key " + i, wanted.floats("qk_" + i + ".key"), with(found.keySide(), found.keyRest()));
                assertPairs(
                        name + " pairs " + i,
                        ints(wanted, "qk_" + i + ".pairs"),
                        wanted.floats("qk_" + i + ".pair_values"),
                        found.pairs());
            }
        }
    }

    private static float[] with(float[] values, double rest) {
        float[] all = Arrays.copyOf(values, values.length + 1);
        all[values.length] = (float) rest;
        return all;
    }

    /** Pairs of nearly the same size may change places; the last ones may be others. */
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

    /** With little memory sources and targets go in many parts. */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gpt-oss-clt-relu", "gemma2-clt-jumprelu"})
    void memoryDoesNotChangeTheLoadings(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden);
                AttributionGraph graph = graph(golden, model)) {
            List<EdgeHeads> much = loadings(model, graph, 0);
            List<EdgeHeads> little = loadings(model, graph, 200_000);
            for (int e = 0; e < much.size(); e++) {
                assertClose(name, much.get(e).loadings(), little.get(e).loadings());
            }
        }
    }

    private static List<EdgeHeads> loadings(ReplacementModel model, AttributionGraph graph, long memory) {
        List<int[]> kept = new ArrayList<>();
        Pruning.of(graph, 0.8, 0.98).forEachEdge((target, source, weight) -> kept.add(new int[] {target, source}));
        assertTrue(kept.size() > 10);
        try (LinearPrompt prompt = LinearPrompt.of(model, graph.prompt(), memory, Progress.NONE)) {
            return EdgeHeads.of(
                    prompt,
                    graph,
                    null,
                    kept.stream().mapToInt(edge -> edge[0]).toArray(),
                    kept.stream().mapToInt(edge -> edge[1]).toArray(),
                    Progress.NONE);
        }
    }
}
