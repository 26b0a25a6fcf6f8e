package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.BundledModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The bundled model's corpus, and the evidence about its features that was made when it was trained. */
final class AtlasEvidence {
    private AtlasEvidence() {}

    static ReplacementModel load(String transcoders) {
        return ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    static List<String> corpus() {
        return lines("corpus.txt.gz");
    }

    /** A layer's features, by number. */
    static List<JsonNode> features(String set, int layer) {
        return lines("atlas-features/%s_layer_%d.jsonl.gz".formatted(set, layer)).stream()
                .map(line -> {
                    try {
                        return BoundedJson.mapper().readTree(line);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .toList();
    }

    private static List<String> lines(String file) {
        try (var in = new BufferedReader(
                new InputStreamReader(new GZIPInputStream(BundledModel.open(file)), StandardCharsets.UTF_8))) {
            return in.readAllLines();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
