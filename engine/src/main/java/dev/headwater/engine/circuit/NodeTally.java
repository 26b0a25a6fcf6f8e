package dev.headwater.engine.circuit;

import java.util.HashMap;
import java.util.Map;

/**
 * How often each member is in the graphs of a set, how active and how influential it is. Tallies of parts of a set give that of the
 * whole, in any order and grouping, up to rounding; counts exactly.
 */
final class NodeTally {
    /**
     * What is known of a member.
     *
     * @param graphs     that have it
     * @param activation over those that say it
     * @param influence  share of the influence of its graph's nodes, over those that have it
     * @param label      of the labels that graphs give it, the first in the order of texts; "" if they give none
     */
    record Entry(int graphs, Moments activation, Moments influence, String label) {
        static Entry of(Reading.Seen seen) {
            return new Entry(
                    1,
                    Double.isNaN(seen.activation()) ? Moments.NONE : Moments.NONE.and(seen.activation()),
                    Moments.NONE.and(seen.influence()),
                    seen.label());
        }

        Entry and(Entry other) {
            boolean mine = other.label.isEmpty() || !label.isEmpty() && label.compareTo(other.label) <= 0;
            return new Entry(
                    graphs + other.graphs,
                    activation.and(other.activation),
                    influence.and(other.influence),
                    mine ? label : other.label);
        }

        /** Over all graphs of a set, 0 in those without it. */
        double meanInfluence(int all) {
            return influence.mean() * graphs / all;
        }
    }

    private final Map<Member, Entry> entries = new HashMap<>();
    private int graphs;

    void add(Reading graph) {
        graphs++;
        graph.nodes().forEach((member, seen) -> entries.merge(member, Entry.of(seen), Entry::and));
    }

    void add(NodeTally other) {
        graphs += other.graphs;
        other.entries.forEach((member, entry) -> entries.merge(member, entry, Entry::and));
    }

    int graphs() {
        return graphs;
    }

    Map<Member, Entry> entries() {
        return entries;
    }
}
