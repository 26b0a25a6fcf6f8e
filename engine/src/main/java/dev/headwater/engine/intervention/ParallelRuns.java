package dev.headwater.engine.intervention;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Many runs of one prompt at once, in each of which other features are set: the runs share the products with the weights, which for short
 * prompts makes them many times cheaper than one by one. Attention patterns are held, everything else responds, as with {@link
 * Freeze#ATTENTION}.
 */
public final class ParallelRuns {
    /** Tokens that go through the model together, and numbers of a layer's table of activations. */
    private static final int MOST_ROWS = 768;

    private static final int MOST_ACTIVATIONS = 1 << 21;

    private final Baseline baseline;
    private final FeatureBasis basis;
    private final int positions;
    private final int count;
    private final int most;
    /** By layer, null where no feature lies. */
    private final @Nullable Table[] tables;

    /**
     * A layer's features.
     *
     * @param feature  distinct numbers, ascending [n]
     * @param member   numbers in the list of all features [m]
     * @param column   of each member in {@code feature} [m]
     * @param position of each member [m]
     */
    private record Table(int[] feature, int[] member, int[] column, int[] position) {}

    /**
     * @param features that are to be set in some runs, each at its position, which is none of those at the start where features count
     *     as 0
     */
    public ParallelRuns(Baseline baseline, List<FeatureRef> features) {
        this.baseline = baseline;
        basis = baseline.model().basis();
        positions = baseline.run().positions();
        count = features.size();
        tables = new Table[basis.layers()];
        int widest = 1;
        for (FeatureRef feature : features) {
            if (!feature.exists(basis.layers(), positions, basis.features())
                    || feature.position() < baseline.run().zeroPositions()) {
                throw new IllegalArgumentException("there is no feature " + feature + " to set");
            }
        }
        for (int layer = 0; layer < tables.length; layer++) {
            int wanted = layer;
            int[] member = IntStream.range(0, count)
                    .filter(i -> features.get(i).layer() == wanted)
                    .toArray();
            if (member.length > 0) {
                int[] feature = Arrays.stream(member)
                        .map(i -> features.get(i).feature())
                        .sorted()
                        .distinct()
                        .toArray();
                tables[layer] = new Table(
                        feature,
                        member,
                        Arrays.stream(member)
                                .map(i -> Arrays.binarySearch(
                                        feature, features.get(i).feature()))
                                .toArray(),
                        Arrays.stream(member)
                                .map(i -> features.get(i).position())
                                .toArray());
                widest = Math.max(widest, feature.length);
            }
        }
        most = Math.clamp(Math.min(MOST_ROWS, MOST_ACTIVATIONS / widest) / positions, 1, MOST_ROWS);
    }

    /** How many runs go together at most. */
    public int most() {
        return most;
    }

    /**
     * Runs the prompt once for each of the settings.
     *
     * @param settings up to {@link #most}; each has an activation for every feature, NaN where the model is to compute it
     * @return for each its logits at the last position, after any soft-cap [V]
     */
    public List<float[]> logits(List<float[]> settings) {
        if (settings.isEmpty()
                || settings.size() > most
                || settings.stream().anyMatch(setting -> setting.length != count)) {
            throw new IllegalArgumentException(
                    "1 to %d settings of %d features are run together".formatted(most, count));
        }
        List<int[]> prompts =
                Collections.nCopies(settings.size(), baseline.run().tokens());
        try (var _ = baseline.model().use()) {
            List<Trace> traces = baseline.model()
                    .model()
                    .forward(
                            prompts,
                            new TraceRequest(Set.of(), false, TraceRequest.Logits.LAST),
                            new Setting(settings));
            try {
                List<float[]> logits = new ArrayList<>();
                traces.forEach(trace -> logits.add(trace.logits().toFloats()));
                return logits;
            } finally {
                traces.forEach(Trace::close);
            }
        }
    }

    /** The edits of some runs whose rows lie one below the other. */
    private final class Setting implements Hooks {
        private final List<float[]> settings;
        /** By layer what edits add to the activations of the table's used features [runs * P * n]. */
        private final float[][] differences = new float[tables.length][];

        private final int[][] used = new int[tables.length][];
        private @Nullable Tensor input;

        Setting(List<float[]> settings) {
            this.settings = settings;
        }

        @Override
        public Tensor attention(int layer) {
            return baseline.run().trace().attention(layer);
        }

        @Override
        public Tensor at(FeatureSite site, int layer, Tensor value) {
            if (site == basis.input()) {
                input = value;
            }
            return site == basis.output() ? edited(layer, value) : value;
        }

        private Tensor edited(int layer, Tensor output) {
            Table table = tables[layer];
            if (table != null && input != null) {
                set(layer, table, input);
            }
            Tensor result = output;
            for (int source = 0; source <= layer; source++) {
                if (differences[source] != null && basis.lastTarget(source) >= layer) {
                    int[] feature = used[source];
                    Tensor rows = Tensor.empty(DType.F32, output.device(), feature.length, output.size(1));
                    basis.decoderRows(source, layer, feature, null, null, rows);
                    Tensor change = Torch.to(
                            Tensor.ofFloats(differences[source], output.size(0), feature.length), output.device());
                    result = Torch.add(result, Torch.mm(change, rows));
                }
            }
            return result;
        }

        private void set(int layer, Table table, Tensor x) {
            boolean[] needed = new boolean[table.feature.length];
            for (float[] setting : settings) {
                for (int i = 0; i < table.member.length; i++) {
                    needed[table.column[i]] |= !Float.isNaN(setting[table.member[i]]);
                }
            }
            int[] place = new int[needed.length];
            int width = 0;
            for (int c = 0; c < needed.length; c++) {
                place[c] = needed[c] ? width++ : -1;
            }
            if (width == 0) {
                return;
            }
            used[layer] = IntStream.range(0, needed.length)
                    .filter(c -> needed[c])
                    .map(c -> table.feature[c])
                    .toArray();
            float[] current = basis.activations(layer, x, used[layer]);
            float[] difference = new float[current.length];
            for (int run = 0; run < settings.size(); run++) {
                float[] setting = settings.get(run);
                for (int i = 0; i < table.member.length; i++) {
                    float wanted = setting[table.member[i]];
                    if (!Float.isNaN(wanted)) {
                        int at = (run * positions + table.position[i]) * width + place[table.column[i]];
                        difference[at] = wanted - current[at];
                    }
                }
            }
            differences[layer] = difference;
        }
    }
}
