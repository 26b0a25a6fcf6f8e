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

    /**
     * What share of the influence is kept.
     *
     * @param nodes by nodes, from 0 to 1
     * @param edges by edges, from 0 to 1
     */
    public record Thresholds(double nodes, double edges) {
        /** Those in force where nobody gives others. */
        public static final Thresholds USUAL = new Thresholds(Double.parseDouble(NODES), Double.parseDouble(EDGES));

        public Pruning of(AttributionGraph graph) {
            return Pruning.of(graph, nodes, edges);
        }
    }

    public Thresholds thresholds() {
        return new Thresholds(nodes, edges);
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        check("--node-threshold", nodes);
        check("--edge-threshold", edges);
    }

    /** With the thresholds that are in force where nobody gives others. */
    public static Pruning usual(AttributionGraph graph) {
        return Thresholds.USUAL.of(graph);
    }

    public Pruning of(AttributionGraph graph) {
        return thresholds().of(graph);
    }

    /** @param name an option's or a key's */
    public static void check(String name, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new UsageException(name + " is " + value + "; it is a share from 0 to 1");
        }
    }
}
