package dev.headwater.engine.document;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.ErrorText;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A node of a graph file.
 *
 * @param id          name in the file, which links use; files of the public library's first versions name an error of
 *      any layer
 *                    like a feature of layer 0, so that links to such a name mean whichever comes first
 * @param layer       layer of a feature or error, -1 for tokens; logits have the layer above the last
 * @param feature     number of a feature within its layer, -1 for errors; a token's position; a logit's vocabulary id
 * @param number      what the file has under {@code feature}, which may stand for layer and feature together; -1 if
 *      nothing
 * @param position    token position
 * @param label       name that the file gives it, often ""
 * @param probability of a logit, otherwise 0
 * @param influence   cumulative share of influence, NaN where the file has none
 * @param activation  NaN where the file has none
 * @param json        the node as it stands in the file; null if the file was read without links
 */
public record DocumentNode(
        String id,
        Kind kind,
        int layer,
        long feature,
        long number,
        int position,
        String label,
        double probability,
        double influence,
        double activation,
        @Nullable ObjectNode json) {
    private static final String SAYS = "Output \"";

    /** What a node is; {@code OTHER} are kinds that only some tools know, such as attention features. */
    public enum Kind {
        FEATURE,
        ERROR,
        TOKEN,
        LOGIT,
        OTHER;

        /** What files call it, under {@code feature_type}; the kinds that we don't know have no such word here. */
        public String type() {
            return switch (this) {
                case FEATURE -> GraphJson.FEATURE;
                case ERROR -> GraphJson.ERROR;
                case TOKEN -> GraphJson.TOKEN;
                case LOGIT -> GraphJson.LOGIT;
                case OTHER -> "";
            };
        }
    }

    /** @throws IllegalArgumentException with the tail of a sentence that says what is wrong */
    static DocumentNode of(JsonNode raw, int schemaVersion) {
        if (!(raw instanceof ObjectNode json)) throw new IllegalArgumentException("is no object");
        if (!json.path("node_id").isTextual()) throw new IllegalArgumentException("has no \"node_id\"");
        String id = json.get("node_id").textValue();
        Kind kind = switch (json.path("feature_type").asText()) {
            case GraphJson.FEATURE -> Kind.FEATURE;
            case GraphJson.ERROR -> Kind.ERROR;
            case GraphJson.TOKEN -> Kind.TOKEN;
            case GraphJson.LOGIT -> Kind.LOGIT;
            default -> Kind.OTHER;
        };
        int position = json.path("ctx_idx").asInt(-1);
        if (position < 0)
            throw new IllegalArgumentException("('%s') has no position \"ctx_idx\"".formatted(ErrorText.of(id)));
        int layer = layer(json.path("layer"), id);
        if (layer < 0 && (kind == Kind.FEATURE || kind == Kind.ERROR || kind == Kind.LOGIT)) {
            throw new IllegalArgumentException("('%s') has no layer".formatted(ErrorText.of(id)));
        }
        long number = json.path("feature").asLong(-1);
        long feature =
                kind == Kind.FEATURE ? featureOf(number, layer, schemaVersion, id) : kind == Kind.ERROR ? -1 : number;
        return new DocumentNode(
                id,
                kind,
                layer,
                feature,
                number,
                position,
                json.path("clerp").asText(""),
                json.path("token_prob").asDouble(0),
                json.path("influence").asDouble(Double.NaN),
                json.path("activation").asDouble(Double.NaN),
                json);
    }

    private static int layer(JsonNode layer, String id) {
        if (layer.asText().equals("E")) return -1;
        try {
            return Integer.parseInt(layer.asText());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("('%s') has the layer '%s', neither a number nor E"
                    .formatted(ErrorText.of(id), ErrorText.of(layer.asText())));
        }
    }

    /**
     * The feature's number within its layer, from the number that stands for layer and feature: since version 1 their
     * Cantor pairing, before that the layer's digits followed by five of the feature. Where neither gives the node's
     * layer, the number in its name counts.
     */
    private static long featureOf(long number, int layer, int schemaVersion, String id) {
        if (number >= 0 && number < 1L << 60) {
            if (schemaVersion == 0 && number / 100_000 == layer) return number % 100_000;
            long diagonal = (long) ((Math.sqrt(8.0 * number + 1) - 1) / 2);
            while (diagonal * (diagonal + 1) / 2 > number) diagonal--;
            while ((diagonal + 1) * (diagonal + 2) / 2 <= number) diagonal++;
            long feature = number - diagonal * (diagonal + 1) / 2;
            if (schemaVersion != 0 && diagonal - feature == layer) return feature;
        }
        String[] parts = id.split("_");
        if (parts.length == 3 && parts[1].matches("\\d{1,9}")) return Long.parseLong(parts[1]);
        throw new IllegalArgumentException("('%s') names no feature of layer %d: its \"feature\" is %d"
                .formatted(ErrorText.of(id), layer, number));
    }

    /** Whether it is a feature, of a kind that we know or of another. */
    public boolean isFeature() {
        return kind == Kind.FEATURE || kind == Kind.OTHER;
    }

    /** What an output stands for: the token of {@code Output " Austin" (p=0.99)}, or its label as it is. */
    public String said() {
        int end = label.lastIndexOf("\" (p=");
        return label.startsWith(SAYS) && end >= SAYS.length() ? label.substring(SAYS.length(), end) : label;
    }

    /** Without the JSON, for those that write nothing back. */
    DocumentNode withoutJson() {
        return new DocumentNode(
                id, kind, layer, feature, number, position, label, probability, influence, activation, null);
    }

    /**
     * A token's id in the vocabulary, which only its name {@code E_id_position} tells; -1 if it doesn't, or for other
     * nodes.
     */
    public int token() {
        String[] parts = kind == Kind.TOKEN ? id.split("_") : new String[0];
        return parts.length == 3 && parts[0].equals("E") && parts[1].matches("\\d{1,9}")
                ? Integer.parseInt(parts[1])
                : -1;
    }

    /** The ids of a prompt's tokens in order, or null if the nodes do not name them all. */
    public static int @Nullable [] tokens(List<DocumentNode> nodes) {
        List<DocumentNode> tokens = nodes.stream()
                .filter(node -> node.kind == Kind.TOKEN)
                .sorted(Comparator.comparingInt(DocumentNode::position))
                .toList();
        int[] ids = new int[tokens.size()];
        for (int i = 0; i < ids.length; i++) {
            if (tokens.get(i).position != i || tokens.get(i).token() < 0) {
                return null;
            }
            ids[i] = tokens.get(i).token();
        }
        return ids.length == 0 ? null : ids;
    }
}
