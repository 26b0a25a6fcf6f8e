package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Replacement and completeness of a pinned subgraph straight from their definition, with dense matrices and a sum over
 * path lengths.
 */
final class DenseScores {
    private DenseScores() {}

    /** Features that are not pinned are merged into errors: they take no input. */
    static double[] of(JsonNode graph, List<String> pinned) {
        int n = graph.get("nodes").size();
        Map<String, Integer> index = new HashMap<>();
        boolean[] error = new boolean[n];
        boolean[] token = new boolean[n];
        double[] goal = new double[n];
        double total = 0;
        for (int i = 0; i < n; i++) {
            JsonNode node = graph.get("nodes").get(i);
            String type = node.get("feature_type").textValue();
            String id = node.get("node_id").textValue();
            index.put(id, i);
            error[i] = type.contains("error") || type.equals("cross layer transcoder") && !pinned.contains(id);
            token[i] = type.equals("embedding");
            goal[i] = type.equals("logit") ? node.get("token_prob").doubleValue() : 0;
            total += goal[i];
        }
        double[][] matrix = new double[n][n];
        double[] sums = new double[n];
        for (JsonNode link : graph.get("links")) {
            int target = index.get(link.get("target").textValue());
            double weight = Math.abs(link.get("weight").doubleValue());
            matrix[target][index.get(link.get("source").textValue())] += weight;
            sums[target] += weight;
        }
        double[] influence = new double[n];
        double[] step = new double[n];
        for (int i = 0; i < n; i++) {
            goal[i] /= total;
            step[i] = goal[i];
        }
        for (int length = 0; length < 64; length++) {
            double[] next = new double[n];
            for (int t = 0; t < n; t++) {
                for (int s = 0; s < n && step[t] != 0 && !error[t]; s++) {
                    next[s] += step[t] * matrix[t][s] / Math.max(sums[t], 1e-10);
                }
            }
            step = next;
            for (int i = 0; i < n; i++) {
                influence[i] += step[i];
            }
        }
        double tokens = 0;
        double errors = 0;
        double complete = 0;
        double all = 0;
        for (int i = 0; i < n; i++) {
            tokens += token[i] ? influence[i] : 0;
            errors += error[i] ? influence[i] : 0;
            double fromErrors = 0;
            for (int s = 0; s < n && !error[i]; s++) {
                fromErrors += error[s] ? matrix[i][s] / Math.max(sums[i], 1e-10) : 0;
            }
            complete += (1 - fromErrors) * (influence[i] + goal[i]);
            all += influence[i] + goal[i];
        }
        return new double[] {tokens / (tokens + errors), complete / all};
    }
}
