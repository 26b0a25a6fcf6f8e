package dev.headwater.cli.explorer;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** A first name for a feature that nobody has named: what it fires on, or else what it says. */
final class FeatureLabel {
    private static final int LONGEST = 40;
    private static final double AGREEMENT = 0.6;

    private FeatureLabel() {}

    static Optional<String> of(JsonNode record) {
        return commonToken(record).or(() -> strongestOutput(record));
    }

    /** The token at the peak of most top examples. */
    private static Optional<String> commonToken(JsonNode record) {
        Map<String, Integer> counts = new HashMap<>();
        Map<String, String> spelling = new HashMap<>();
        int total = 0;
        for (JsonNode example : record.path("examples_quantiles").path(0).path("examples")) {
            JsonNode tokens = example.path("tokens");
            int peak = peak(example.path("tokens_acts_list"));
            String token = tokens.path(peak).asText("").strip();
            total++;
            if (!token.isEmpty()) {
                String key = token.toLowerCase(Locale.ROOT);
                counts.merge(key, 1, Integer::sum);
                spelling.putIfAbsent(key, token);
            }
        }
        int needed = (int) Math.ceil(total * AGREEMENT);
        return counts.entrySet().stream().filter(e -> e.getValue() >= Math.max(needed, 1))
                .max(Map.Entry.comparingByValue()).map(e -> cut(spelling.get(e.getKey())));
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

    private static Optional<String> strongestOutput(JsonNode record) {
        String token = record.path("top_logits").path(0).asText("").strip();
        return token.isEmpty() ? Optional.empty() : Optional.of("say " + cut(token));
    }

    private static String cut(String text) {
        return text.codePointCount(0, text.length()) <= LONGEST ? text : text.substring(0, text.offsetByCodePoints(0, LONGEST)) + "…";
    }
}
