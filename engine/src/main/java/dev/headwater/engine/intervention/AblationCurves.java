package dev.headwater.engine.intervention;

import dev.headwater.engine.Progress;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Verification.Curve;
import dev.headwater.engine.intervention.Verification.Options;
import dev.headwater.engine.intervention.Verification.Point;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How few features carry the answer: keeps some, sets all others that fire to 0, and looks at the answer's probability.
 */
final class AblationCurves {
    private final Baseline baseline;
    private final Prediction prediction;
    private final @Nullable MeanActivations means;
    private final Options options;
    private final Progress progress;
    private final List<FeatureRef> active = new ArrayList<>();
    private int done;

    /** @param means where features go that do not stay, null for 0 */
    AblationCurves(
            Baseline baseline,
            Prediction prediction,
            @Nullable MeanActivations means,
            Options options,
            Progress progress) {
        this.means = means;
        this.baseline = baseline;
        this.prediction = prediction;
        this.options = options;
        this.progress = progress;
        // Neurons at the first position hold the model together, whatever the prompt says: they stay.
        int zeros = baseline.model().zeroPositions(baseline.run().tokens());
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            if (means != null) { // silent ones have a mean too
                for (int p = zeros; p < baseline.run().positions(); p++) {
                    for (int f = 0; f < baseline.model().basis().features(); f++) {
                        active.add(new FeatureRef(layer, p, f));
                    }
                }
                continue;
            }
            SparseActivations there = baseline.run().activations(layer);
            for (int i = 0; i < there.count(); i++) {
                if (there.position()[i] >= zeros) {
                    active.add(new FeatureRef(layer, there.position()[i], there.feature()[i]));
                }
            }
        }
    }

    /** The graph's features by influence, and random ones. */
    List<Curve> all() {
        List<FeatureRef> ranked = Arrays.stream(prediction.top(Integer.MAX_VALUE))
                .mapToObj(prediction::feature)
                .toList();
        int[] counts = counts(ranked.size());
        progress.phase("ablation curves", (long) counts.length * (1 + options.draws()));
        List<Point> top = new ArrayList<>();
        List<Point> random = new ArrayList<>();
        Random source = new Random(options.seed());
        for (int count : counts) {
            double kept = probability(ranked.subList(0, count));
            top.add(new Point(count, kept, kept, kept));
            double[] draws = IntStream.range(0, options.draws())
                    .mapToDouble(draw -> {
                        List<FeatureRef> shuffled = new ArrayList<>(active);
                        Collections.shuffle(shuffled, source);
                        return probability(shuffled.subList(0, Math.min(count, shuffled.size())));
                    })
                    .toArray();
            random.add(new Point(
                    count,
                    Arrays.stream(draws).average().orElseThrow(),
                    Arrays.stream(draws).min().orElseThrow(),
                    Arrays.stream(draws).max().orElseThrow()));
        }
        return List.of(new Curve("top", top), new Curve("random", random));
    }

    /** 0, 1, 2, 5, 10, 20, 50, … and all, but none just below all. */
    private static int[] counts(int all) {
        TreeSet<Integer> counts = new TreeSet<>(List.of(0, all));
        for (long decade = 1; decade < all; decade *= 10) {
            for (int step : new int[] {1, 2, 5}) {
                if (4 * decade * step < 3L * all) {
                    counts.add((int) (decade * step));
                }
            }
        }
        return counts.stream().mapToInt(Integer::intValue).toArray();
    }

    private double probability(List<FeatureRef> kept) {
        if (progress.cancelled()) {
            throw new CancellationException();
        }
        progress.advance(++done);
        Set<FeatureRef> stay = new HashSet<>(kept);
        List<Edit> edits = active.stream()
                .filter(feature -> !stay.contains(feature))
                .map(feature -> Edit.of(feature, Change.ABLATE))
                .toList();
        Intervention others = new Intervention(edits, Freeze.ATTENTION);
        try (Run run = baseline.apply(means == null ? others : MeanEdits.of(others, baseline, means))) {
            return run.probabilities(-1)[prediction.answer()];
        }
    }
}
