package dev.headwater.engine.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.evaluation.Evaluation.Changed;
import dev.headwater.engine.evaluation.Evaluation.Layer;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Mlp;
import dev.headwater.engine.transcoder.Activation;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.transcoder.TranscoderSetWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EvaluationTest {
    private static final ReplacementModel.Options CPU = ReplacementModel.Options.DEFAULT.withDevice(Device.CPU);
    private static final Evaluation.Options ALL = new Evaluation.Options(16, 10_000, 10_000, true);

    @TempDir
    Path directory;

    private Corpus text(int lines) throws IOException {
        Random random = new Random(3);
        List<String> words = List.of("The", "graph", "explains", "the", "error", "(see", "above)", "of", "a", "prompt");
        StringBuilder text = new StringBuilder();
        for (int line = 0; line < lines; line++) {
            int count = 3 + random.nextInt(12);
            for (int i = 0; i < count; i++) {
                text.append(i == 0 ? "" : " ").append(words.get(random.nextInt(words.size())));
            }
            text.append('\n');
        }
        return new Corpus(List.of(Files.writeString(directory.resolve("text.txt"), text)));
    }

    /** A ReLU transcoder can be the MLP itself, neuron by neuron, where that has a ReLU and no gate. */
    @Test
    void aSetThatIsTheMlpsLeavesNothing() throws IOException {
        try (var golden = new GoldenCase("gpt2-plt-relu")) {
            Path copy = Files.createDirectory(directory.resolve("model"));
            for (String file : List.of(
                    "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
                Files.copy(golden.model().resolve(file), copy.resolve(file));
            }
            Files.writeString(
                    copy.resolve("config.json"),
                    Files.readString(golden.model().resolve("config.json")).replace("gelu_new", "relu"));
            try (var model = ReplacementModel.open(copy, neurons(copy), CPU)) {
                Evaluation result = Evaluation.of(model, text(20), ALL, Progress.NONE);
                assertEquals(3, result.layers().size());
                double own = result.losses().model();
                for (Layer layer : result.layers()) {
                    assertEquals(0, layer.fvu(), 1e-10);
                    assertEquals(0, layer.fvuNoOutliers(), 1e-10);
                    assertEquals(0, layer.fvuWithFirst(), 1e-10);
                    assertTrue(layer.l0() > 1 && layer.dense() > 0);
                    recovered(layer.loss(), own);
                }
                recovered(result.losses().all(), own);
            }
        }
    }

    private static void recovered(Changed loss, double own) {
        assertNotNull(loss);
        assertEquals(own, loss.replaced(), 1e-5);
        assertTrue(Math.abs(loss.zero() - own) > 1e-3 && Math.abs(loss.mean() - own) > 1e-3, loss + " of " + own);
        assertEquals(1, loss.recovered(own), 1e-2);
        assertEquals(1, loss.recoveredOverMean(own), 1e-2);
    }

    private Path neurons(Path copy) {
        Path target = directory.resolve("set");
        try (var model = LanguageModel.load(copy, DType.F32, Device.CPU);
                var writer = TranscoderSetWriter.create(
                        target,
                        new TranscoderSetWriter.Description(
                                "gpt2",
                                Kind.PER_LAYER,
                                FeatureSite.MLP_IN,
                                FeatureSite.MLP_OUT,
                                3,
                                192,
                                48,
                                DType.F32));
                var _ = TensorScope.open()) {
            for (int layer = 0; layer < 3; layer++) {
                Mlp.Plain mlp = (Mlp.Plain) model.layer(layer).mlp();
                writer.write(new TranscoderSetWriter.Layer(
                        mlp.in().weight(),
                        mlp.in().bias().toFloats(),
                        new Activation.Relu(),
                        TorchShape.t(mlp.out().weight()),
                        mlp.out().bias().toFloats(),
                        null));
            }
            writer.commit(Map.of());
        }
        return target;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-relu-skip", "gemma2-clt-jumprelu", "llama-plt-topk-bf16"})
    void figuresAreThoseOfPlainArithmetic(String name) throws IOException {
        try (var golden = new GoldenCase(name);
                var model = ReplacementModel.open(golden.model(), golden.transcoders(), CPU)) {
            Corpus corpus = text(15);
            Evaluation result = Evaluation.of(model, corpus, ALL, Progress.NONE);
            PlainEvaluation plain = new PlainEvaluation(
                    model, corpus.windows(model.tokenizer(), ALL.window(), ALL.tokens(), Progress.NONE));
            assertEquals(plain.positions, result.size().positions());
            assertEquals(plain.loss(Hooks.NONE), result.losses().model(), 1e-5);
            assertEquals(plain.replaced(-1), result.losses().all().replaced(), 1e-5);
            assertEquals(plain.ablated(-1, false), result.losses().all().zero(), 1e-5);
            assertEquals(plain.ablated(-1, true), result.losses().all().mean(), 1e-5);
            for (Layer layer : result.layers()) {
                String where = name + " layer " + layer.layer();
                plain.check(layer, where);
                assertEquals(plain.replaced(layer.layer()), layer.loss().replaced(), 1e-5, where);
                assertEquals(plain.ablated(layer.layer(), false), layer.loss().zero(), 1e-5, where);
                assertEquals(plain.ablated(layer.layer(), true), layer.loss().mean(), 1e-5, where);
            }
            assertEquals(
                    result.layers().stream().mapToDouble(Layer::fvu).sum(),
                    result.meanFvu() * result.layers().size(),
                    1e-9);
        }
    }

    @Test
    void crossEntropyIsTheSameInPieces() {
        int vocabulary = 1_500_000;
        int[] tokens = {7, 3, 1_499_999, 0, 12};
        float[] logits = new float[tokens.length * vocabulary];
        Random random = new Random(1);
        for (int i = 0; i < logits.length; i++) {
            logits[i] = 30 * random.nextFloat() - 15;
        }
        double expected = 0;
        for (int p = 1; p < 4; p++) {
            double all = 0;
            for (int v = 0; v < vocabulary; v++) {
                all += Math.exp(logits[p * vocabulary + v]);
            }
            expected += Math.log(all) - logits[p * vocabulary + tokens[p + 1]];
        }
        try (var _ = TensorScope.open()) {
            assertEquals(
                    expected,
                    CrossEntropy.sum(Tensor.ofFloats(logits, tokens.length, vocabulary), tokens, 1),
                    1e-5 * expected);
        }
    }

    @Test
    void whatCannotBeJudgedSaysSo() throws IOException {
        try (var golden = new GoldenCase("llama-plt-relu-skip");
                var model = ReplacementModel.open(golden.model(), golden.transcoders(), CPU);
                var neurons = ReplacementModel.ofNeurons(golden.model(), CPU)) {
            Corpus text = text(2);
            String message = assertThrows(
                            HeadwaterException.class, () -> Evaluation.of(model, text, ALL, Progress.NONE))
                    .getMessage();
            assertTrue(message.contains("is too short to judge a set by: it has "), message);
            assertThrows(
                    UsageException.class,
                    () -> Evaluation.of(model, text, new Evaluation.Options(1 << 20, 1000, 0, false), Progress.NONE));
            assertThrows(UsageException.class, () -> Evaluation.of(neurons, text(15), ALL, Progress.NONE));
            assertNull(Evaluation.of(model, text(15), new Evaluation.Options(16, 1000, 0, true), Progress.NONE)
                    .losses());
        }
    }
}
