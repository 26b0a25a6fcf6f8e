package dev.headwater.engine.features;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * Counts of values in bins whose width is a power of two, doubled whenever the values span more than {@link #BINS}
 * bins. What it holds depends on the values, not on their order: bins lie at multiples of their width, so that two make
 * one exactly.
 */
final class Histogram {
    static final int BINS = 64;
    /** Bins are no finer than this part of the largest magnitude, 2^-11 of its power of two. */
    private static final int FINEST = 11;

    private final int[] counts = new int[BINS];
    private int exponent = Float.MIN_EXPONENT - 64;
    /** Index of the first bin: its values are from {@code low · 2^exponent}. */
    private long low;

    private long total;
    private float min = Float.POSITIVE_INFINITY;
    private float max = Float.NEGATIVE_INFINITY;

    long total() {
        return total;
    }

    /** Smallest value; infinite while there is none. */
    float min() {
        return min;
    }

    float max() {
        return max;
    }

    /** @param value finite */
    void add(float value) {
        reach(value, value, exponent);
        count(bin(value, exponent), 1);
        total++;
    }

    /** Adds the values of another one, as if they had been added here one by one. */
    void add(Histogram other) {
        if (other.total == 0) {
            return;
        }
        reach(other.min, other.max, Math.max(exponent, other.exponent));
        for (int i = 0; i < BINS; i++) {
            if (other.counts[i] > 0) {
                count(other.low + i >> Math.min(63, exponent - other.exponent), other.counts[i]);
            }
        }
        total += other.total;
    }

    /** Makes room for values from {@code least} to {@code most}. */
    private void reach(float least, float most, int coarse) {
        min = Math.min(min, least);
        max = Math.max(max, most);
        int wanted = Math.max(coarse, Math.getExponent(Math.max(Math.abs(min), Math.abs(max))) - FINEST);
        while (bin(max, wanted) - bin(min, wanted) >= BINS) {
            wanted++;
        }
        fit(wanted);
    }

    private void count(long bin, int more) {
        int at = (int) (bin - low);
        counts[at] = more > Integer.MAX_VALUE - counts[at] ? Integer.MAX_VALUE : counts[at] + more;
    }

    private static long bin(float value, int exponent) {
        return (long) Math.floor(Math.scalb((double) value, -exponent));
    }

    /** Moves the counts into bins of width 2^wanted, the first of which holds the smallest value. */
    private void fit(int wanted) {
        long first = bin(min, wanted);
        if (wanted == exponent && first == low) {
            return;
        }
        int[] old = counts.clone();
        java.util.Arrays.fill(counts, 0);
        for (int i = 0; i < BINS; i++) {
            if (old[i] > 0) {
                counts[(int) ((low + i >> Math.min(63, wanted - exponent)) - first)] += old[i];
            }
        }
        exponent = wanted;
        low = first;
    }

    /**
     * Counts in so many bins of equal width from {@link #min} to {@link #max}, each own bin spread evenly over the part
     * that can hold values.
     */
    double[] between(int bins) {
        double[] result = new double[bins];
        if (total == 0) {
            return result;
        }
        double width = ((double) max - min) / bins;
        for (int i = 0; i < BINS; i++) {
            if (counts[i] == 0) {
                continue;
            }
            double from = Math.max(min, Math.scalb((double) (low + i), exponent));
            double to = Math.min(max, Math.scalb((double) (low + i + 1), exponent));
            int first = width == 0 ? 0 : Math.clamp((int) ((from - min) / width), 0, bins - 1);
            int last = width == 0 ? 0 : Math.clamp((int) ((to - min) / width), 0, bins - 1);
            if (first == last || to <= from) {
                result[last] += counts[i];
                continue;
            }
            for (int bin = first; bin <= last; bin++) {
                double overlap = Math.min(to, min + (bin + 1) * width) - Math.max(from, min + bin * width);
                result[bin] += counts[i] * Math.max(0, overlap) / (to - from);
            }
        }
        return result;
    }

    /** The value below which a share of the values lies, exact to the width of a bin; min and max exactly. */
    double quantile(double share) {
        double rank = share * total;
        double below = 0;
        for (int i = 0; i < BINS; i++) {
            if (counts[i] > 0 && below + counts[i] >= rank) {
                double from = Math.max(min, Math.scalb((double) (low + i), exponent));
                double to = Math.min(max, Math.scalb((double) (low + i + 1), exponent));
                return share <= 0 ? min : share >= 1 ? max : from + (to - from) * Math.max(0, rank - below) / counts[i];
            }
            below += counts[i];
        }
        return max;
    }

    void write(DataOutput out) throws IOException {
        out.writeLong(total);
        out.writeFloat(min);
        out.writeFloat(max);
        out.writeInt(exponent);
        out.writeLong(low);
        int used = BINS;
        while (used > 0 && counts[used - 1] == 0) {
            used--;
        }
        out.writeByte(used);
        for (int i = 0; i < used; i++) {
            out.writeInt(counts[i]);
        }
    }

    static Histogram read(DataInput in) throws IOException {
        Histogram histogram = new Histogram();
        histogram.total = in.readLong();
        histogram.min = in.readFloat();
        histogram.max = in.readFloat();
        histogram.exponent = in.readInt();
        histogram.low = in.readLong();
        int used = in.readUnsignedByte();
        if (used > BINS) {
            throw new IOException("a histogram of " + used + " bins");
        }
        for (int i = 0; i < used; i++) {
            histogram.counts[i] = in.readInt();
        }
        return histogram;
    }
}
