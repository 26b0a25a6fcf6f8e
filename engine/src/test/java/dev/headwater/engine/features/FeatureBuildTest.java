package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Builds feature files: of the bundled model, against the evidence that came with it; of tiny ones, through kills and
 * damage.
 */
class FeatureBuildTest {
    private static final FeatureBuild.Options SMALL = FeatureBuild.Options.DEFAULT.withCheckpoint(Duration.ZERO);

    @TempDir
    Path directory;

    /** The contexts of the evidence, among those of other features: each feature has to find its own. */
    @Test
    void findsTheContextsThatTheBundledEvidenceNames() throws IOException {
        int features = 30;
        Set<String> documents = new LinkedHashSet<>();
        for (int layer = 0; layer < 6; layer++) {
            AtlasEvidence.features("plt", layer).stream()
                    .limit(features)
                    .forEach(f ->
                            f.get("top").forEach(c -> documents.add(c.get("t").asText())));
        }
        Path corpus = Files.write(directory.resolve("corpus.txt"), documents);
        int compared = 0;
        List<String> differ = new ArrayList<>();
        double sameTokens = 0;
        FeatureFiles files = build("atlas-plt", corpus);
        for (int layer = 0; layer < 6; layer++) {
            List<JsonNode> evidence = AtlasEvidence.features("plt", layer);
            for (int feature = 0; feature < features; feature++) {
                JsonNode known = evidence.get(feature);
                JsonNode record = files.record(layer, feature).orElseThrow();
                sameTokens += shared(record.get("top_logits"), known.get("pos")) / 16
                        + shared(record.get("bottom_logits"), known.get("neg")) / 16;
                // Documents end without <eos> here, so that what fires on it is not seen.
                List<JsonNode> contexts = list(known.get("top")).stream()
                        .filter(c -> !c.get("tok").asText().equals("<eos>"))
                        .toList();
                if (contexts.size() < list(known.get("top")).size() || contexts.isEmpty()) {
                    continue;
                }
                compared++;
                JsonNode best = record.at("/examples_quantiles/0/examples/0");
                String text = text(best);
                double value = best.get("tokens_acts_list")
                        .get(best.get("train_token_ind").intValue())
                        .doubleValue();
                boolean found = contexts.stream()
                        .anyMatch(c -> c.get("t").asText().equals(text)
                                && c.get("p").intValue()
                                        == best.get("train_token_ind").intValue()
                                && Math.abs(c.get("v").doubleValue() - value) < 0.0051 + 0.001 * value);
                if (!found) {
                    differ.add("layer %d feature %d: %s %s, known %s"
                            .formatted(layer, feature, value, text, contexts.getFirst()));
                }
            }
        }
        assertTrue(compared > 100, compared + " features compared");
        assertTrue(
                differ.size() <= 0.1 * compared,
                differ.size() + " of " + compared + " differ: " + String.join("\n", differ));
        assertTrue(
                sameTokens / (6 * features) > 0.9, "share of the known output tokens: " + sameTokens / (6 * features));
    }

    /** Frequencies and histograms on a part of the corpus against those on all of it. */
    @Test
    void frequenciesAndHistogramsAreThoseOfTheBundledEvidence() throws IOException {
        List<String> corpus = AtlasEvidence.corpus();
        List<String> part = IntStream.range(0, corpus.size())
                .filter(i -> i % 30 == 0)
                .mapToObj(corpus::get)
                .toList();
        FeatureFiles files = build("atlas-clt", Files.write(directory.resolve("corpus.txt"), part));
        List<Double> ratios = new ArrayList<>();
        for (int layer = 0; layer < 6; layer++) {
            List<JsonNode> evidence = AtlasEvidence.features("clt", layer);
            for (int feature = 0; feature < evidence.size(); feature++) {
                assertIsPartOf(
                        evidence.get(feature).path("hist"),
                        files.record(layer, feature).orElseThrow(),
                        layer + "/" + feature);
                double known = evidence.get(feature).get("freq").doubleValue();
                boolean onEnds = list(evidence.get(feature).get("top")).stream()
                        .anyMatch(c -> c.get("tok").asText().equals("<eos>"));
                if (known > 0.02 && !onEnds) {
                    ratios.add(files.record(layer, feature)
                                    .orElseThrow()
                                    .get("activation_frequency")
                                    .doubleValue()
                            / known);
                }
            }
        }
        Collections.sort(ratios);
        assertTrue(ratios.size() > 50, ratios.size() + " features");
        double median = ratios.get(ratios.size() / 2);
        double low = ratios.get(ratios.size() / 10);
        double high = ratios.get(ratios.size() * 9 / 10);
        assertTrue(
                median > 0.8 && median < 1.25 && low > 0.6 && high < 1.7,
                "ours to theirs, of %d features: %.2f (10 %%), %.2f (50 %%), %.2f (90 %%)"
                        .formatted(ratios.size(), low, median, high));
    }

