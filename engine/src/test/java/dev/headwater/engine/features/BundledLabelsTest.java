package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The labels that come with the bundled transcoders; {@code -Dlabels.write} writes the files anew. */
class BundledLabelsTest {
    @ParameterizedTest
    @CsvSource({"atlas-plt, 2048", "atlas-clt, 1024"})
    void labelsAreThoseOfTheRule(String set, int features) throws IOException {
        BundledFeatures evidence = BundledFeatures.of(set).orElseThrow();
        FeatureLabels rule = new FeatureLabels(evidence);
        StringBuilder expected = new StringBuilder("6\n");
        for (int layer = 0; layer < 6; layer++) {
            for (int feature = 0; feature < features; feature++) {
                expected.append(rule.of(layer, feature)).append('\n');
            }
        }
        if (System.getProperty("labels.write") != null) {
            Files.writeString(
                    Path.of("src/main/resources/dev/headwater/engine/features/labels", set + ".txt"), expected);
        }
        try (InputStream in = BundledLabels.class.getResourceAsStream("labels/" + set + ".txt")) {
            assertEquals(expected.toString(), new String(in.readAllBytes(), StandardCharsets.UTF_8), set);
        }
    }

    /** The features that the model card names. */
    @ParameterizedTest
    @CsvSource({
        "0, 1862, Texas",
        "0, 1749, capital",
        "2, 1040, 'of, in, is → Texas'",
        "5, 1320, is → Austin",
        "9, 0, ''",
        "0, 2048, ''"
    })
    void labelsSayWhatFeaturesFireOnAndPromote(int layer, int feature, String label) {
        assertEquals(label, BundledLabels.of("atlas-plt").of(layer, feature));
    }

    @Test
    void aSetWithoutEvidenceHasNoLabels() {
        assertEquals("", BundledLabels.of("/some/directory").of(0, 0));
        assertEquals("", BundledLabels.of("nowhere").of(0, 0));
    }
}
