package dev.headwater.engine.circuit;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.Provenance;

/**
 * What graphs must have in common for their features to be the same.
 *
 * @param model       reference of the model, "" if the file does not say
 * @param transcoders reference of the transcoders, "" if it does not
 * @param scan        what front ends call the transcoders
 * @param contrast    what activations are counted from, "" for 0
 */
public record Origin(String model, String transcoders, String scan, String contrast) {
    static Origin of(GraphDocument graph) {
        JsonNode info = graph.metadata().path("info");
        return new Origin(
                info.path("model").asText(""),
                info.path("transcoder_set").asText(""),
                graph.metadata().path("scan").asText(""),
                graph.metadata()
                        .path("generation_settings")
                        .path(Provenance.CONTRAST)
                        .asText(""));
    }

    /** In words, for messages. */
    @Override
    public String toString() {
        return "model " + ErrorText.of(model.isEmpty() ? "unknown" : model)
                + ", transcoders "
                + ErrorText.of(transcoders.isEmpty() ? scan : transcoders)
                + (contrast.isEmpty() ? "" : ", against a contrast");
    }
}
