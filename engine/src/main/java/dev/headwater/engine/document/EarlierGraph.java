package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.Prompt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A graph's file as an earlier run left it, with what people added to it since.
 *
 * @param model   reference of the model, "" if the file does not say
 * @param scan    name of the transcoders
 * @param prompt  text of the prompt, special tokens included
 * @param tokens  texts of the prompt's tokens
 * @param qParams annotations
 * @param labels  names of nodes by their ids
 */
public record EarlierGraph(
        String model, String scan, String prompt, List<String> tokens, ObjectNode qParams, Map<String, String> labels) {
    /** Whether a file, or whatever it may be, has the name. */
    public static boolean exists(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    /** Empty if the file is no graph that can be read. */
    public static Optional<EarlierGraph> read(Path file) {
        Parts parts = new Parts();
        try {
            GraphReader.read(file, parts);
        } catch (HeadwaterException e) {
            return Optional.empty();
        }
        JsonNode metadata = parts.metadata;
        if (!metadata.path("prompt").isTextual()) {
            return Optional.empty();
        }
        List<String> tokens = new ArrayList<>();
        metadata.path("prompt_tokens").forEach(token -> tokens.add(token.asText()));
        return Optional.of(new EarlierGraph(
                metadata.path("info").path("model").asText(),
                metadata.path("scan").asText(),
                metadata.get("prompt").asText(),
                tokens,
                parts.qParams,
                parts.labels));
    }

    /** What is kept of a file while it is read. */
    private static final class Parts implements GraphReader.Visitor {
        private final GraphReader.Values values = new GraphReader.Values();
        private final Map<String, String> labels = new HashMap<>();
        private JsonNode metadata = MissingNode.getInstance();
        private ObjectNode qParams = BoundedJson.mapper().createObjectNode();

        @Override
        public boolean member(String name, JsonParser json) throws IOException {
            switch (name) {
                case "metadata" -> metadata = values.read(json);
                case "qParams" -> {
                    if (values.read(json) instanceof ObjectNode object) {
                        qParams = object;
                    }
                }
                case "nodes" ->
                    GraphReader.elements(json, _ -> {
                        if (json.currentToken() == JsonToken.START_OBJECT) {
                            label(json, labels);
                        } else {
                            json.skipChildren();
                        }
                    });
                default -> json.skipChildren();
            }
            return true;
        }
    }

    private static void label(JsonParser json, Map<String, String> labels) throws IOException {
        String id = "";
        String label = "";
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            JsonToken value = json.nextToken();
            if (field.equals("node_id") && value == JsonToken.VALUE_STRING) {
                id = json.getText();
            } else if (field.equals("clerp") && value == JsonToken.VALUE_STRING) {
                label = json.getText();
            } else {
                json.skipChildren();
            }
        }
        if (!label.isEmpty()) {
            labels.put(id, label);
        }
    }

    /**
     * Whether it is of this prompt, model and transcoders, revisions aside: then its nodes' names mean the same.
     *
     * @param model reference of the model
     * @param scan  name of the transcoders
     */
    boolean isOf(String model, String scan, Prompt prompt) {
        return (this.model.isEmpty()
                        || model.isEmpty()
                        || withoutRevision(this.model).equals(withoutRevision(model)))
                && this.scan.equals(scan)
                && this.prompt.equals(prompt.text())
                && tokens.equals(prompt.texts());
    }

    private static String withoutRevision(String reference) {
        return reference.replaceFirst("@[^@/]*$", "");
    }
}
