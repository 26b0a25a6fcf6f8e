package dev.headwater.cli.explorer;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A first name for a feature that nobody has named. Features of the lower layers mostly react to words, those of the upper layers
 * mostly prepare outputs: so a word that most of its top examples share, unless it is one such as "is" and the feature sits high;
 * else what it says.
 */
final class FeatureLabel {
    private static final int LONGEST = 40;
    private static final double AGREEMENT = 0.6;
    private static final double CLEAR_LEAD = 1.4;

    private FeatureLabel() {}

    /** @param depth the feature's layer as a share of all layers, 0 to 1 */
    static Optional<String> of(JsonNode record, double depth) {
        Optional<String> token = commonToken(record);
        return token.filter(text -> depth < 0.34 || !isFunctionWord(text)).or(() -> outputs(record)).or(() -> token);
    }

    /** The token at the peak of most top examples. */
    private static Optional<String> commonToken(JsonNode record) {
        Map<String, Integer> counts = new HashMap<>();
        Map<String, String> spelling = new HashMap<>();
        int total = 0;
        for (JsonNode example : record.path("examples_quantiles").path(0).path("examples")) {
            JsonNode tokens = example.path("tokens");
            String token = tokens.path(peak(example.path("tokens_acts_list"))).asText("").strip();
            total++;
            if (!token.isEmpty()) {
                String key = token.toLowerCase(Locale.ROOT);
                counts.merge(key, 1, Integer::sum);
                spelling.putIfAbsent(key, token);
            }
        }
        int needed = Math.max(1, (int) Math.ceil(total * AGREEMENT));
        return counts.entrySet().stream().filter(e -> e.getValue() >= needed).max(Map.Entry.comparingByValue()).map(e -> cut(spelling.get(e.getKey())));
    }

    private static int peak(JsonNode activations) {
        int peak = 0;
        for (int i = 1; i < activations.size(); i++) {
            if (activations.get(i).asDouble() > activations.get(peak).asDouble()) {
                peak = i;
            }
        }
        return peak;
    }

    private static boolean isFunctionWord(String text) {
        return text.matches("\\p{Ll}{1,3}|[^\\p{L}\\p{N}]+");
    }

    /** The output it raises most; the two that it raises most where the first has no clear lead. */
    private static Optional<String> outputs(JsonNode record) {
        JsonNode tokens = record.path("top_logits");
        String first = tokens.path(0).asText("").strip();
        String second = tokens.path(1).asText("").strip();
        if (first.isEmpty()) {
            return Optional.empty();
        }
        JsonNode values = record.path("top_logit_values");
        boolean clear = values.size() > 1 && values.get(0).asDouble() > CLEAR_LEAD * values.get(1).asDouble();
        return Optional.of("say " + cut(first) + (clear || second.isEmpty() || second.equalsIgnoreCase(first) ? "" : ", " + cut(second)));
    }

    private static String cut(String text) {
        return text.codePointCount(0, text.length()) <= LONGEST ? text : text.substring(0, text.offsetByCodePoints(0, LONGEST)) + "…";
    }
}
