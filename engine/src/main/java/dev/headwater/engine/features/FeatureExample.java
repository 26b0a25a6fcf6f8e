package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * A text in which a feature fires, of its record.
 *
 * @param tokens      texts [n]
 * @param activations of the feature there [n]
 */
public record FeatureExample(List<String> tokens, float[] activations) {
    private static final int LONGEST = 1 << 16;

    public FeatureExample {
        tokens = List.copyOf(tokens);
    }

    /** Those of a record (reference section 3.3) in which the activation is positive somewhere, in its order; what is malformed is left out. */
    public static List<FeatureExample> of(JsonNode record) {
        List<FeatureExample> examples = new ArrayList<>();
        for (JsonNode group : record.path("examples_quantiles")) {
            if (!group.path("quantile_name").asText().equals(FeatureRecord.BOTTOM)) {
                group.path("examples").forEach(example -> add(examples, example));
            }
        }
        return examples;
    }

    private static void add(List<FeatureExample> examples, JsonNode example) {
        JsonNode texts = example.path("tokens");
        JsonNode values = example.path("tokens_acts_list");
        if (texts.size() != values.size() || texts.size() > LONGEST) {
            return;
        }
        List<String> tokens = new ArrayList<>(texts.size());
        float[] activations = new float[texts.size()];
        float largest = 0;
        for (int i = 0; i < activations.length; i++) {
            tokens.add(texts.get(i).asText());
            activations[i] = (float) values.get(i).asDouble();
            largest = Math.max(largest, activations[i]);
        }
        if (largest > 0) {
            examples.add(new FeatureExample(tokens, activations));
        }
    }

    /** Index of the largest activation, the first of equals. */
    public int peak() {
        int peak = 0;
        for (int i = 1; i < activations.length; i++) {
            peak = activations[i] > activations[peak] ? i : peak;
        }
        return peak;
    }
}
