package dev.headwater.engine.document;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What two graphs share, and what only one of them has.
 *
 * @param nodes       of all kinds
 * @param features    of features alone
 * @param edges       edges of all kinds, by their two ends
 * @param correlation Pearson correlation of the weights of common edges; NaN if there are fewer than two, or one side
 *      is constant
 * @param largestDifference of the weights of a common edge
 * @param onlyInFirst  nodes that only the first graph has, the most influential first
 * @param onlyInSecond likewise
 */
public record GraphComparison(
        Overlap nodes,
        Overlap features,
        Overlap edges,
        double correlation,
        double largestDifference,
        List<Lone> onlyInFirst,
        List<Lone> onlyInSecond) {
    /** Counts of what is in both, and in one alone. */
    public record Overlap(long common, long onlyFirst, long onlySecond) {
        /** Common ones among all, 1 if there are none at all. */
        public double jaccard() {
            long all = common + onlyFirst + onlySecond;
            return all == 0 ? 1 : (double) common / all;
        }
    }

    /**
     * A node that one graph lacks.
     *
     * @param token     text at its position, "" if the file doesn't say
     * @param label     what the file calls it, "" if it doesn't say
     * @param influence its share of its graph's influence
     */
    public record Lone(String node, String token, String label, double influence) {}

    /** Hears of the weights of an edge that both graphs have. */
    private interface Pair {
        void of(double first, double second);
    }

    /** Counts and sums over common edges. */
    private static final class Sums {
        private long n;
        private double a;
        private double b;
        private double aa;
        private double bb;
        private double ab;
        private double largest;

        void count(double x, double y) {
            n++;
            a += x;
            b += y;
            largest = Math.max(largest, Math.abs(x - y));
        }

        /** In a second pass, as differences from the means: sums of squares alone would cancel. */
        void spread(double x, double y) {
            double dx = x - a / n;
            double dy = y - b / n;
            aa += dx * dx;
            bb += dy * dy;
            ab += dx * dy;
        }

        double correlation() {
            return n > 1 && aa > 0 && bb > 0 ? ab / (Math.sqrt(aa) * Math.sqrt(bb)) : Double.NaN;
        }
    }

    /** {@return what two graphs share, node by node and edge by edge} */
    public static GraphComparison of(PlainGraph first, PlainGraph second) {
        int[] toSecond = matches(first, second);
        int[] toFirst = matches(second, first);
        Sums sums = new Sums();
        common(first, second, toSecond, sums::count);
        common(first, second, toSecond, sums::spread);
        long inFirst = first.edges().nonZeros();
        long inSecond = second.edges().nonZeros();
        return new GraphComparison(
                overlap(first, toSecond, toFirst, second, false),
                overlap(first, toSecond, toFirst, second, true),
                new Overlap(sums.n, inFirst - sums.n, inSecond - sums.n),
                sums.correlation(),
                sums.largest,
                lone(first, toSecond),
                lone(second, toFirst));
    }

    private static void common(PlainGraph first, PlainGraph second, int[] toSecond, Pair pair) {
        float[] a = new float[first.size()];
        float[] b = new float[second.size()];
        for (int row = 0; row < a.length; row++) {
            if (toSecond[row] < 0) {
                continue;
            }
            first.edges().copyRow(row, a);
            second.edges().copyRow(toSecond[row], b);
            for (int column = 0; column < a.length; column++) {
                if (a[column] != 0 && toSecond[column] >= 0 && b[toSecond[column]] != 0) {
                    pair.of(a[column], b[toSecond[column]]);
                }
            }
        }
    }

    /** For each node of one graph its number in the other, or -1. */
    private static int[] matches(PlainGraph from, PlainGraph to) {
        Map<PlainGraph.Item, Integer> there = new HashMap<>();
        for (int i = 0; i < to.size(); i++) {
            there.putIfAbsent(to.nodes().get(i), i);
        }
        return from.nodes().stream()
                .mapToInt(node -> there.getOrDefault(node, -1))
                .toArray();
    }

    private static Overlap overlap(
            PlainGraph first, int[] toSecond, int[] toFirst, PlainGraph second, boolean featuresOnly) {
        long common = count(first, toSecond, featuresOnly, true);
        return new Overlap(
                common, count(first, toSecond, featuresOnly, false), count(second, toFirst, featuresOnly, false));
    }

    private static long count(PlainGraph graph, int[] matches, boolean featuresOnly, boolean matched) {
        return IntStream.range(0, matches.length)
                .filter(i -> matches[i] >= 0 == matched)
                .filter(i -> !featuresOnly || graph.nodes().get(i).kind() == DocumentNode.Kind.FEATURE)
                .count();
    }

    private static List<Lone> lone(PlainGraph graph, int[] matches) {
        double[] influence = graph.influence();
        double total = Arrays.stream(influence).sum();
        List<Lone> lone = new ArrayList<>();
        for (int i = 0; i < matches.length; i++) {
            if (matches[i] < 0) {
                PlainGraph.Item node = graph.nodes().get(i);
                lone.add(new Lone(
                        node.toString(),
                        node.kind() != DocumentNode.Kind.LOGIT
                                        && node.position() >= 0
                                        && node.position() < graph.texts().size()
                                ? graph.texts().get(node.position())
                                : "",
                        graph.labels().get(i),
                        total > 0 ? influence[i] / total : 0));
            }
        }
        lone.sort(Comparator.comparingDouble(node -> -node.influence()));
        return List.copyOf(lone);
    }
}
