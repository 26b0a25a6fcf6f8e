package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.bindings.Device;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The bundled model against its model card. */
class AtlasTest {
    private static ReplacementModel open(String transcoders) {
        return ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    /** The card's means over the 30 prompts: scores to two digits, active features to the nearest one. */
    @ParameterizedTest
    @CsvSource({"atlas-plt, 0.89, 0.97, 708", "atlas-clt, 0.82, 0.95, 739"})
    void promptsGiveTheAnswersAndScoresOfTheModelCard(
            String transcoders, double replacement, double completeness, double features) throws IOException {
        String[] prompts = new String(BundledModel.open("prompts.jsonl").readAllBytes(), StandardCharsets.UTF_8)
                .strip()
                .split("\n");
        double[] sums = new double[3];
        try (ReplacementModel model = open(transcoders)) {
            for (String line : prompts) {
                JsonNode wanted = new ObjectMapper().readTree(line);
                String text = wanted.get("prompt").asText();
                try (AttributionGraph graph =
                        Attribution.of(model, model.prompt(text), AttributionOptions.DEFAULT, Progress.NONE)) {
                    String first = graph.targets().getFirst().text();
                    assertTrue(
                            !first.isEmpty() && wanted.get("answer").asText().startsWith(first), text + ": " + first);
                    assertEquals(
                            wanted.get("prob").asDouble(),
                            graph.targets().getFirst().probability(),
                            6e-4,
                            text);
                    Scores scores = Scores.of(graph);
                    sums[0] += scores.replacement();
                    sums[1] += scores.completeness();
                    sums[2] += graph.active().count();
                }
            }
        }
        assertEquals(30, prompts.length);
        assertEquals(replacement, sums[0] / prompts.length, 0.005, "mean replacement score");
        assertEquals(completeness, sums[1] / prompts.length, 0.005, "mean completeness");
        assertEquals(features, sums[2] / prompts.length, 0.5, "mean number of active features");
    }

    @Test
    void theSamePromptGivesTheSameBytes(@TempDir Path directory) throws IOException {
        byte[][] json = new byte[2][];
        byte[][] raw = new byte[2][];
        for (int run = 0; run < 2; run++) {
            try (ReplacementModel model = open("atlas-plt");
                    AttributionGraph graph = Attribution.of(
                            model,
                            model.prompt("Fact: the capital of the state containing Dallas is"),
                            AttributionOptions.DEFAULT.withMaxFeatures(300).withBatchSize(16),
                            Progress.NONE)) {
                Path into = directory.resolve("run" + run);
                json[run] = Files.readAllBytes(
                        GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("dallas"), into));
                GraphFile.write(graph, into.resolve("dallas.safetensors"));
                raw[run] = Files.readAllBytes(into.resolve("dallas.safetensors"));
            }
        }
        assertArrayEquals(json[0], json[1]);
        assertArrayEquals(raw[0], raw[1]);
    }
}
