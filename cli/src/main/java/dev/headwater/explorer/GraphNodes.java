package dev.headwater.explorer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.headwater.engine.graph.FeatureRef;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the server itself needs of a graph file: who it is about and its nodes, without the links. */
record GraphNodes(String scan, String prompt, List<Node> nodes) {
    private static final Pattern FEATURE_ID = Pattern.compile("(\\d{1,9})_(\\d{1,9})_\\d{1,9}");
    private static final Pattern TOKEN_ID = Pattern.compile("E_(\\d{1,9})_(\\d{1,9})");
    private static final int MOST_NODES = 200_000;

    /** @param feature the file's number for the feature; activation and influence are NaN where the file has none */
    record Node(
            String id,
            String type,
            String layer,
            long feature,
            int position,
            String label,
            double activation,
            double influence,
            double probability) {
        boolean isFeature() {
            return !isToken() && !isLogit() && !type.contains("error");
        }

        boolean isToken() {
            return type.equals("embedding");
        }

        boolean isLogit() {
            return type.equals("logit");
        }

        /** The layer and the feature's index in it, where the id says so. */
        Optional<FeatureRef> site() {
            Matcher matcher = FEATURE_ID.matcher(id);
            return isFeature() && matcher.matches()
                    ? Optional.of(new FeatureRef(
                            Integer.parseInt(matcher.group(1)), position, Integer.parseInt(matcher.group(2))))
                    : Optional.empty();
        }

        OptionalInt tokenId() {
            Matcher matcher = TOKEN_ID.matcher(id);
            return isToken() && matcher.matches()
                    ? OptionalInt.of(Integer.parseInt(matcher.group(1)))
                    : OptionalInt.empty();
        }
    }

    /** The prompt's token ids in order; a {@link Refusal} if the file does not have all of them. */
    List<Integer> tokens() {
        List<Node> tokens = nodes.stream()
                .filter(Node::isToken)
                .sorted(java.util.Comparator.comparingInt(Node::position))
                .toList();
        List<Integer> ids = new ArrayList<>();
        for (Node token : tokens) {
            if (token.position() != ids.size() || token.tokenId().isEmpty()) {
                throw new Refusal(
                        422, "This graph file doesn't say which tokens its prompt has, so it can't be steered.");
            }
            ids.add(token.tokenId().getAsInt());
        }
        return ids;
    }

    static GraphNodes read(InputStream file) {
        String[] about = {"", ""};
        List<Node> nodes = new ArrayList<>();
        try (JsonParser json = Json.STREAMING.createParser(file)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new Refusal(422, "This file is not an attribution graph.");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String part = json.currentName();
                JsonToken value = json.nextToken();
                if (part.equals("metadata") && value == JsonToken.START_OBJECT) {
                    while (json.nextToken() == JsonToken.FIELD_NAME) {
                        String field = json.currentName();
                        json.nextToken();
                        switch (field) {
                            case "scan" -> about[0] = json.getText();
                            case "prompt" -> about[1] = json.getText();
                            default -> json.skipChildren();
                        }
                    }
                } else if (part.equals("nodes") && value == JsonToken.START_ARRAY) {
                    while (json.nextToken() == JsonToken.START_OBJECT && nodes.size() < MOST_NODES) {
                        nodes.add(node(json));
                    }
                } else {
                    json.skipChildren();
                }
            }
        } catch (JsonProcessingException e) {
            throw new Refusal(422, "This graph file is not valid JSON: " + Json.firstLine(e) + ".");
        } catch (IOException e) {
            throw new Refusal(500, "This graph file can't be read.");
        }
        return new GraphNodes(about[0], about[1], List.copyOf(nodes));
    }

    private static Node node(JsonParser json) throws IOException {
        String id = "";
        String type = "";
        String layer = "";
        String label = "";
        long feature = -1;
        int position = 0;
        double activation = Double.NaN;
        double influence = Double.NaN;
        double probability = 0;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            JsonToken value = json.nextToken();
            boolean number = value.isNumeric();
            switch (field) {
                case "node_id" -> id = json.getText();
                case "feature_type" -> type = json.getText();
                case "layer" -> layer = json.getText();
                case "clerp" -> label = json.getText();
                case "feature" -> feature = number ? json.getLongValue() : -1;
                case "ctx_idx" -> position = number ? json.getIntValue() : 0;
                case "activation" -> activation = number ? json.getDoubleValue() : Double.NaN;
                case "influence" -> influence = number ? json.getDoubleValue() : Double.NaN;
                case "token_prob" -> probability = number ? json.getDoubleValue() : 0;
                default -> json.skipChildren();
            }
        }
        return new Node(id, type, layer, feature, position, label, activation, influence, probability);
    }
}
