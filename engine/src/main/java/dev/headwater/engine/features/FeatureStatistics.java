package dev.headwater.engine.features;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What a feature did on a corpus: a histogram of its activations, the windows with its largest ones and with its most
 * negative ones, and a fair sample of all windows where it fired. Bounded: a feature holds at most {@code 2 top + sample}
 * windows, whatever the corpus' size.
 *
 * <p>The sample keeps the windows whose hashes are least, so that it does not depend on anything but the corpus.
 */
final class FeatureStatistics {
    /** The same text may give activations that differ this much, as it was computed together with other texts. */
    private static final double SAME = 1e-3;
    /** Of {@link #write}, and of which windows are read together. */
    static final int VERSION = 3;

    /**
     * A window in which the feature fires.
     *
     * @param window    index in the corpus
     * @param rank      the more, the rather it is kept
     * @param positions where it fires, ascending
     * @param values    its activations there
     */
    record Example(int window, double rank, int[] positions, float[] values) {
        /** Index of the largest activation, the first among equals. */
        int peak() {
            int peak = 0;
            for (int i = 1; i < values.length; i++) {
                if (values[i] > values[peak]) {
                    peak = i;
                }
            }
            return peak;
        }

        float peakValue() {
            return values[peak()];
        }

        /** Index of the most negative activation, the first among equals. */
        int valley() {
            int valley = 0;
            for (int i = 1; i < values.length; i++) {
                if (values[i] < values[valley]) {
                    valley = i;
                }
            }
            return valley;
        }
    }

    private final Histogram histogram;
    private final List<Example> top = new ArrayList<>(2);
    private final List<Example> bottom = new ArrayList<>(0);
    private final List<Example> sample = new ArrayList<>(2);
    private long windows;

    FeatureStatistics() {
        this(new Histogram());
    }

    private FeatureStatistics(Histogram histogram) {
        this.histogram = histogram;
    }

    Histogram histogram() {
        return histogram;
    }

    /** By activation, largest first. */
    List<Example> top() {
        return top;
    }

    /** Windows with negative activations, the most negative first. */
    List<Example> bottom() {
        return bottom;
    }

    /** In no useful order. */
    List<Example> sample() {
        return sample;
    }

    /** Windows in which it fired. */
    long windows() {
        return windows;
    }

    /**
     * Takes in a window; windows come in ascending order.
     *
     * @param hash a random number of this feature and window
     */
    void add(TokenWindows corpus, int window, int[] positions, float[] values, long hash, int mostTop, int mostSample) {
        windows++;
        float peak = Float.NEGATIVE_INFINITY;
        float valley = Float.POSITIVE_INFINITY;
        for (float value : values) {
            histogram.add(value);
            peak = Math.max(peak, value);
            valley = Math.min(valley, value);
        }
        boolean repeated = peak > 0 && repeats(corpus, top, new Example(window, peak, positions, values), mostTop);
        if (valley < 0) {
            repeated |= repeats(corpus, bottom, new Example(window, -valley, positions, values), mostTop);
        }
        if (repeated) {
            return;
        }
        double rank = hash;
        if (sample.size() < mostSample || rank > sample.getLast().rank()) {
            insert(sample, new Example(window, rank, positions, values), mostSample);
        }
    }

    /**
     * What was gathered here and in other windows of the corpus, in whatever order and however often parts are put together: as if all
     * had been taken in here, to the bit, but where the corpus repeats a text in two parts. Then both may be in the sample.
     */
    FeatureStatistics with(FeatureStatistics other, TokenWindows corpus, int mostTop, int mostSample) {
        FeatureStatistics both = new FeatureStatistics();
        both.histogram.add(histogram);
        both.histogram.add(other.histogram);
        both.windows = windows + other.windows;
        merge(top, other.top, example -> repeats(corpus, both.top, example, mostTop));
        merge(bottom, other.bottom, example -> repeats(corpus, both.bottom, example, mostTop));
        merge(sample, other.sample, example -> insert(both.sample, example, mostSample));
        return both;
    }

    /** In the order of one reading: equals stay where the earlier window is first. */
    private static void merge(List<Example> some, List<Example> others, Consumer<Example> taker) {
        Stream.concat(some.stream(), others.stream())
                .sorted(Comparator.comparingInt(Example::window))
                .forEach(taker);
    }

    /** Whether the list holds the same text already, as corpora repeat themselves and a reader wants to see different texts. */
    private static boolean repeats(TokenWindows corpus, List<Example> list, Example example, int most) {
        if (list.size() >= most && example.rank() <= list.getLast().rank()) {
            return false;
        }
        for (Example known : list) {
            if (Math.abs(known.rank() - example.rank()) <= SAME * Math.abs(example.rank())
                    && corpus.same(known.window(), example.window())) {
                return true;
            }
        }
        insert(list, example, most);
        return false;
    }

    private static void insert(List<Example> list, Example example, int most) {
        int at = list.size();
        while (at > 0 && list.get(at - 1).rank() < example.rank()) {
            at--;
        }
        list.add(at, example);
        if (list.size() > most) {
            list.removeLast();
        }
    }

    void write(DataOutput out) throws IOException {
        histogram.write(out);
        out.writeLong(windows);
        write(out, top);
        write(out, bottom);
        write(out, sample);
    }

    private static void write(DataOutput out, List<Example> examples) throws IOException {
        out.writeShort(examples.size());
        for (Example example : examples) {
            out.writeInt(example.window());
            out.writeDouble(example.rank());
            out.writeInt(example.positions().length);
            for (int i = 0; i < example.positions().length; i++) {
                out.writeInt(example.positions()[i]);
                out.writeFloat(example.values()[i]);
            }
        }
    }

    /** @throws IOException if the data end early or name a window or position that the corpus lacks */
    static FeatureStatistics read(DataInput in, TokenWindows corpus) throws IOException {
        FeatureStatistics read = new FeatureStatistics(Histogram.read(in));
        read.windows = in.readLong();
        read(in, corpus, read.top);
        read(in, corpus, read.bottom);
        read(in, corpus, read.sample);
        return read;
    }

    private static void read(DataInput in, TokenWindows corpus, List<Example> examples) throws IOException {
        int count = in.readUnsignedShort();
        for (int e = 0; e < count; e++) {
            int window = in.readInt();
            double rank = in.readDouble();
            int active = in.readInt();
            if (window < 0 || window >= corpus.count() || active < 1 || active > corpus.length(window)) {
                throw new IOException("an example in window " + window + " with " + active + " activations");
            }
            int[] positions = new int[active];
            float[] values = new float[active];
            for (int i = 0; i < active; i++) {
                positions[i] = in.readInt();
                values[i] = in.readFloat();
                if (positions[i] < 0 || positions[i] >= corpus.length(window)) {
                    throw new IOException("an activation at position " + positions[i]);
                }
            }
            examples.add(new Example(window, rank, positions, values));
        }
    }
}
