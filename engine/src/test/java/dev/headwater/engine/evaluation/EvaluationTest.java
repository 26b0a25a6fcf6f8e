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
import dev.headwater.bindings.Torch;
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
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.Activation;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.transcoder.TranscoderSet;
import dev.headwater.engine.transcoder.TranscoderSetWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
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
            Plain plain =
                    new Plain(model, corpus.windows(model.tokenizer(), ALL.window(), ALL.tokens(), Progress.NONE));
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

    /** The definitions once more, window by window in float64, with nothing shared. */
    private static final class Plain {
        private static final TraceRequest SITES =
                new TraceRequest(Set.of(FeatureSite.values()), false, TraceRequest.Logits.NONE);

        final ReplacementModel model;
        final TranscoderSet set;
        final List<int[]> windows;
        final long positions;
        /** By layer, for all positions of all windows. */
        final List<List<float[]>> outputs = new ArrayList<>();

        final List<List<float[]>> said = new ArrayList<>();
        final List<List<SparseActivations>> active = new ArrayList<>();

        Plain(ReplacementModel model, List<int[]> windows) {
            this.model = model;
            set = model.transcoders();
            this.windows = windows;
            positions = windows.stream().mapToLong(window -> window.length - 1).sum();
            for (int layer = 0; layer < model.layers(); layer++) {
                outputs.add(new ArrayList<>());
                said.add(new ArrayList<>());
                active.add(new ArrayList<>());
            }
            for (int[] window : windows) {
                try (Trace trace = model.model().forward(window, SITES);
                        var _ = TensorScope.open()) {
                    List<Tensor> inputs = IntStream.range(0, model.layers())
                            .mapToObj(layer -> trace.site(set.input(), layer))
                            .toList();
                    List<SparseActivations> features = IntStream.range(0, model.layers())
                            .mapToObj(layer -> set.encode(layer, inputs.get(layer), 0))
                            .toList();
                    List<Tensor> made = set.reconstruct(features, inputs);
                    for (int layer = 0; layer < model.layers(); layer++) {
                        rows(trace.site(set.output(), layer), outputs.get(layer));
                        rows(made.get(layer), said.get(layer));
                        active.get(layer).add(features.get(layer));
                    }
                }
            }
        }

        private void rows(Tensor tensor, List<float[]> into) {
            float[] all = tensor.toFloats();
            int width = (int) tensor.size(1);
            for (int row = 0; row < tensor.size(0); row++) {
                into.add(Arrays.copyOfRange(all, row * width, (row + 1) * width));
            }
        }

        private List<Integer> judged() {
            List<Integer> judged = new ArrayList<>();
            int row = 0;
            for (int[] window : windows) {
                for (int p = 0; p < window.length; p++, row++) {
                    if (p > 0) {
                        judged.add(row);
                    }
                }
            }
            return judged;
        }

        private static double length(float[] row) {
            double sum = 0;
            for (float value : row) {
                sum += (double) value * value;
            }
            return Math.sqrt(sum);
        }

        private double[] mean(int layer, List<Integer> rows) {
            double[] mean = new double[set.width()];
            for (int row : rows) {
                for (int i = 0; i < mean.length; i++) {
                    mean[i] += outputs.get(layer).get(row)[i] / (double) rows.size();
                }
            }
            return mean;
        }

        private double unexplained(int layer, List<Integer> rows) {
            double[] mean = mean(layer, rows);
            double missed = 0;
            double all = 0;
            for (int row : rows) {
                for (int i = 0; i < mean.length; i++) {
                    double value = outputs.get(layer).get(row)[i];
                    missed += Math.pow(value - said.get(layer).get(row)[i], 2);
                    all += Math.pow(value - mean[i], 2);
                }
            }
            return missed / all;
        }

        void check(Layer layer, String where) {
            int l = layer.layer();
            List<Integer> judged = judged();
            assertEquals(unexplained(l, judged), layer.fvu(), 1e-6 * layer.fvu(), where);
            assertEquals(
                    unexplained(
                            l, IntStream.range(0, outputs.get(l).size()).boxed().toList()),
                    layer.fvuWithFirst(),
                    1e-6 * layer.fvuWithFirst(),
                    where);
            double[] lengths = judged.stream()
                    .mapToDouble(row -> length(outputs.get(l).get(row)))
                    .sorted()
                    .toArray();
            double limit = 10 * lengths[lengths.length / 2];
            List<Integer> usual = judged.stream()
                    .filter(row -> length(outputs.get(l).get(row)) <= limit)
                    .toList();
            assertEquals(judged.size() - usual.size(), layer.outliers(), where);
            assertEquals(unexplained(l, usual), layer.fvuNoOutliers(), 1e-6 * layer.fvu(), where);
            int[] fired = new int[set.features()];
            for (SparseActivations window : active.get(l)) {
                for (int i = 0; i < window.count(); i++) {
                    fired[window.feature()[i]] += window.position()[i] > 0 ? 1 : 0;
                }
            }
            assertEquals((double) Arrays.stream(fired).sum() / positions, layer.l0(), 1e-9, where);
            assertEquals(Arrays.stream(fired).filter(n -> n == 0).count(), layer.dead(), where);
            assertEquals(Arrays.stream(fired).filter(n -> n > 0.1 * positions).count(), layer.dense(), where);
        }

        /** All layers for -1. The features of layers below are those of this pass. */
        double replaced(int wanted) {
            return loss(new Hooks() {
                private final List<SparseActivations> features = new ArrayList<>();
                private final List<float[]> inputs = new ArrayList<>();

                @Override
                public Tensor at(FeatureSite site, int layer, Tensor value) {
                    if (layer == 0 && site == set.input()) {
                        features.clear();
                        inputs.clear();
                    }
                    if (site == set.input()) {
                        inputs.add(value.toFloats());
                        features.add(set.encode(layer, value, 0));
                    }
                    if (site != set.output() || wanted >= 0 && layer != wanted) {
                        return value;
                    }
                    List<SparseActivations> some = new ArrayList<>(features);
                    List<Tensor> at = new ArrayList<>();
                    inputs.forEach(input -> at.add(Tensor.ofFloats(input, value.shape())));
                    while (some.size() < model.layers()) {
                        some.add(new SparseActivations(new int[0], new int[0], new float[0]));
                        at.add(value);
                    }
                    return afterFirst(value, set.reconstruct(some, at).get(layer));
                }
            });
        }

        double ablated(int wanted, boolean toMean) {
            return loss(new Hooks() {
                @Override
                public Tensor at(FeatureSite site, int layer, Tensor value) {
                    if (site != set.output() || wanted >= 0 && layer != wanted) {
                        return value;
                    }
                    double[] mean = mean(layer, judged());
                    float[] row = new float[mean.length];
                    for (int i = 0; i < row.length; i++) {
                        row[i] = toMean ? (float) mean[i] : 0;
                    }
                    return afterFirst(
                            value,
                            Torch.contiguous(TorchShape.expand(Tensor.ofFloats(row, 1, row.length), value.shape())));
                }
            });
        }

        private static Tensor afterFirst(Tensor own, Tensor other) {
            long rest = own.size(0) - 1;
            return TorchShape.cat(List.of(TorchShape.narrow(own, 0, 0, 1), TorchShape.narrow(other, 0, 1, rest)), 0);
        }

        double loss(Hooks hooks) {
            double sum = 0;
            long count = 0;
            for (int[] window : windows) {
                try (var _ = TensorScope.open();
                        Trace trace = model.model()
                                .forward(window, new TraceRequest(Set.of(), false, TraceRequest.Logits.ALL), hooks)) {
                    float[] logits = trace.logits().toFloats();
                    int vocabulary = logits.length / window.length;
                    for (int p = 1; p + 1 < window.length; p++, count++) {
                        double all = 0;
                        for (int v = 0; v < vocabulary; v++) {
                            all += Math.exp(logits[p * vocabulary + v]);
                        }
                        sum += Math.log(all) - logits[p * vocabulary + window[p + 1]];
                    }
                }
            }
            return sum / count;
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
