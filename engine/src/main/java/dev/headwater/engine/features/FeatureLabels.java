package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.headwater.engine.document.GraphJson;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * First names of features that nobody has named, from the evidence about them: what they fire on, and what they make
 * the model say there. "Texas, Dallas" fires on these; "is → Austin" fires on "is" and promotes "Austin".
 *
 * @param evidence about the features of a transcoder set
 */
public record FeatureLabels(FeatureEvidence evidence) implements GraphJson.Labels {
    private static final int TOKENS = 3;
    private static final int LONGEST = 24;
    /** A token counts if it has this share of the strongest one's activations. */
    private static final double SHARE = 0.1;

    /** The label of a feature; "" if there is no evidence about it. */
    @Override
    public String of(int layer, int feature) {
        return evidence.record(layer, feature).map(FeatureLabels::of).orElse("");
    }

    /** What it fires on, or is negative on, and what it makes the model say there. */
    @Override
    public String of(int layer, int feature, float activation) {
        return evidence.record(layer, feature)
                .map(record -> of(record, activation < 0))
                .orElse("");
    }

    /**
     * The label that follows from a record in the form of the reference's section 3.3.
     *
     * <p>Of the promoted tokens it names those that do come next in the examples: the others may be accidents of the
     * geometry. Of a feature without examples it names the strongest.
     */
    public static String of(JsonNode record) {
        return of(record, false);
    }

    private static JsonNode examples(JsonNode record, boolean negative) {
        for (JsonNode group : record.path("examples_quantiles")) {
            if (group.path("quantile_name").asText().equals(FeatureRecord.BOTTOM) == negative) {
                return group.path("examples");
            }
        }
        return MissingNode.getInstance();
    }

    private static String of(JsonNode record, boolean negative) {
        double sign = negative ? -1 : 1;
        Map<String, Double> fires = new LinkedHashMap<>();
        Set<String> next = new LinkedHashSet<>();
        JsonNode examples = examples(record, negative);
        for (JsonNode example : examples) {
            JsonNode values = example.path("tokens_acts_list");
            int peak = 0;
            for (int i = 1; i < values.size(); i++) {
                peak = sign * values.get(i).asDouble() > sign * values.get(peak).asDouble() ? i : peak;
            }
            fires.merge(
                    name(example.path("tokens").path(peak).asText()),
                    sign * values.path(peak).asDouble(),
                    Double::sum);
            next.add(example.path("tokens").path(peak + 1).asText());
        }
        double strongest =
                fires.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
        List<String> on = fires.entrySet().stream()
                .filter(token -> token.getValue() >= SHARE * strongest)
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .map(Map.Entry::getKey)
                .toList();
        Set<String> says = new LinkedHashSet<>();
        for (JsonNode token : record.path(negative ? "bottom_logits" : "top_logits")) {
            if (examples.isEmpty() ? says.isEmpty() : next.contains(token.asText())) {
                says.add(name(token.asText()));
            }
        }
        String fired = join(on);
        return says.isEmpty()
                ? fired
                : (fired.isEmpty() ? "" : fired + " ") + "→ "
                        + join(says.stream().toList());
    }

    /** Whether a label, as this rule writes it, says that the feature fires on this token. */
    public static boolean names(String label, String token) {
        String name = name(token);
        return !name.isEmpty()
                && List.of(label.split("→", 2)[0].strip().split(", ")).contains(name);
    }

    /** A token without the spaces around it, on one line and of moderate length. */
    static String name(String token) {
        if (token.isBlank()) {
            return token.isEmpty() ? "" : "␣";
        }
        StringBuilder plain = new StringBuilder();
        token.strip()
                .codePoints()
                .limit(LONGEST)
                .forEach(c -> plain.appendCodePoint(Character.isISOControl(c) ? '␣' : c));
        return plain.toString();
    }

    private static String join(List<String> tokens) {
        return String.join(
                ", ",
                tokens.stream().filter(token -> !token.isEmpty()).limit(TOKENS).toList());
    }
}
