package dev.headwater.engine.graph;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Finds the cut for a share: of scores in descending order, the first at which their cumulative sum reaches the share of the
 * total. A zero is never the cut; share 1 gives the smallest positive score; if no score is positive the cut is infinity.
 */
final class Cut {
    /** So many scores are sorted rather than divided further. */
    private static final long SORTED = 1 << 18;

    private Cut() {}

    /** The cut among the scores of nodes, given in the order of {@link Influence#ranking}. */
    static double ofNodes(Influence influence, double share) {
        double[] scores = influence.node().clone();
        Arrays.sort(scores);
        double total = 0;
        for (double score : scores) total += score;
        double sum = 0;
        double cut = Double.POSITIVE_INFINITY;
        for (int i = scores.length - 1; i >= 0 && scores[i] > 0; i--) {
            cut = scores[i];
            sum += cut;
            if (share < 1 && sum / total >= share) break;
        }
        return cut;
    }

    /**
     * The cut among the scores coefficient[r] * |edge(r, s)| between kept nodes. Positive doubles are ordered like their bit
     * patterns, so the scores are distributed over 2^16 bins by their leading bits, then those of the bin that holds the cut
     * by their next bits, until few enough are left to sort.
     */
    static double ofEdges(EdgeRows edges, double[] coefficient, boolean[] keep, double share) {
        double wanted = -1;
        double above = 0;
        long prefix = 0;
        for (int shift = 48; ; shift -= 16) {
            var bins = new Bins(shift, prefix);
            forEachScore(edges, coefficient, keep, bins);
            if (wanted < 0) wanted = share < 1 ? share * bins.total() : Double.POSITIVE_INFINITY;
            int bin = bins.find(wanted - above);
            if (bin < 0) return Double.POSITIVE_INFINITY;
            above += bins.sumAbove(bin);
            prefix = prefix << 16 | bin;
            if (shift == 0) return Double.longBitsToDouble(prefix);
            if (bins.count[bin] <= SORTED) {
                var scores = new Members(shift, prefix, (int) bins.count[bin]);
                forEachScore(edges, coefficient, keep, scores);
                return scores.find(wanted - above);
            }
        }
    }

    @FunctionalInterface
    private interface ScoreVisitor {
        /** @param bits of a positive score */
        void score(long bits);
    }

    private static void forEachScore(EdgeRows edges, double[] coefficient, boolean[] keep, ScoreVisitor visitor) {
        MemorySegment values = edges.values();
        for (int r = 0; r < coefficient.length; r++) {
            double c = coefficient[r];
            if (!(c > 0) || !keep[r]) continue;
            for (int k = edges.firstRun(r); k < edges.endRun(r); k++) {
                long at = edges.offset(k);
                int column = edges.column(k);
                for (int j = 0, n = edges.length(k); j < n; j++) {
                    if (!keep[column + j]) continue;
                    double score = c * Math.abs(values.getAtIndex(ValueLayout.JAVA_FLOAT, at + j));
                    if (score > 0) visitor.score(Double.doubleToRawLongBits(score));
                }
            }
        }
    }

    /** Sums and counts of the scores whose bits above {@code shift + 16} equal the prefix, by their next 16 bits. */
    private static final class Bins implements ScoreVisitor {
        final int shift;
        final long prefix;
        final double[] sum = new double[1 << 16];
        final long[] count = new long[1 << 16];

        Bins(int shift, long prefix) {
            this.shift = shift;
            this.prefix = prefix;
        }

        @Override
        public void score(long bits) {
            long high = bits >>> shift;
            if (high >>> 16 != prefix) return;
            int bin = (int) high & 0xffff;
            sum[bin] += Double.longBitsToDouble(bits);
            count[bin]++;
        }

        double total() {
            return sumAbove(-1);
        }

        double sumAbove(int bin) {
            double above = 0;
            for (int i = sum.length - 1; i > bin; i--) above += sum[i];
            return above;
        }

        /** Highest bin down to which the sum is {@code wanted}, else the lowest that is not empty, -1 if all are. */
        int find(double wanted) {
            double above = 0;
            int found = -1;
            for (int i = sum.length - 1; i >= 0; i--) {
                if (count[i] == 0) continue;
                found = i;
                above += sum[i];
                if (above >= wanted) break;
            }
            return found;
        }
    }

    /** The scores of one bin. */
    private static final class Members implements ScoreVisitor {
        final int shift;
        final long prefix;
        final long[] bits;
        int count;

        Members(int shift, long prefix, int size) {
            this.shift = shift;
            this.prefix = prefix;
            this.bits = new long[size];
        }

        @Override
        public void score(long score) {
            if (score >>> shift == prefix) bits[count++] = score;
        }

        double find(double wanted) {
            Arrays.sort(bits);
            double sum = 0;
            for (int i = bits.length - 1; i > 0; i--) {
                double score = Double.longBitsToDouble(bits[i]);
                sum += score;
                if (sum >= wanted) return score;
            }
            return Double.longBitsToDouble(bits[0]);
        }
    }
}
