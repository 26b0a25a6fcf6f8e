package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A feature's record as front ends read it (reference section 3.3). Beyond those fields it has {@code top_logit_values}
 * and {@code bottom_logit_values}.
 *
 * @param positions token positions of the corpus, of which the frequency is a share
 * @param texts     of tokens
 */
record FeatureRecord(String scan, TokenWindows corpus, long positions, TokenTexts texts) {
    /** Name of the examples with the largest activations. */
    static final String TOP = "Top activations";
    /** Name of those with the most negative ones, of features that have any. */
    static final String BOTTOM = "Most negative activations";

    private static final int HISTOGRAM_BINS = 40;
    private static final int QUANTILES = 5;
    private static final MathContext DIGITS = new MathContext(5);

    /** @param statistics null for a feature that never fired */
    void write(JsonGenerator json, int feature, FeatureStatistics statistics, OutputLogits.Block logits, int row)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("transcoder_id", scan);
        json.writeNumberField("index", feature);
        json.writeArrayFieldStart("examples_quantiles");
        if (statistics != null) {
            Set<Integer> shown = new HashSet<>();
            if (!statistics.top().isEmpty()) {
                examples(json, TOP, statistics.top(), shown);
            }
            if (!statistics.bottom().isEmpty()) {
                examples(json, BOTTOM, statistics.bottom(), shown);
            }
            if (statistics.windows() > statistics.top().size()) {
                sampled(json, statistics.sample(), shown);
            }
        }
        json.writeEndArray();
        tokens(json, "top", logits.top(), logits.topValues(), logits.k(), row);
        tokens(json, "bottom", logits.bottom(), logits.bottomValues(), logits.k(), row);
        Histogram histogram = statistics == null ? new Histogram() : statistics.histogram();
        number(json, "act_min", histogram.total() == 0 ? 0 : histogram.min());
        number(json, "act_max", histogram.total() == 0 ? 0 : histogram.max());
        json.writeArrayFieldStart("quantile_values");
        for (int i = 0; histogram.total() > 0 && i <= QUANTILES; i++) {
            json.writeNumber(rounded(histogram.quantile((double) i / QUANTILES)));
        }
        json.writeEndArray();
        json.writeArrayFieldStart("histogram");
        if (histogram.total() > 0) {
            for (double count : histogram.between(HISTOGRAM_BINS)) {
                json.writeNumber(rounded(count));
            }
        }
        json.writeEndArray();
        number(json, "activation_frequency", (double) histogram.total() / Math.max(1, positions));
        json.writeEndObject();
    }

    /** The sampled windows in equal parts by their largest activation: the strongest fifth first. */
    private void sampled(JsonGenerator json, List<FeatureStatistics.Example> sample, Set<Integer> shown)
            throws IOException {
        List<FeatureStatistics.Example> sorted = new ArrayList<>(sample);
        sorted.sort(Comparator.comparingDouble(FeatureStatistics.Example::peakValue)
                .reversed()
                .thenComparingLong(FeatureStatistics.Example::window));
        for (int part = 0; part < QUANTILES; part++) {
            var examples = sorted.subList(part * sorted.size() / QUANTILES, (part + 1) * sorted.size() / QUANTILES);
            if (!examples.isEmpty()) {
                examples(
                        json,
                        "Quantile " + (100 - (part + 1) * 100 / QUANTILES) + "% to " + (100 - part * 100 / QUANTILES)
                                + "%",
                        examples,
                        shown);
            }
        }
    }

    private void examples(JsonGenerator json, String name, List<FeatureStatistics.Example> examples, Set<Integer> shown)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("quantile_name", name);
        json.writeArrayFieldStart("examples");
        for (FeatureStatistics.Example example : examples) {
            int[] tokens = corpus.tokens(example.window());
            json.writeStartObject();
            json.writeArrayFieldStart("tokens_acts_list");
            for (int position = 0, next = 0; position < tokens.length; position++) {
                if (next < example.positions().length && example.positions()[next] == position) {
                    json.writeNumber(rounded(example.values()[next++]));
                } else {
                    json.writeNumber(0);
                }
            }
            json.writeEndArray();
            json.writeNumberField(
                    "train_token_ind", example.positions()[name.equals(BOTTOM) ? example.valley() : example.peak()]);
            json.writeBooleanField("is_repeated_datapoint", !shown.add(example.window()));
            json.writeArrayFieldStart("tokens");
            for (int token : tokens) {
                json.writeString(texts.of(token));
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void tokens(JsonGenerator json, String which, int[] tokens, float[] values, int k, int row)
            throws IOException {
        json.writeArrayFieldStart(which + "_logits");
        for (int i = row * k; i < (row + 1) * k; i++) {
            json.writeString(texts.of(tokens[i]));
        }
        json.writeEndArray();
        json.writeArrayFieldStart(which + "_logit_values");
        for (int i = row * k; i < (row + 1) * k; i++) {
            json.writeNumber(rounded(values[i]));
        }
        json.writeEndArray();
    }

    private static void number(JsonGenerator json, String name, double value) throws IOException {
        json.writeFieldName(name);
        json.writeNumber(rounded(value));
    }

    private static BigDecimal rounded(double value) {
        return new BigDecimal(value).round(DIGITS).stripTrailingZeros();
    }
}
