package dev.headwater.cli.option;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import picocli.CommandLine.Option;

/** How much of a graph is kept for front ends. */
public final class PruningOptions {
    private static final String NODES = "0.8";
    private static final String EDGES = "0.98";

    @Option(
            names = "--node-threshold",
            paramLabel = "SHARE",
            defaultValue = NODES,
            description = "Keep the nodes that carry this share of the influence (default: ${DEFAULT-VALUE}).")
    private double nodes;

    @Option(
            names = "--edge-threshold",
            paramLabel = "SHARE",
            defaultValue = EDGES,
            description = "Keep the edges that carry this share of it (default: ${DEFAULT-VALUE}).")
    private double edges;

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        share("--node-threshold", nodes);
        share("--edge-threshold", edges);
    }

    /** With the thresholds that are in force where nobody gives others. */
    public static Pruning usual(AttributionGraph graph) {
        return Pruning.of(graph, Double.parseDouble(NODES), Double.parseDouble(EDGES));
    }

    public Pruning of(AttributionGraph graph) {
        return Pruning.of(graph, nodes, edges);
    }

    public double nodes() {
        return nodes;
    }

    public double edges() {
        return edges;
    }

    private static void share(String option, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new UsageException(option + " is " + value + "; it is a share from 0 to 1");
        }
    }
}
