package dev.headwater.engine.features;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Which features below were active where a feature was, and how strongly; a bounded number of them. The sums are over the first positions
 * at which the feature fires, up to {@link #POSITIONS}, so that what fires everywhere costs no more than what is rare. When there are twice
 * as many partners as are kept, those with the smallest products are forgotten.
 */
final class Partners {
    /** Positions of a feature at which partners are counted, at most. */
    static final int POSITIONS = 2000;

    private static final int NONE = -1;

    private final int kept;
    private long fired;
    private int counted;
    private double own;
    private int size;
    /** Hash table with linear probing: the partner, the sum of its activations, and of their products with the feature's. */
    private int[] partner = new int[0];

    private float[] sum = new float[0];
    private float[] product = new float[0];

    /** @param kept partners that are kept at least */
    Partners(int kept) {
        this.kept = kept;
    }

    /** A partner with its sums. */
    record Sums(int partner, double sum, double product) {}

    /**
     * Begins a position at which the feature fires.
     *
     * @return whether partners there are to be {@link #add added}
     */
    boolean fires(float value) {
        fired++;
        if (counted == POSITIONS) {
            return false;
        }
        counted++;
        own += value;
        return true;
    }

    /** One that is active there too. */
    void add(int other, float value, float times) {
        int at = partner.length == 0 ? NONE : slot(other);
        if (at == NONE || partner[at] == NONE) {
            if (size == 2 * kept) {
                forget();
                rebuild();
            } else if (3 * (size + 1) > 2 * partner.length) {
                rebuild();
            }
            at = slot(other);
            partner[at] = other;
            size++;
        }
        sum[at] += value;
        product[at] += value * times;
    }

    private int slot(int other) {
        int mask = partner.length - 1;
        int at = (other * 0x9e3779b9 >>> 7) & mask;
        while (partner[at] != NONE && partner[at] != other) {
            at = at + 1 & mask;
        }
        return at;
    }

    private void rebuild() {
        int[] others = partner;
        float[] sums = sum;
        float[] products = product;
        int length = 16;
        while (length < 3 * (size + 1)) {
            length *= 2;
        }
        partner = new int[length];
        Arrays.fill(partner, NONE);
        sum = new float[length];
        product = new float[length];
        for (int i = 0; i < others.length; i++) {
            if (others[i] != NONE) {
                int at = slot(others[i]);
                partner[at] = others[i];
                sum[at] = sums[i];
                product[at] = products[i];
            }
        }
    }

    private void forget() {
        int[] ranked = IntStream.range(0, partner.length)
                .filter(i -> partner[i] != NONE)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -Math.abs(product[i]))
                        .thenComparingInt(i -> partner[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        for (int i = kept; i < ranked.length; i++) {
            partner[ranked[i]] = NONE;
            size--;
        }
    }

    /** Positions at which the feature fired, all of them. */
    long fired() {
        return fired;
    }

    /** Positions over which the sums are. */
    int counted() {
        return counted;
    }

    /** The sum of the feature's own activations at these. */
    double own() {
        return own;
    }

    /** By the partner's number. */
    Sums[] sums() {
        return IntStream.range(0, partner.length)
                .filter(i -> partner[i] != NONE)
                .mapToObj(i -> new Sums(partner[i], sum[i], product[i]))
                .sorted(Comparator.comparingInt(Sums::partner))
                .toArray(Sums[]::new);
    }

    /** The most bytes of heap that it takes. */
    static long bytes(int kept) {
        long length = 16;
        while (length < 6L * (kept + 1)) {
            length *= 2;
        }
        return 96 + length * (Integer.BYTES + 2 * Float.BYTES);
    }

    void write(DataOutput out) throws IOException {
        out.writeLong(fired);
        out.writeInt(counted);
        out.writeDouble(own);
        Sums[] all = sums();
        out.writeInt(all.length);
        for (Sums one : all) {
            out.writeInt(one.partner);
            out.writeFloat((float) one.sum);
            out.writeFloat((float) one.product);
        }
    }

    /** @throws IOException if the data end early or name more partners than there can be */
    static Partners read(DataInput in, int kept, int partners) throws IOException {
        Partners read = new Partners(kept);
        read.fired = in.readLong();
        read.counted = in.readInt();
        read.own = in.readDouble();
        int count = in.readInt();
        if (read.fired < read.counted || read.counted < 0 || count < 0 || count > 2L * kept) {
            throw new IOException("a feature with " + count + " partners at " + read.counted + " positions");
        }
        for (int i = 0; i < count; i++) {
            int other = in.readInt();
            float value = in.readFloat();
            float times = in.readFloat();
            if (other < 0 || other >= partners) {
                throw new IOException("partner " + other);
            }
            read.add(other, value, 0);
            read.product[read.slot(other)] = times;
        }
        return read;
    }
}
