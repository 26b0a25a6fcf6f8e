package dev.headwater.engine.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.FamilyNeuronTest;
import dev.headwater.engine.attribution.LayerInput;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.HeadInput;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Scores of random models against brute force: every source carried up to the head and multiplied with every other, where the product
 * comes down from the head.
 */
class ScoreSourcesTest {
    private static final int LOOKS = 6;
    private static final int PAIRS = 12;

    static List<String> cases() {
        return GoldenCase.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void ofTranscoders(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = ReplacementModel.open(
                        golden.model(),
                        golden.transcoders(),
                        ReplacementModel.Options.DEFAULT.withDevice(Device.CPU).withProducts(Products.FLOAT32))) {
            assertScores(name, model, model.prompt(golden.ints("input_tokens")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gpt_neox", "granite", "mistral", "olmo2", "phi3", "qwen2", "smollm3"})
    void ofNeurons(String family, @TempDir Path directory) throws IOException {
        try (ReplacementModel model = FamilyNeuronTest.model(family, directory)) {
            assertScores(family, model, model.prompt(new int[] {3, 17, 5, 29, 11, 2, 8}));
        }
    }

    private static void assertScores(String name, ReplacementModel model, Prompt tokens) {
        Random random = new Random(name.hashCode());
        ModelConfig.Attention attention = model.model().config().attention();
        try (LinearPrompt prompt = LinearPrompt.of(model, tokens, AttributionOptions.DEFAULT, Progress.NONE)) {
            for (int look = 0; look < LOOKS; look++) {
                Head head = new Head(model.layers() - 1 - look % model.layers(), random.nextInt(attention.heads()));
                int window = attention.layers().get(head.layer()).window();
                int query = 1 + random.nextInt(tokens.length() - 1);
                int first = window == 0 ? 0 : Math.max(0, query - window + 1);
                int key = first + random.nextInt(query - first + 1);
                assertScore(name + " " + head + " " + query + " " + key, prompt, head, query, key, attention.scale());
            }
        }
    }

    private static void assertScore(String name, LinearPrompt prompt, Head head, int query, int key, double scale) {
        ScoreSources all = ScoreSources.of(prompt, head, query, key, PAIRS, Long.MAX_VALUE);
        ScoreSources some = ScoreSources.of(prompt, head, query, key, PAIRS, -1);
        assertTrue(all.allPairs(), name);
        assertFalse(some.allPairs(), name);
        try (var _ = TensorScope.open()) {
            LayerInput input = prompt.entering(head.layer());
            var model = prompt.model().model();
            HeadInput q = HeadInput.query(model, head.layer(), head.head(), query, input.stream());
            HeadInput k = HeadInput.key(model, head.layer(), head.head(), key, input.stream());
            int[] numbers = IntStream.range(0, prompt.sourceCount()).toArray();
            Tensor queries = Torch.linear(input.added(query, numbers), q.gradient(), null);
            Tensor keys = Torch.linear(input.added(key, numbers), k.gradient(), null);
            double largest = 0;
            float[] querySide = products(queries, k.value());
            float[] keySide = products(keys, q.value());
            for (int s = 0; s < numbers.length; s++) {
                largest = Math.max(largest, scale * Math.max(Math.abs(querySide[s]), Math.abs(keySide[s])));
            }
            for (ScoreSources score : List.of(all, some)) {
                for (int s = 0; s < numbers.length; s++) {
                    assertEquals(scale * querySide[s], score.querySide()[s], 1e-5 * largest, name + " query " + s);
                    assertEquals(scale * keySide[s], score.keySide()[s], 1e-5 * largest, name + " key " + s);
                }
                assertEquals(score.score(), sum(score.querySide()) + score.queryRest(), 1e-6 * (1 + largest), name);
                assertEquals(score.score(), sum(score.keySide()) + score.keyRest(), 1e-6 * (1 + largest), name);
                assertEquals(
                        score.score() - score.mean(),
                        sum(score.relative()) + score.relativeRest(),
                        1e-6 * (1 + largest),
                        name);
            }
            float[] products = Torch.linear(queries, keys, null).toFloats();
            double[] sizes = new double[products.length];
            Arrays.setAll(sizes, i -> scale * Math.abs(products[i]));
            Arrays.sort(sizes);
            assertPairs(name, all, products, sizes, scale, 1);
            assertPairs(name, some, products, sizes, scale, 0.99);
        }
    }

    /** Listed pairs have the values of brute force and descend; together they reach a share of the strongest there are. */
    private static void assertPairs(
            String name, ScoreSources score, float[] products, double[] sizes, double scale, double share) {
        int sources = score.querySide().length;
        double slack = 1e-5 * sizes[sizes.length - 1];
        double found = 0;
        double best = 0;
        double before = Double.MAX_VALUE;
        for (int i = 0; i < score.pairs().size(); i++) {
            ScoreSources.Pair pair = score.pairs().get(i);
            assertEquals(
                    scale * products[pair.query() * sources + pair.key()], pair.value(), slack, name + " pair " + i);
            assertTrue(Math.abs(pair.value()) <= before, name);
            before = Math.abs(pair.value());
            found += before;
        }
        for (int i = 0; i < PAIRS; i++) {
            best += i < sizes.length ? sizes[sizes.length - 1 - i] : 0;
        }
        assertTrue(found >= share * best - PAIRS * slack, name + ": pairs reach " + found + " of " + best);
    }

    private static float[] products(Tensor vectors, Tensor with) {
        return Torch.linear(vectors, TorchShape.unsqueeze(with, 0), null).toFloats();
    }

    private static double sum(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).sum();
    }

    @Test
    void aKeyOutsideTheWindowIsToldWithTheWindow() {
        try (GoldenCase golden = new GoldenCase("gemma2-plt-npz");
                ReplacementModel model = ReplacementModel.open(
                        golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                LinearPrompt prompt = LinearPrompt.of(
                        model, model.prompt(golden.ints("input_tokens")), AttributionOptions.DEFAULT, Progress.NONE)) {
            int layer = IntStream.range(0, model.layers())
                    .filter(l ->
                            model.model().config().attention().layers().get(l).window() == 5)
                    .findFirst()
                    .orElseThrow();
            Head head = new Head(layer, 0);
            assertEquals(
                    "Head " + head
                            + ": the key at 1 lies outside the layer's window: from 6 it sees the positions 2 to 6",
                    assertThrows(UsageException.class, () -> ScoreSources.of(prompt, head, 6, 1, 3))
                            .getMessage());
            assertEquals(2, ScoreSources.of(prompt, head, 6, 2, 3).key());
        }
    }
}
