package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Norm;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections against a plain computation in float64: from rows of decoders and encoders, and from one window after the other. */
class FeatureConnectionsTest {
    private static final int KEPT = 200;

    @TempDir
    Path directory;

    /** Per-layer and cross-layer, RMS norms, LayerNorm, and norms after the MLP. */
    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt", "llama-clt-relu-sharded", "gpt2-plt-relu", "gemma2-clt-jumprelu"})
    void theyAreThoseOfAPlainComputation(String name) throws IOException {
        try (ReplacementModel model = open(name);
                var scope = TensorScope.open()) {
            boolean atlas = name.startsWith("atlas");
            List<String> documents = atlas
                    ? AtlasEvidence.corpus().subList(100, 112)
                    : IntStream.range(0, 25)
                            .mapToObj(i -> "document %d of words %s".formatted(i * i, "and more ".repeat(i % 4)))
                            .toList();
            Corpus corpus = new Corpus(List.of(Files.write(directory.resolve("corpus.txt"), documents)));
            Path files = FeatureBuild.run(
                    model,
                    corpus,
                    FeatureBuild.Options.DEFAULT.withConnections(KEPT),
                    directory.resolve("out"),
                    Progress.NONE);
            Plain plain = new Plain(model, documents);
            Random random = new Random(3);
            int compared = 0;
            for (int tries = 0; tries < 40; tries++) {
                int layer = 1 + random.nextInt(model.layers() - 1);
                List<Integer> fired = plain.fired(layer);
                if (fired.isEmpty()) {
                    continue;
                }
                int feature = fired.get(random.nextInt(fired.size()));
                FeatureConnections found = FeatureConnections.of(
                                files, model.layers(), layer, feature, Connection.By.TWERA, KEPT)
                        .orElseThrow();
                double before = Double.POSITIVE_INFINITY;
                for (Connection one :
                        found.inputs().subList(0, Math.min(20, found.inputs().size()))) {
                    String where = one + " into " + layer + "/" + feature;
                    double[] expected = plain.connection(one.layer(), one.feature(), layer, feature);
                    close(expected[0], one.weight(), where);
                    close(expected[1], one.era(), where);
                    close(expected[2], one.twera(), where);
                    assertTrue(Math.abs(one.twera()) <= before, where);
                    before = Math.abs(one.twera());
                    compared++;
                }
                if (!found.inputs().isEmpty()) {
                    Connection first = found.inputs().getFirst();
                    assertTrue(
                            FeatureConnections.of(
                                            files,
                                            model.layers(),
                                            first.layer(),
                                            first.feature(),
                                            Connection.By.TWERA,
                                            1 << 20)
                                    .orElseThrow()
                                    .outputs()
                                    .contains(
                                            new Connection(layer, feature, first.weight(), first.era(), first.twera())),
                            "both directions have it");
                }
            }
            assertTrue(compared > 20, compared + " connections");
            int layer = model.layers() / 2;
            FeatureConnections all = FeatureConnections.byWeight(model, null, layer, 7, 1 << 20);
            assertEquals(layer * model.transcoders().features(), all.inputs().size());
            assertEquals(
                    (model.layers() - layer - 1) * model.transcoders().features(),
                    all.outputs().size());
            for (Connection one : List.of(all.inputs().getFirst(), all.inputs().getLast())) {
                close(plain.weight(one.layer(), one.feature(), layer, 7, null), one.weight(), one.toString());
                assertNull(one.era());
            }
            for (Connection one :
                    List.of(all.outputs().getFirst(), all.outputs().getLast())) {
                close(plain.weight(layer, 7, one.layer(), one.feature(), null), one.weight(), one.toString());
            }
        }
    }

    private static void close(double expected, @Nullable Double actual, String where) {
        assertEquals(expected, actual == null ? Double.NaN : actual, 2e-4 * Math.abs(expected) + 2e-6, where);
    }

    /** Float64, rows and activations one by one. */
    private static final class Plain {
        private final ReplacementModel model;
        private final TranscoderSet set;
        /** By layer, position of the text, feature. */
        private final List<List<float[]>> activations = new ArrayList<>();

        private final double[] before;
        private final double[] after;
        private int positions;

