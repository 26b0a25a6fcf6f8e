package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Feature files of a model's own neurons. */
class NeuronEvidenceTest {
    private static final FeatureBuild.Options SMALL = FeatureBuild.Options.DEFAULT.withCheckpoint(Duration.ZERO);

    @TempDir
    Path directory;

    /** Neurons fire with either sign, and the evidence has both ends. */
    @Test
    void evidenceAboutNeuronsHasBothEnds() throws IOException {
        Path corpus = Files.write(
                directory.resolve("corpus.txt"), AtlasEvidence.corpus().subList(0, 40));
        try (ReplacementModel model =
                ReplacementModel.load("atlas", "neurons", ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            FeatureBuild.run(model, new Corpus(List.of(corpus)), SMALL, directory, Progress.NONE);
            FeatureFiles files = FeatureBuild.open(model, directory);
            FeatureLabels labels = new FeatureLabels(files);
            int differ = 0;
            for (int neuron = 0; neuron < 20; neuron++) {
                JsonNode record = files.record(1, neuron).orElseThrow();
                assertTrue(record.get("act_min").doubleValue() < 0
                        && record.get("act_max").doubleValue() > 0);
                assertEnd(record, 0, "Top activations", "act_max");
                assertEnd(record, 1, "Most negative activations", "act_min");
                differ += labels.of(1, neuron, 1).equals(labels.of(1, neuron, -1)) ? 0 : 1;
            }
            assertTrue(differ > 15, differ + " of 20 labels differ");
        }
    }

    private static void assertEnd(JsonNode record, int group, String name, String extreme) {
        JsonNode examples = record.at("/examples_quantiles/" + group);
        assertEquals(name, examples.get("quantile_name").asText());
        JsonNode first = examples.at("/examples/0");
        assertEquals(
                record.get(extreme).doubleValue(),
                first.get("tokens_acts_list")
                        .get(first.get("train_token_ind").intValue())
                        .doubleValue());
    }
}
