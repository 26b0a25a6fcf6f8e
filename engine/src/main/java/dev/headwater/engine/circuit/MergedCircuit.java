package dev.headwater.engine.circuit;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;

/**
 * The circuit that many graphs have in common: features that recur at the same role, tokens and the answer, and the edges between them.
 * Over N graphs, of which n have a feature or an edge: the share is n/N; the mean influence is the sum of the feature's shares of its
 * graphs' influence, divided by N; means and spreads of activations and weights are over the n.
 *
 * @param minShare  of the graphs that a feature must be in
 * @param graphs    that were merged
 * @param recurring features that are in so many graphs, of which {@code nodes} has the most influential ones
 * @param seen      distinct features in all graphs
 * @param carried   influence of the features kept among that of all features, over the graphs
 * @param nodes     features by mean influence, then tokens and the answer
 * @param edges     the strongest first, by the absolute mean times the share
 */
public record MergedCircuit(
        Origin origin,
        Alignment alignment,
        double minShare,
        List<Source> graphs,
        int recurring,
        int seen,
        Moments carried,
        List<Node> nodes,
        List<Edge> edges) {
    /** Of a share of a number of graphs. */
    private static final double ROUNDING = 1e-9;

    /**
     * A graph that was merged.
     *
     * @param answer      its most probable output
     * @param probability of that
     */
    public record Source(String slug, String prompt, String answer, double probability) {}

    /**
     * A node of the circuit.
     *
     * @param activation over the graphs that have it and say it
     * @param influence  mean share of a graph's influence, 0 in those that lack it
     * @param in         numbers of the graphs that have it
     */
    public record Node(
            Member member, double share, Moments activation, double influence, String label, List<Integer> in) {}

    /**
     * An edge of the circuit.
     *
     * @param source number of a node
     * @param target number of a node
     * @param weight direct effect, over the graphs that have the edge
     * @param in     numbers of the graphs that have it
     */
    public record Edge(int source, int target, double share, Moments weight, List<Integer> in) {
        /** What edges are ordered by. */
        public double strength() {
            return Math.abs(weight.mean()) * share;
        }
    }

    /**
     * Merges a set, reading each graph twice: for features and their influence, then for the edges between those that are kept.
     *
     * @param minShare of the graphs that a feature must be in, above 0, up to 1
     * @param top      features to keep at most, by mean influence
     * @throws UsageException if a number is out of its range
     * @throws CancellationException if the listener asks to stop
     */
    public static MergedCircuit of(GraphSet set, Alignment alignment, double minShare, int top, Progress progress) {
        check(minShare, top);
        NodeTally tally = new NodeTally();
        List<Source> sources = new ArrayList<>();
        set.forEach(alignment, "features", progress, (_, graph) -> {
            tally.add(graph);
            sources.add(new Source(graph.slug(), graph.prompt(), graph.answer(), graph.probability()));
        });
        int all = tally.graphs();
        List<Map.Entry<Member, NodeTally.Entry>> often = tally.entries().entrySet().stream()
                .filter(entry -> entry.getValue().graphs() >= minShare * all - ROUNDING)
                .toList();
        List<Map.Entry<Member, NodeTally.Entry>> recurring = often.stream()
                .filter(entry -> entry.getKey().ofFeature())
                .sorted(Comparator.<Map.Entry<Member, NodeTally.Entry>>comparingDouble(
                                entry -> -entry.getValue().meanInfluence(all))
                        .thenComparing(Map.Entry::getKey))
                .toList();
        List<Map.Entry<Member, NodeTally.Entry>> kept = Stream.concat(
                        recurring.stream().limit(top),
                        often.stream()
                                .filter(entry -> !entry.getKey().ofFeature())
                                .sorted(Map.Entry.comparingByKey()))
                .toList();
        List<Member> members = kept.stream().map(Map.Entry::getKey).toList();
        EdgeTally edges = new EdgeTally(new TreeSet<>(members)); // sums in one order, always
        set.forEach(alignment, "edges", progress, edges::add);
        List<Node> nodes = kept.stream()
                .map(entry -> node(
                        entry.getKey(),
                        entry.getValue(),
                        edges.nodes().getOrDefault(entry.getKey(), new BitSet()),
                        all))
                .toList();
        return new MergedCircuit(
                set.origin(),
                alignment,
                minShare,
                List.copyOf(sources),
                recurring.size(),
                (int) tally.entries().keySet().stream()
                        .filter(Member::ofFeature)
                        .count(),
                edges.carried(),
                nodes,
                edges(edges, members, all));
    }

    /** @throws UsageException if a number is out of its range */
    public static void check(double minShare, int top) {
        if (!(minShare > 0 && minShare <= 1)) {
            throw new UsageException("--min-share is " + minShare + "; it is a share of the graphs, above 0, up to 1");
        }
        if (top < 1) {
            throw new UsageException("--top is " + top + "; a circuit needs at least one feature");
        }
    }

    private static Node node(Member member, NodeTally.Entry entry, BitSet in, int all) {
        return new Node(
                member,
                (double) entry.graphs() / all,
                entry.activation(),
                entry.meanInfluence(all),
                entry.label(),
                in.stream().boxed().toList());
    }

    private static List<Edge> edges(EdgeTally tally, List<Member> members, int all) {
        Map<Member, Integer> numbers = new HashMap<>();
        members.forEach(member -> numbers.put(member, numbers.size()));
        List<Edge> edges = new ArrayList<>();
        tally.edges()
                .forEach((ends, entry) -> edges.add(new Edge(
                        numbers.getOrDefault(ends.source(), -1),
                        numbers.getOrDefault(ends.target(), -1),
                        (double) entry.graphs().cardinality() / all,
                        entry.weight(),
                        entry.graphs().stream().boxed().toList())));
        edges.sort(Comparator.comparingDouble((Edge edge) -> -edge.strength())
                .thenComparingInt(Edge::target)
                .thenComparingInt(Edge::source));
        return List.copyOf(edges);
    }

    /** Features of the circuit, by mean influence. */
    public List<Node> features() {
        return nodes.stream().filter(node -> node.member().ofFeature()).toList();
    }
}
