package dev.headwater.engine.document;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Neuronpedia's QK results of a node, {@code qk_tracing_results}: which nodes make a head look where it looks.
 *
 * @param pairs     strongest first
 * @param queries   marginals on the query side
 * @param keys      marginals on the key side
 */
public record QkTracing(
        List<AttentionBlock.Pair> pairs, List<AttentionBlock.Source> queries, List<AttentionBlock.Source> keys) {
    /**
     * How a file's QK results were made, of its {@code generation_settings}.
     *
     * @param enabled     {@code enable_qk_tracing}
     * @param topFraction {@code qk_top_fraction}, the share of what could be explained that was, from 0 to 1; 0 if the file says none
     * @param topK        {@code qk_topk}, how many sources and pairs are kept; 0 if the file says none
     */
    public record Settings(boolean enabled, double topFraction, int topK) {
        /**
         * Those of a file.
         *
         * @throws HeadwaterException if one of them is not of its kind
         */
        public static Settings of(GraphDocument document) {
            JsonNode settings = document.metadata().path("generation_settings");
            JsonNode enabled = settings.path("enable_qk_tracing");
            JsonNode fraction = settings.path("qk_top_fraction");
            JsonNode topK = settings.path("qk_topk");
            if (!(enabled.isMissingNode() || enabled.isBoolean())
                    || !(fraction.isMissingNode()
                            || fraction.isNumber() && fraction.doubleValue() >= 0 && fraction.doubleValue() <= 1)
                    || !(topK.isMissingNode()
                            || topK.canConvertToExactIntegral() && topK.canConvertToInt() && topK.intValue() >= 0)) {
                throw new HeadwaterException(
                        "the file's generation_settings are not of Neuronpedia's form: enable_qk_tracing is true or false, qk_top_fraction a share "
                                + "from 0 to 1, qk_topk an integer that is not negative");
            }
            return new Settings(enabled.asBoolean(), fraction.asDouble(), topK.asInt());
        }
    }

    private static final List<String> FIELDS =
            List.of("pair_wise_contributors", "top_q_marginal_contributors", "top_k_marginal_contributors");

    /**
     * Those of a node in a file; empty if it has none.
     *
     * @throws HeadwaterException if they are not of the form that Neuronpedia reads
     */
    public static Optional<QkTracing> of(DocumentNode node) {
        JsonNode results = node.json() == null ? null : node.json().get(AttentionBlock.NODE_FIELD);
        if (results == null || results.isNull()) {
            return Optional.empty();
        }
        if (!isSound(results)) {
            throw new HeadwaterException("the node " + node.id() + " has " + AttentionBlock.NODE_FIELD
                    + " that are not of Neuronpedia's form: three lists of names with a number");
        }
        List<AttentionBlock.Pair> pairs = new ArrayList<>();
        results.path(FIELDS.getFirst())
                .forEach(entry -> pairs.add(new AttentionBlock.Pair(
                        entry.get(0).asText(),
                        entry.get(1).asText(),
                        entry.get(2).asDouble())));
        return Optional.of(
                new QkTracing(pairs, sources(results.path(FIELDS.get(1))), sources(results.path(FIELDS.get(2)))));
    }

    private static List<AttentionBlock.Source> sources(JsonNode list) {
        List<AttentionBlock.Source> sources = new ArrayList<>();
        list.forEach(entry -> sources.add(
                new AttentionBlock.Source(entry.get(0).asText(), entry.get(1).asDouble())));
        return sources;
    }

    /** Whether a value is of Neuronpedia's form. */
    static boolean isSound(JsonNode results) {
        if (!results.isObject()) {
            return false;
        }
        for (String field : FIELDS) {
            JsonNode list = results.path(field);
            if (list.isMissingNode()) {
                continue;
            }
            int names = field.equals(FIELDS.getFirst()) ? 2 : 1;
            if (!list.isArray()) {
                return false;
            }
            for (JsonNode entry : list) {
                boolean sound = entry.isArray()
                        && entry.size() == names + 1
                        && entry.get(names).isNumber()
                        && Double.isFinite(entry.get(names).asDouble());
                for (int i = 0; sound && i < names; i++) {
                    sound = entry.get(i).isTextual();
                }
                if (!sound) {
                    return false;
                }
            }
        }
        return true;
    }
}
