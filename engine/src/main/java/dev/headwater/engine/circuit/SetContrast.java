package dev.headwater.engine.circuit;

import dev.headwater.engine.Progress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What the graphs of one set have that those of another lack. Each feature at each role is in so many of the graphs of both; how
 * probable a difference at least as large would be by chance is Fisher's exact test (two-sided), and since many features are tested, it
 * is also given as the rate of false discoveries among all that are at least as improbable (Benjamini and Hochberg, 1995: the least of
 * p·m/rank over this and later ranks).
 *
 * @param first    graphs of the one set
 * @param second   graphs of the other
 * @param tested   features that are in some graph of either
 * @param features the most improbable first
 */
public record SetContrast(int first, int second, int tested, List<Difference> features) {
    /**
     * A feature.
     *
     * @param first       graphs of the one set that have it
     * @param second      graphs of the other that have it
     * @param probability of such a difference by chance, p
     * @param discoveries rate of false ones among those with at most this p
     */
    public record Difference(
            Member member,
            int first,
            int second,
            double difference,
            double probability,
            double discoveries,
            String label) {}

    /**
     * Compares two sets, reading each graph once.
     *
     * @param alignment of both
     */
    public static SetContrast of(GraphSet one, GraphSet other, Alignment alignment, Progress progress) {
        return of(tally(one, alignment, progress), tally(other, alignment, progress));
    }

    private static NodeTally tally(GraphSet set, Alignment alignment, Progress progress) {
        NodeTally tally = new NodeTally();
        set.forEach(alignment, "features", progress, (_, graph) -> tally.add(graph));
        return tally;
    }

    static SetContrast of(NodeTally one, NodeTally other) {
        Set<Member> members = new TreeSet<>(one.entries().keySet());
        members.addAll(other.entries().keySet());
        Fisher test = new Fisher(one.graphs() + other.graphs());
        // Many features have the same counts.
        Map<List<Integer>, Double> known = new HashMap<>();
        List<Difference> differences = new ArrayList<>();
        for (Member member : members) {
            if (member.ofFeature()) {
                NodeTally.Entry here = one.entries().get(member);
                NodeTally.Entry there = other.entries().get(member);
                int a = here == null ? 0 : here.graphs();
                int b = there == null ? 0 : there.graphs();
                String label =
                        here != null && !here.label().isEmpty() ? here.label() : there == null ? "" : there.label();
                differences.add(new Difference(
                        member,
                        a,
                        b,
                        (double) a / one.graphs() - (double) b / other.graphs(),
                        known.computeIfAbsent(List.of(a, b), _ -> test.probability(a, one.graphs(), b, other.graphs())),
                        1,
                        label));
            }
        }
        differences.sort(Comparator.comparingDouble(Difference::probability)
                .thenComparingDouble(difference -> -Math.abs(difference.difference()))
                .thenComparing(Difference::member));
        return new SetContrast(one.graphs(), other.graphs(), differences.size(), withDiscoveries(differences));
    }

    private static List<Difference> withDiscoveries(List<Difference> ranked) {
        Difference[] all = ranked.toArray(Difference[]::new);
        double least = 1;
        for (int i = all.length - 1; i >= 0; i--) {
            Difference one = all[i];
            least = Math.min(least, one.probability * all.length / (i + 1));
            all[i] = new Difference(
                    one.member, one.first, one.second, one.difference, one.probability, least, one.label);
        }
        return List.of(all);
    }
}