    /** No value lies outside the whole corpus' range, which is known to three digits, and there are no more of them. */
    private static void assertIsPartOf(JsonNode whole, JsonNode part, String feature) {
        if (part.get("histogram").isEmpty()) {
            return;
        }
        String both = feature + ": " + whole + " and " + part.get("histogram") + " from " + part.get("act_min") + " to "
                + part.get("act_max");
        assertTrue(part.get("act_min").doubleValue() >= 0.99 * whole.get("min").doubleValue() - 1e-4, both);
        assertTrue(part.get("act_max").doubleValue() <= 1.01 * whole.get("max").doubleValue() + 1e-4, both);
        assertTrue(sum(part.get("histogram")) <= 1.1 * sum(whole.get("n")) + 1, both);
    }

    private static double sum(JsonNode counts) {
        return list(counts).stream().mapToDouble(JsonNode::doubleValue).sum();
    }

    private FeatureFiles build(String transcoders, Path corpus) {
        try (ReplacementModel model = AtlasEvidence.load(transcoders)) {
            Path built = FeatureBuild.run(
                    model,
                    new Corpus(List.of(corpus)),
                    FeatureBuild.Options.DEFAULT,
                    directory.resolve("out"),
                    Progress.NONE);
            assertEquals(directory.resolve("out").resolve(model.scan()).resolve("features"), built);
            return FeatureFiles.open(built);
        }
    }

    private static double shared(JsonNode ours, JsonNode pairs) {
        Set<String> tokens = new HashSet<>();
        ours.forEach(token -> tokens.add(token.asText()));
        return list(pairs).stream()
                .filter(pair -> tokens.contains(pair.get(0).asText()))
                .count();
    }

    private static List<JsonNode> list(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }

