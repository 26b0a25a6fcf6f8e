package dev.headwater.engine.graph;

import java.util.Arrays;
import java.util.Set;

/**
 * How much of a prediction a graph explains by features.
 *
 * @param replacement  share of the end-to-end influence that starts at tokens rather than errors
 * @param completeness share of the nodes' inputs, weighted by their influence, that does not come from errors
 */
public record Scores(double replacement, double completeness) {
    /** Scores of a whole graph. Both are 0 if nothing influences the targets. */
    public static Scores of(AttributionGraph graph) {
        return of(graph, Influence.of(graph));
    }

    /** As {@link #of(AttributionGraph)}, from the graph's influence. */
    public static Scores of(AttributionGraph graph, Influence influence) {
        boolean[] errors = new boolean[graph.size()];
        Arrays.fill(errors, graph.firstError(), graph.firstToken(), true);
        double[] errorShare = graph.edges().runs().rowSums(errors);
        for (int r = 0; r < errorShare.length; r++) errorShare[r] *= influence.scale()[r];
        return of(graph, influence.node(), errorShare);
    }

    /**
     * Scores of a graph whose features outside {@code pinned} count as unexplained: their effects are added to those of
     * the error at their layer and position. An empty set means the whole graph.
     *
     * @param pinned feature nodes
     */
    public static Scores ofSubgraph(AttributionGraph graph, Set<Integer> pinned) {
        if (pinned.isEmpty()) return of(graph);
        int n = graph.size();
        int[] home = new int[n];
        for (int i = 0; i < n; i++) {
            home[i] = graph.node(i) instanceof Node.Feature f && !pinned.contains(i)
                    ? graph.errorNode(f.layer(), f.position())
                    : i;
        }
        double[] weights = graph.targetWeights();
        double[] influence = new double[n];
        double[] errorShare = new double[n];
        float[] edges = new float[n];
        double[] row = new double[n];
        for (int r : graph.topologicalOrder()) {
            double weight = weights[r] + influence[r];
            if (home[r] != r || weight == 0) continue;
            graph.edges().copyRow(r, edges);
            for (int c = 0; c < n; c++) row[home[c]] += edges[c];
            double sum = 0;
            double errors = 0;
            for (int c = 0; c < n; c++) {
                sum += Math.abs(row[c]);
                if (c >= graph.firstError() && c < graph.firstToken()) errors += Math.abs(row[c]);
            }
            double scale = 1 / Math.max(sum, Influence.FLOOR);
            errorShare[r] = errors * scale;
            for (int c = 0; c < n; c++) {
                influence[c] += weight * scale * Math.abs(row[c]);
                row[c] = 0;
            }
        }
        return of(graph, influence, errorShare);
    }

    private static Scores of(AttributionGraph graph, double[] influence, double[] errorShare) {
        double tokens = 0;
        double errors = 0;
        for (int i = graph.firstToken(); i < graph.firstLogit(); i++) tokens += influence[i];
        for (int i = graph.firstError(); i < graph.firstToken(); i++) errors += influence[i];
        double[] weights = graph.targetWeights();
        double all = 0;
        double explained = 0;
        for (int i = 0; i < influence.length; i++) {
            double output = influence[i] + weights[i];
            all += output;
            explained += (1 - errorShare[i]) * output;
        }
        return new Scores(tokens + errors > 0 ? tokens / (tokens + errors) : 0, all > 0 ? explained / all : 0);
    }
}
