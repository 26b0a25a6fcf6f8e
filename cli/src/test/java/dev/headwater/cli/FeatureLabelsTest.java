package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.weights.BoundedJson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Holds the rule by which labels are made from the evidence; {@code -Dlabels.write} writes the files anew. */
class FeatureLabelsTest {
    private static final int TOKENS = 3;

    @ParameterizedTest
    @CsvSource({"atlas-plt, plt", "atlas-clt, clt"})
    void labelsFollowFromTheEvidence(String set, String evidence) throws IOException {
        StringBuilder expected = new StringBuilder("6\n");
        for (int layer = 0; layer < 6; layer++) {
            try (var in = new GZIPInputStream(BundledModel.open("atlas-features/" + evidence + "_layer_" + layer + ".jsonl.gz"));
                 var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    expected.append(label(BoundedJson.mapper().readTree(line))).append('\n');
                }
            }
        }
        if (System.getProperty("labels.write") != null) {
            Files.writeString(Path.of("src/main/resources/dev/headwater/cli/labels", set + ".txt"), expected);
        }
        try (InputStream in = FeatureLabels.class.getResourceAsStream("labels/" + set + ".txt")) {
            assertTrue(in != null, "no labels for " + set);
            assertEquals(expected.toString(), new String(in.readAllBytes(), StandardCharsets.UTF_8), set);
        }
    }

    /** The features that the model card names. */
    @ParameterizedTest
    @CsvSource({"0, 1862, Texas", "0, 1749, capital", "2, 1040, 'of, in, is → Texas'", "5, 1320, is → Austin", "9, 0, ''", "0, 2048, ''"})
    void labelsSayWhatFeaturesFireOnAndPromote(int layer, int feature, String label) {
        assertEquals(label, FeatureLabels.of("atlas-plt").of(layer, feature));
    }

    @Test
    void aSetWithoutEvidenceHasNoLabels() {
        assertEquals("", FeatureLabels.of("/some/directory").of(0, 0));
        assertEquals("", FeatureLabels.of("nowhere").of(0, 0));
    }

    private static String label(JsonNode evidence) {
        Map<String, Double> fires = new LinkedHashMap<>();
        evidence.get("top").forEach(context -> fires.merge(name(context.get("tok").textValue()), context.get("v").doubleValue(), Double::sum));
        String on = join(fires.entrySet().stream().sorted(Map.Entry.<String, Double>comparingByValue().reversed()).map(Map.Entry::getKey).toList());
        String says = join(says(evidence));
        return says.isEmpty() ? on : on.isEmpty() ? "→ " + says : on + " → " + says;
    }

    /**
     * The promoted tokens that do come next in the contexts: the others are accidents of a small model's geometry. Of a feature
     * that never fires, the strongest.
     */
    private static List<String> says(JsonNode evidence) {
        List<String> found = new ArrayList<>();
        for (JsonNode pair : evidence.get("pos")) {
            String token = pair.get(0).textValue();
            boolean follows = evidence.get("top").isEmpty();
            for (JsonNode context : evidence.get("top")) {
                follows |= follows(context.get("t").textValue(), context.get("tok").textValue() + token);
            }
            if (follows) {
                found.add(name(token));
            }
        }
        return evidence.get("top").isEmpty() && !found.isEmpty() ? found.subList(0, 1) : found;
    }

    private static boolean follows(String text, String pair) {
        int end = text.indexOf(pair) + pair.length();
        return end >= pair.length() && (end == text.length() || !Character.isLetterOrDigit(text.charAt(end)));
    }

    private static String name(String token) {
        return token.isBlank() ? "␣" : Text.visible(token.strip());
    }

    private static String join(List<String> tokens) {
        return String.join(", ", tokens.stream().distinct().limit(TOKENS).toList());
    }
}
