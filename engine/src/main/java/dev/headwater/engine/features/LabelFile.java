package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.JsonJournal;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Names of a set's features and how well each tells where its feature fires: {@code labels.jsonl} beside the evidence, a JSON object a
 * line. The last line about a feature counts. Nothing in it is trusted: a line that is no label, cut off when its writer was killed for
 * instance, is left out. Immutable.
 *
 * @param labels by layer and feature, see {@link #key}
 */
public record LabelFile(Map<Long, Label> labels) {
    public static final String NAME = "labels.jsonl";
    /** {@link Label#by} of names that follow from the evidence. */
    public static final String EVIDENCE = "evidence";

    private static final int LONGEST_NAME = 200;

    /**
     * A name.
     *
     * @param label     the name; "" if there is none
     * @param by        who gave it: {@link #EVIDENCE}, or the language model that was asked
     * @param asked     the language model's name where the evidence's was kept, else ""
     * @param detection balanced accuracy (0 to 1) of who reads the name and tells texts in which the feature fires from others; NaN where
     *                  there are too few
     * @param fuzzing   the same of who tells the tokens on which it fires from others; NaN where there are too few
     */
    public record Label(
            int layer, int feature, String label, String by, String asked, double detection, double fuzzing) {
        /** A line of the file. */
        public ObjectNode json() {
            ObjectNode json = BoundedJson.mapper()
                    .createObjectNode()
                    .put("layer", layer)
                    .put("feature", feature)
                    .put("label", label)
                    .put("by", by);
            if (!asked.isEmpty()) {
                json.put("asked", asked);
            }
            score(json, "detection", detection);
            score(json, "fuzzing", fuzzing);
            return json;
        }

        private static void score(ObjectNode json, String name, double score) {
            if (!Double.isNaN(score)) {
                json.put(name, score);
            }
        }

        private static Optional<Label> of(JsonNode json) {
            String label = json.path("label").asText();
            boolean named = json.path("layer").canConvertToInt()
                    && json.path("feature").canConvertToInt()
                    && json.path("label").isTextual()
                    && label.length() <= LONGEST_NAME
                    && label.codePoints().allMatch(ErrorText::isPlain);
            return named
                    ? Optional.of(new Label(
                            json.get("layer").asInt(),
                            json.get("feature").asInt(),
                            label,
                            ErrorText.of(json.path("by").asText()),
                            ErrorText.of(json.path("asked").asText()),
                            json.path("detection").asDouble(Double.NaN),
                            json.path("fuzzing").asDouble(Double.NaN)))
                    : Optional.empty();
        }
    }

    /**
     * Reads what is there.
     *
     * @param folder with the evidence
     * @throws HeadwaterException if the file cannot be read, or is far larger than labels are
     */
    public static LabelFile read(Path folder) {
        Map<Long, Label> labels = new HashMap<>();
        JsonJournal.read(
                folder.resolve(NAME),
                json -> Label.of(json).ifPresent(label -> labels.put(key(label.layer, label.feature), label)));
        return new LabelFile(labels);
    }

    /** The names that are kept, and where there is none what follows from the evidence. */
    static GraphJson.Labels over(Path folder, FeatureEvidence evidence) {
        FeatureLabels others = new FeatureLabels(evidence);
        LabelFile kept;
        try {
            kept = read(folder);
        } catch (HeadwaterException e) {
            return others; // what nobody asked for by name must not end a command if it is damaged
        }
        return kept.labels.isEmpty() ? others : new Over(kept, others);
    }

    /** Both signs of an activation have names from the evidence, a language model's is of the positive one. */
    private record Over(LabelFile kept, FeatureLabels others) implements GraphJson.Labels {
        @Override
        public String of(int layer, int feature) {
            return kept.of(layer, feature)
                    .map(Label::label)
                    .filter(name -> !name.isEmpty())
                    .orElseGet(() -> others.of(layer, feature));
        }

        @Override
        public String of(int layer, int feature, float activation) {
            return activation < 0 ? others.of(layer, feature, activation) : of(layer, feature);
        }
    }

    /** A feature's. */
    public Optional<Label> of(int layer, int feature) {
        return Optional.ofNullable(labels.get(key(layer, feature)));
    }

    private static long key(int layer, int feature) {
        return (long) layer << 32 | feature;
    }
}
