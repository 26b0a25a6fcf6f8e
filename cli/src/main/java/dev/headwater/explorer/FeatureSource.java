package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/**
 * Where the evidence about features comes from: top examples, logits, activation statistics, in the field's record of
 * {@code index, examples_quantiles[{quantile_name, examples[{tokens_acts_list, tokens, train_token_ind}]}], top_logits,
 * bottom_logits, act_min, act_max, quantile_values, histogram, activation_frequency}.
 */
interface FeatureSource {
    /** The record of one feature, or nothing if this source doesn't know the set of transcoders or the feature. */
    Optional<JsonNode> feature(String scan, int layer, int feature);

    /** The number that the field's front end calls a feature by: Cantor's pairing of layer and index. */
    static long pair(int layer, int feature) {
        long sum = (long) layer + feature;
        return sum * (sum + 1) / 2 + feature;
    }
}
