package dev.headwater.engine.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.model.LanguageModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a training is, noted beside its state, so that a run does not go on with another one's. */
record TrainingSettings(
        LanguageModel model, String modelName, TrainingOptions options, TrainingText text, String from) {
    /** Notes what this run is, or makes sure that it is what an earlier run noted. */
    void settle(Path file) {
        ObjectNode settings = BoundedJson.mapper().createObjectNode();
        settings.put("model", modelName)
                .put("layers", model.config().layers())
                .put("width", model.config().width())
                .put("from", from)
                .put("compute", model.compute().toString())
                .put("text", text.sha256())
                .put("windows", text.windows().size())
                .put("held_out", text.heldOut().size());
        TrainingShape shape = options.shape();
        settings.put("kind", shape.kind().toString())
                .put("cross_layer", shape.crossLayer())
                .put("skip", shape.skip())
                .put("features", shape.features())
                .put("active", shape.active())
                .put("input", shape.input().hookName())
                .put("output", shape.output().hookName());
        TrainingOptions.Settings how = options.settings();
        settings.put("batch", how.batch())
                .put("rate", how.rate())
                .put("window", how.window())
                .put("buffer", how.buffer())
                .put("visits", how.visits())
                .put("refit", how.refit())
                .put("seed", how.seed())
                .put("memory", how.memory());
        if (!Files.exists(file)) {
            write(file, settings);
            return;
        }
        JsonNode earlier = BoundedJson.read(file);
        JsonNode now = parsed(settings);
        for (String name : (Iterable<String>) settings::fieldNames) {
            if (!now.get(name).equals(earlier.get(name))) {
                throw new HeadwaterException(
                        "%s holds a training with another setting of '%s' (%s, now %s); repeat it as it was, or delete that directory"
                                .formatted(file.resolveSibling(""), name, earlier.get(name), now.get(name)));
            }
        }
    }

    /** As written and read again: numbers have the types that their texts have. */
    private static JsonNode parsed(JsonNode settings) {
        try {
            return BoundedJson.mapper().readTree(BoundedJson.mapper().writeValueAsBytes(settings));
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static void write(Path file, JsonNode content) {
        try (AtomicFile whole = AtomicFile.create(file)) {
            ByteBuffer bytes = ByteBuffer.wrap(BoundedJson.mapper().writeValueAsBytes(content));
            while (bytes.hasRemaining()) {
                whole.channel().write(bytes);
            }
            whole.commit();
        } catch (IOException failure) {
            throw AtomicFile.failure(file, failure);
        }
    }

    /** Notes that some layers are done. */
    static void write(Path file, double[] unexplained, double seconds) {
        ObjectNode facts = BoundedJson.mapper().createObjectNode().put("seconds", seconds);
        ArrayNode layers = facts.putArray("unexplained");
        for (double layer : unexplained) {
            layers.add(layer);
        }
        write(file, facts);
    }

    /** Makes a value of such a note. */
    interface Note<T> {
        T of(double[] unexplained, double seconds);
    }

    static <T> T read(Path file, Note<T> note) {
        JsonNode facts = BoundedJson.read(file);
        double[] unexplained = new double[facts.path("unexplained").size()];
        for (int l = 0; l < unexplained.length; l++) {
            unexplained[l] = facts.path("unexplained").path(l).asDouble();
        }
        return note.of(unexplained, facts.path("seconds").asDouble());
    }
}