    private static String text(JsonNode example) {
        return String.join(
                "",
                list(example.get("tokens")).stream()
                        .skip(1)
                        .map(JsonNode::asText)
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2-clt-jumprelu", "gpt2-plt-relu", "llama-plt-topk-bf16"})
    void aKilledRunGoesOnAndEndsWithTheSameBytes(String name) throws IOException {
        Corpus corpus = corpus(150);
        FeatureBuild.Options options = name.startsWith("gemma2") ? SMALL.withConnections(4) : SMALL;
        try (ReplacementModel model = open(name)) {
            Path whole = FeatureBuild.run(model, corpus, options, directory.resolve("whole"), Progress.NONE);
            Path pieces = directory.resolve("pieces");
            int kills = 0;
            Path ended = null;
            while (ended == null) {
                // The first ones among the corpus' tokens, the next at every second batch or layer.
                int calls = kills < 2 ? 60 + 95 * kills : 1 + kills / 2;
                try {
                    ended = FeatureBuild.run(model, corpus, options, pieces, new Killer(calls, kills % 2 == 0));
                } catch (Killed | CancellationException e) {
                    kills++;
                    assertFalse(
                            Files.exists(FeatureBuild.target(model, pieces)), "nothing has the name of a finished set");
                }
            }
            assertTrue(kills > 3, kills + " kills");
            assertSameFiles(whole, ended);
            assertEquals(List.of("features"), names(ended.getParent()), "nothing else is left");
        }
    }

    @Test
    void littleMemoryReadsTheCorpusMoreOftenAndWritesTheSame() throws IOException {
        try (ReplacementModel model = open("gemma2-clt-jumprelu")) {
            FeatureBuild.Options options = SMALL.withConnections(4);
            Path whole = FeatureBuild.run(model, corpus(100), options, directory.resolve("whole"), Progress.NONE);
            List<String> phases = new ArrayList<>();
            Path narrow = FeatureBuild.run(
                    model, corpus(100), options.withMemory(1), directory.resolve("narrow"), new Progress() {
                        @Override
                        public void phase(String phase, long total) {
                            phases.add(phase);
                        }
                    });
            assertTrue(phases.contains("activations of layers 1 to 1"), phases.toString());
            assertSameFiles(whole, narrow);
        }
    }

    @Test
    void recordsHaveTheFieldsThatFrontEndsRead() throws IOException {
        try (ReplacementModel model = open("llama-plt-relu-skip")) {
            FeatureFiles files = FeatureFiles.open(
                    FeatureBuild.run(model, corpus(300), SMALL, directory.resolve("out"), Progress.NONE));
            assertEquals(model.layers(), files.layers());
            for (int layer = 0; layer < files.layers(); layer++) {
                assertEquals(model.transcoders().features(), files.features(layer));
                for (int feature = 0; feature < files.features(layer); feature++) {
                    JsonNode record = files.record(layer, feature).orElseThrow();
                    String where = layer + "/" + feature + " " + record;
                    assertEquals(model.scan(), record.get("transcoder_id").asText());
                    assertEquals(feature, record.get("index").intValue());
                    assertEquals(10, record.get("top_logits").size(), where);
                    double before = Double.POSITIVE_INFINITY;
                    for (JsonNode quantile : record.get("examples_quantiles")) {
                        for (JsonNode example : quantile.get("examples")) {
                            assertEquals(
                                    example.get("tokens").size(),
                                    example.get("tokens_acts_list").size(),
                                    where);
                            double peak = example.get("tokens_acts_list")
                                    .get(example.get("train_token_ind").intValue())
                                    .doubleValue();
                            list(example.get("tokens_acts_list"))
                                    .forEach(a -> assertTrue(a.doubleValue() <= peak, where));
                            if (quantile.get("quantile_name").asText().equals("Top activations")) {
                                assertTrue(peak <= before, where);
                                before = peak;
                            }
                        }
                    }
                    double counted = list(record.get("histogram")).stream()
                            .mapToDouble(JsonNode::doubleValue)
                            .sum();
                    assertEquals(
                            record.get("activation_frequency").doubleValue(),
                            counted / positions(model, 300),
                            1e-3,
                            where);
                }
            }
        }
    }

    private static long positions(ReplacementModel model, int documents) {
        return IntStream.range(0, documents)
                .mapToLong(i -> model.tokenizer().encode(document(i), false).length)
                .sum();
    }

    @Test
    void whatDoesNotFitIsRefusedInOneSentence() throws IOException {
        Path text = Files.writeString(directory.resolve("a.txt"), "some words\n");
        Path noGzip = Files.writeString(directory.resolve("b.gz"), "some words\n");
        Path empty = Files.writeString(directory.resolve("c.txt"), "\n\r\n\n");
        Path long_ = Files.writeString(directory.resolve("d.txt"), "x".repeat((16 << 20) + 1));
        refused("no files", () -> new Corpus(List.of()));
        refused("missing", () -> new Corpus(List.of(directory.resolve("nowhere"))));
        refused("missing", () -> new Corpus(List.of(directory)));
        try (ReplacementModel model = open("gpt2-plt-relu")) {
            Path out = directory.resolve("out");
            refused(
                    "gzip",
                    () -> FeatureBuild.run(
                            model, new Corpus(List.of(noGzip)), SMALL, directory.resolve("1"), Progress.NONE));
            refused(
                    "no text",
                    () -> FeatureBuild.run(
                            model, new Corpus(List.of(empty)), SMALL, directory.resolve("2"), Progress.NONE));
            refused(
                    "Line 1",
                    () -> FeatureBuild.run(
                            model, new Corpus(List.of(long_)), SMALL, directory.resolve("3"), Progress.NONE));
            refused("a.txt", () -> FeatureBuild.run(model, new Corpus(List.of(text)), SMALL, text, Progress.NONE));
            assertThrows(Killed.class, () -> FeatureBuild.run(model, corpus(100), SMALL, out, new Killer(105, false)));
            refused("'corpus'", () -> FeatureBuild.run(model, new Corpus(List.of(text)), SMALL, out, Progress.NONE));
            refused(
                    "'max_tokens'",
                    () -> FeatureBuild.run(model, corpus(100), SMALL.withMaxTokens(7), out, Progress.NONE));
            Path work = FeatureBuild.target(model, out).resolveSibling("features.partial");
            byte[] checkpoint = Files.readAllBytes(work.resolve("checkpoint"));
            for (int length : new int[] {0, 3, 15, checkpoint.length / 2, checkpoint.length - 1}) {
                Files.write(work.resolve("checkpoint"), java.util.Arrays.copyOf(checkpoint, length));
                refused("checkpoint", () -> FeatureBuild.run(model, corpus(100), SMALL, out, Progress.NONE));
            }
            Files.write(work.resolve("checkpoint"), checkpoint);
            FeatureBuild.run(model, corpus(100), SMALL, out, Progress.NONE);
            refused("already", () -> FeatureBuild.run(model, corpus(100), SMALL, out, Progress.NONE));
        }
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable action) {
        String message = assertThrows(HeadwaterException.class, action).getMessage();
        assertTrue(message.contains(part), message);
    }

    private static ReplacementModel open(String name) {
        try (GoldenCase golden = new GoldenCase(name)) {
            return ReplacementModel.open(
                    golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        }
    }

    private Corpus corpus(int documents) throws IOException {
        return new Corpus(List.of(Files.write(
                directory.resolve(documents + ".txt"),
                IntStream.range(0, documents)
                        .mapToObj(FeatureBuildTest::document)
                        .toList())));
    }

    private static String document(int i) {
        return "document %d of words a b c %s".formatted(i * i, "and more ".repeat(i % 5));
    }

    private static List<String> names(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void assertSameFiles(Path expected, Path actual) throws IOException {
        assertEquals(names(expected), names(actual));
        for (String name : names(expected)) {
            assertArrayEquals(
                    Files.readAllBytes(expected.resolve(name)), Files.readAllBytes(actual.resolve(name)), name);
        }
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Ends a run at its n-th sign of life, by a request or as if the process died. */
    private static final class Killer implements Progress {
        private int left;
        private final boolean asks;

        Killer(int calls, boolean asks) {
            left = calls;
            this.asks = asks;
        }

        @Override
        public void advance(long done) {
            if (--left <= 0 && !asks) {
                throw new Killed();
            }
        }

        @Override
        public boolean cancelled() {
            return asks && left <= 0;
        }
    }
}