        Plain(ReplacementModel model, List<String> documents) {
            this.model = model;
            set = model.transcoders();
            before = new double[model.layers()];
            after = new double[model.layers()];
            IntStream.range(0, model.layers()).forEach(_ -> activations.add(new ArrayList<>()));
            var request = new TraceRequest(EnumSet.allOf(FeatureSite.class), false, TraceRequest.Logits.NONE);
            for (String document : documents) {
                int[] all = model.tokenizer().encode(document, false);
                int most = Math.min(128, model.model().config().maxPositions()) - 1;
                for (int from = 0; from < all.length; from += most) {
                    int[] tokens = model.tokenizer()
                            .withLeadingSpecial(Arrays.copyOfRange(all, from, Math.min(all.length, from + most)));
                    try (Trace trace = model.model().forward(tokens, request)) {
                        window(trace);
                    }
                }
            }
        }

        private void window(Trace trace) {
            positions += trace.positions() - 1;
            for (int layer = 0; layer < model.layers(); layer++) {
                var active = set.encode(layer, trace.site(set.input(), layer), 1);
                for (int p = 1; p < trace.positions(); p++) {
                    float[] row = new float[set.features()];
                    for (int i = 0; i < active.count(); i++) {
                        if (active.position()[i] == p) {
                            row[active.feature()[i]] = active.value()[i];
                        }
                    }
                    activations.get(layer).add(row);
                }
                before[layer] += reciprocals(
                        set.input() == FeatureSite.RESID_MID
                                ? null
                                : model.model().layer(layer).preMlp(),
                        trace.site(FeatureSite.RESID_MID, layer));
                after[layer] += reciprocals(
                        set.output() == FeatureSite.MLP_OUT
                                ? model.model().layer(layer).postMlp()
                                : null,
                        trace.site(FeatureSite.MLP_OUT, layer));
            }
        }

        private static double reciprocals(@Nullable Norm norm, Tensor x) {
            int width = (int) x.size(1);
            float[] all = x.toFloats();
            double sum = 0;
            for (int p = 1; p < x.size(0); p++) {
                double mean = 0;
                double squares = 0;
                for (int i = 0; i < width; i++) {
                    mean += norm != null && norm.centres() ? all[p * width + i] / (double) width : 0;
                }
                for (int i = 0; i < width; i++) {
                    squares += Math.pow(all[p * width + i] - mean, 2) / width;
                }
                sum += norm == null ? 1 : 1 / Math.sqrt(squares + norm.epsilon());
            }
            return sum;
        }

        List<Integer> fired(int layer) {
            return IntStream.range(0, set.features())
                    .filter(f -> activations.get(layer).stream().anyMatch(row -> row[f] > 0))
                    .boxed()
                    .toList();
        }

        double[] connection(int sourceLayer, int source, int targetLayer, int target) {
            double together = 0;
            double products = 0;
            double own = 0;
            for (int p = 0; p < positions; p++) {
                double s = activations.get(sourceLayer).get(p)[source];
                double t = activations.get(targetLayer).get(p)[target];
                if (t > 0) {
                    together += s;
                    products += s * t;
                    own += t;
                }
            }
            double[] means = Arrays.stream(after).map(sum -> sum / positions).toArray();
            double typical = weight(sourceLayer, source, targetLayer, target, means) * before[targetLayer] / positions;
            return new double[] {
                weight(sourceLayer, source, targetLayer, target, null),
                together / positions * typical,
                products / own * typical
            };
        }

        double weight(int sourceLayer, int source, int targetLayer, int target, double @Nullable [] scale) {
            try (var scope = TensorScope.open()) {
                int width = model.model().config().width();
                float[] encoder =
                        set.encoderRows(targetLayer, new int[] {target}).toFloats();
                double[] stream = new double[width];
                for (int layer = sourceLayer;
                        layer <= Math.min(targetLayer - 1, set.lastTarget(sourceLayer));
                        layer++) {
                    Tensor row = Tensor.empty(DType.F32, Device.CPU, 1, width);
                    set.decoderRows(sourceLayer, layer, new int[] {source}, null, null, row);
                    double[] added = normed(
                            set.output() == FeatureSite.MLP_OUT
                                    ? model.model().layer(layer).postMlp()
                                    : null,
                            row.toFloats(),
                            true);
                    for (int i = 0; i < width; i++) {
                        stream[i] += added[i]
                                * (scale == null ? 1 : scale[layer])
                                * model.model().config().residualScale();
                    }
                }
                double[] seen = normed(
                        set.input() == FeatureSite.RESID_MID
                                ? null
                                : model.model().layer(targetLayer).preMlp(),
                        stream,
                        set.input() != FeatureSite.LN2_NORMALIZED);
                return IntStream.range(0, width)
                        .mapToDouble(i -> seen[i] * encoder[i])
                        .sum();
            }
        }

