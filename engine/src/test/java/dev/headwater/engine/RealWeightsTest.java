package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.KvCache;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.tokens.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/**
 * Pretrained models from their GGUF files, against float64 results of their decoded weights. The files come by {@code
 * src/test/scripts/fetch-real-weights}; the environment variable HEADWATER_REAL_WEIGHTS says where they are.
 */
class RealWeightsTest {
    private static final String TEXT = "The capital of France is";

    private static Path file(String name) {
        String directory = System.getenv("HEADWATER_REAL_WEIGHTS");
        assumeTrue(
                directory != null && Files.exists(Path.of(directory, name)),
                name
                        + " is not here: run engine/src/test/scripts/fetch-real-weights DIR, and set HEADWATER_REAL_WEIGHTS to DIR");
        return Path.of(directory, name);
    }

    /** Probabilities of the next token. */
    private static double[] next(LanguageModel model, int[] tokens, KvCache cache) {
        try (Trace trace = model.forward(tokens, TraceRequest.LAST_LOGITS, Hooks.NONE, cache);
                var scope = TensorScope.open()) {
            Tensor logits = Torch.to(trace.logits(), DType.F64);
            return TorchReduce.softmax(logits, -1).toDoubles();
        }
    }

    private static int best(double[] probabilities) {
        int best = 0;
        for (int i = 1; i < probabilities.length; i++) {
            best = probabilities[i] > probabilities[best] ? i : best;
        }
        return best;
    }

    private static void assertProbability(double expected, String token, double[] probabilities, Tokenizer tokenizer) {
        assertEquals(expected, probabilities[tokenizer.encode(token, false)[0]], 1e-5, token);
    }

    @Test
    void smolLm2() {
        Path file = file("smollm2.gguf");
        Tokenizer tokenizer = Tokenizer.open(file);
        int[] tokens = tokenizer.withLeadingSpecial(tokenizer.encode(TEXT, false));
        assertArrayEquals(new int[] {1, 504, 3575, 282, 4649, 314}, tokens);
        try (LanguageModel model = LanguageModel.load(file, DType.F32, Device.CPU);
                KvCache cache = model.cache(32)) {
            double[] probabilities = next(model, tokens, cache);
            assertProbability(0.74907, " Paris", probabilities, tokenizer);
            assertProbability(0.01733, " Mon", probabilities, tokenizer);
            assertProbability(0.01165, " Le", probabilities, tokenizer);
            int[] answer = new int[12];
            for (int i = 0; i < answer.length; i++) {
                answer[i] = best(probabilities);
                probabilities = next(model, new int[] {answer[i]}, cache);
            }
            assertEquals(" Paris.\n\nThe capital of the United States is New", tokenizer.decode(answer));
        }
    }

    @Test
    void gemma3() {
        Path file = file("gemma3.gguf");
        Tokenizer tokenizer = Tokenizer.open(file);
        int[] tokens = tokenizer.withLeadingSpecial(tokenizer.encode(TEXT, false));
        assertArrayEquals(new int[] {2, 818, 5279, 529, 7001, 563}, tokens);
        try (LanguageModel model = LanguageModel.load(file, DType.F32, Device.CPU)) {
            double[] probabilities = next(model, tokens, null);
            assertProbability(0.19128, " the", probabilities, tokenizer);
            assertProbability(0.11104, " a", probabilities, tokenizer);
            assertProbability(0.08401, " Paris", probabilities, tokenizer);
        }
    }

    /** Features, edges, influence and scores as float64 has them; of the edges some at random and the largest. */
    private static void assertEqualsFloat64(ReplacementModel model, String name, int most) {
        JsonNode expected = BoundedJson.read(Path.of("src/test/resources/real-weights", name));
        int[] tokens = ints(expected.get("tokens"));
        try (AttributionGraph graph = Attribution.of(
                model, model.prompt(tokens), AttributionOptions.DEFAULT.withMaxFeatures(most), Progress.NONE)) {
            assertEquals(expected.get("features").asInt(), graph.featureCount());
            assertArrayEquals(
                    ints(expected.get("logit_tokens")),
                    graph.targets().stream().mapToInt(LogitTarget::token).toArray());
            for (JsonNode named : expected.get("named")) {
                assertEquals(
                        new FeatureRef(
                                named.get(1).asInt(),
                                named.get(2).asInt(),
                                named.get(3).asInt()),
                        graph.active().ref(graph.selected()[named.get(0).asInt()]));
            }
            double largest = expected.get("largest").asDouble();
            for (JsonNode entry : expected.get("entries")) {
                int target = entry.get(0).asInt();
                int source = entry.get(1).asInt();
                assertEquals(
                        entry.get(2).asDouble(),
                        graph.edges().get(target, source),
                        5e-6 * largest,
                        () -> name + ", from " + source + " to " + target);
            }
            Influence influence = Influence.of(graph);
            for (JsonNode node : expected.get("influence")) {
                assertEquals(
                        node.get(1).asDouble(), influence.node()[node.get(0).asInt()], 5e-6);
            }
            Scores scores = Scores.of(graph, influence);
            assertEquals(expected.get("replacement").asDouble(), scores.replacement(), 5e-6);
            assertEquals(expected.get("completeness").asDouble(), scores.completeness(), 5e-6);
        }
    }

    private static int[] ints(JsonNode numbers) {
        return StreamSupport.stream(numbers.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    /** All features that fire, of transcoders that were trained for this model. */
    @Test
    void aGraphOfSmolLm2sTranscodersEqualsFloat64() {
        Path file = file("smollm2.gguf");
        String directory = System.getenv("HEADWATER_REAL_TRANSCODERS");
        assumeTrue(
                directory != null && Files.exists(Path.of(directory, "config.yaml")),
                "transcoders for SmolLM2 (30 layers of 1,024 features) are not here: set HEADWATER_REAL_TRANSCODERS to their directory");
        try (ReplacementModel model = ReplacementModel.open(
                file, Path.of(directory), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            assertEqualsFloat64(model, "smollm2-transcoders.json", 0);
        }
    }

    @Test
    void aGraphOfSmolLm2sNeuronsEqualsFloat64() {
        try (ReplacementModel model = ReplacementModel.ofNeurons(
                file("smollm2.gguf"), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            assertEqualsFloat64(model, "smollm2-neurons.json", 600);
        }
    }
}
