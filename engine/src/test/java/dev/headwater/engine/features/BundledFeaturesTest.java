package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BundledFeaturesTest {
    @ParameterizedTest
    @CsvSource({"atlas-plt, plt, 0", "atlas-plt, plt, 3", "atlas-clt, clt, 5"})
    void theExamplesTokensAreTheModels(String set, String files, int layer) {
        int contexts = 0;
        List<JsonNode> evidence = AtlasEvidence.features(files, layer);
        for (int feature = 0; feature < evidence.size(); feature++) {
            JsonNode examples = BundledFeatures.of(set)
                    .orElseThrow()
                    .record(layer, feature)
                    .orElseThrow()
                    .at("/examples_quantiles/0/examples");
            assertEquals(evidence.get(feature).get("top").size(), examples.size());
            for (int i = 0; i < examples.size(); i++) {
                JsonNode context = evidence.get(feature).get("top").get(i);
                assertEquals(
                        context.get("tok"),
                        examples.get(i).get("tokens").get(context.get("p").intValue()),
                        feature + " " + context);
                assertEquals(
                        context.get("v"),
                        examples.get(i)
                                .get("tokens_acts_list")
                                .get(context.get("p").intValue()),
                        feature + " " + context);
                contexts++;
            }
        }
        assertTrue(contexts > 5000, contexts + " contexts");
    }

    @Test
    void whatIsNotThereIsEmpty() {
        assertTrue(BundledFeatures.of("other").isEmpty());
        BundledFeatures evidence = BundledFeatures.of("atlas-clt").orElseThrow();
        for (int[] absent : new int[][] {{-1, 0}, {6, 0}, {0, -1}, {0, 1024}}) {
            assertTrue(evidence.record(absent[0], absent[1]).isEmpty());
        }
    }
}