        private static double[] normed(@Nullable Norm norm, float[] x, boolean gained) {
            return normed(
                    norm, IntStream.range(0, x.length).mapToDouble(i -> x[i]).toArray(), gained);
        }

        private static double[] normed(@Nullable Norm norm, double[] x, boolean gained) {
            if (norm == null) {
                return x;
            }
            double mean = norm.centres() ? Arrays.stream(x).average().orElseThrow() : 0;
            float[] gain = norm.gain().toFloats();
            return IntStream.range(0, x.length)
                    .mapToDouble(i -> (x[i] - mean) * (gained ? gain[i] : 1))
                    .toArray();
        }
    }

    @Test
    void aBoundedNumberOfPartnersKeepsTheStrongestAndGoesOnFromACheckpoint() throws IOException {
        Partners whole = new Partners(8);
        Partners resumed = new Partners(8);
        Random random = new Random(1);
        for (int position = 0; position < Partners.POSITIONS + 50; position++) {
            if (position % 333 == 332) {
                var bytes = new java.io.ByteArrayOutputStream();
                resumed.write(new java.io.DataOutputStream(bytes));
                resumed = Partners.read(
                        new java.io.DataInputStream(new java.io.ByteArrayInputStream(bytes.toByteArray())), 8, 1 << 20);
            }
            boolean counts = whole.fires(2);
            assertEquals(position < Partners.POSITIONS, counts);
            resumed.fires(2);
            for (int i = 0; counts && i < 5; i++) {
                int other = i < 4 ? i : 100 + random.nextInt(1000);
                whole.add(other, 3, 2);
                resumed.add(other, 3, 2);
            }
        }
        assertArrayEquals(whole.sums(), resumed.sums());
        for (int i = 0; i < 4; i++) {
            assertEquals(new Partners.Sums(i, 3 * Partners.POSITIONS, 6 * Partners.POSITIONS), whole.sums()[i]);
        }
        assertTrue(whole.sums().length <= 16);
        assertEquals(Partners.POSITIONS + 50, whole.fired());
    }

    @Test
    void damagedFilesAndMissingFeaturesAreRefusedInOneSentence() throws IOException {
        try (ReplacementModel model = open("llama-clt-relu-sharded")) {
            Corpus corpus = new Corpus(
                    List.of(Files.writeString(directory.resolve("a.txt"), "some words of text\nand more\n")));
            Path files = FeatureBuild.run(
                    model,
                    corpus,
                    FeatureBuild.Options.DEFAULT.withConnections(3),
                    directory.resolve("out"),
                    Progress.NONE);
            refused("no feature 0/", () -> FeatureConnections.byWeight(model, null, 0, 1 << 20, 5));
            refused("no feature 9/", () -> FeatureConnections.of(files, model.layers(), 9, 0, Connection.By.ERA, 5));
            refused("no connections", () -> FeatureConnections.byWeight(model, directory, 0, 1, 5));
            Path file = ConnectionFile.path(files, 1);
            byte[] bytes = Files.readAllBytes(file);
            for (int length : new int[] {0, 5, 12, bytes.length - 1}) {
                Files.write(file, Arrays.copyOf(bytes, length));
                refused(
                        "can't be read",
                        () -> FeatureConnections.of(files, model.layers(), 1, 0, Connection.By.ERA, 5));
            }
        }
        try (GoldenCase golden = new GoldenCase("llama-plt-relu-skip");
                ReplacementModel neurons = ReplacementModel.ofNeurons(
                        golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            Corpus corpus = new Corpus(List.of(directory.resolve("a.txt")));
            refused(
                    "neurons",
                    () -> FeatureBuild.run(
                            neurons,
                            corpus,
                            FeatureBuild.Options.DEFAULT.withConnections(3),
                            directory.resolve("n"),
                            Progress.NONE));
        }
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable action) {
        String message = assertThrows(HeadwaterException.class, action).getMessage();
        assertTrue(message.contains(part), message);
    }

    private static ReplacementModel open(String name) {
        if (name.startsWith("atlas")) {
            return AtlasEvidence.load(name);
        }
        try (GoldenCase golden = new GoldenCase(name)) {
            return ReplacementModel.open(
                    golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        }
    }
}
