package dev.headwater.engine.circuit;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Which graphs of a set have each of some members and the edges between them, and with which weights. Tallies of parts of a set give
 * that of the whole, as those of {@link NodeTally} do.
 */
final class EdgeTally {
    /** The ends of an edge. */
    record Between(Member source, Member target) {}

    /** What is known of an edge; it grows with the tally, whose own it is. */
    static final class Entry {
        private final BitSet graphs = new BitSet();
        private Moments weight = Moments.NONE;

        /** Numbers of the graphs that have it. */
        BitSet graphs() {
            return graphs;
        }

        /** Over those. */
        Moments weight() {
            return weight;
        }
    }

    private final Set<Member> kept;
    private final Map<Member, BitSet> nodes = new HashMap<>();
    private final Map<Between, Entry> edges = new HashMap<>();
    private Moments carried = Moments.NONE;

    EdgeTally(Set<Member> kept) {
        this.kept = kept;
    }

    void add(int number, Reading graph) {
        double influence = 0;
        for (Member member : kept) {
            Reading.Seen seen = graph.nodes().get(member);
            if (seen != null) {
                nodes.computeIfAbsent(member, _ -> new BitSet()).set(number);
                influence += member.ofFeature() ? seen.influence() : 0;
            }
        }
        carried = carried.and(graph.features() > 0 ? influence / graph.features() : 0);
        for (Reading.Link link : graph.links()) {
            if (kept.contains(link.source()) && kept.contains(link.target())) {
                Entry entry = edges.computeIfAbsent(new Between(link.source(), link.target()), _ -> new Entry());
                entry.graphs.set(number);
                entry.weight = entry.weight.and(link.weight());
            }
        }
    }

    void add(EdgeTally other) {
        other.nodes.forEach((member, graphs) ->
                nodes.computeIfAbsent(member, _ -> new BitSet()).or(graphs));
        other.edges.forEach((ends, theirs) -> {
            Entry entry = edges.computeIfAbsent(ends, _ -> new Entry());
            entry.graphs.or(theirs.graphs);
            entry.weight = entry.weight.and(theirs.weight);
        });
        carried = carried.and(other.carried);
    }

    Map<Member, BitSet> nodes() {
        return nodes;
    }

    Map<Between, Entry> edges() {
        return edges;
    }

    /** Influence of the kept features among that of all features of a graph. */
    Moments carried() {
        return carried;
    }
}
