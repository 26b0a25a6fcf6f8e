package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/**
 * What is known of the features of a transcoder set: top examples, logits, activation statistics, in the record that
 * front ends read (reference section 3.3).
 */
@FunctionalInterface
public interface FeatureEvidence {
    /** A feature's record; empty if there is none. */
    Optional<JsonNode> record(int layer, int feature);
}
