package dev.headwater.engine.intervention;

import dev.headwater.engine.Progress;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Verification.Curve;
import dev.headwater.engine.intervention.Verification.Options;
import dev.headwater.engine.intervention.Verification.Point;
import dev.headwater.engine.transcoder.FeatureBasis;
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

    /** @param means where neurons go that do not stay, null for 0 */
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
        if (baseline.model().basis().dense()) {
            return;
        }
        int zeros = baseline.model().zeroPositions(baseline.run().tokens());
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
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
                        if (baseline.model().basis().dense()) {
                            return probability(KeptNeurons.random(baseline.model(), baseline.prompt(), count, source));
                        }
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

    /** Of neurons, which are too many to be edited one by one; those at the first position hold the model together, and stay. */
    private double probability(long[] kept) {
        KeptNeurons others = new KeptNeurons(
                baseline.model(), baseline.prompt(), kept, means, baseline.run().trace());
        try (Run run = baseline.run(others, prediction.answer().needed(baseline), null)) {
            return answer(run);
        }
    }

    private double answer(Run run) {
        if (progress.cancelled()) {
            throw new CancellationException();
        }
        progress.advance(++done);
        return prediction.answer().probability(run);
    }

    private double probability(List<FeatureRef> kept) {
        FeatureBasis basis = baseline.model().basis();
        if (basis.dense()) {
            return probability(kept.stream()
                    .mapToLong(
                            ref -> ((long) ref.layer() * baseline.run().positions() + ref.position()) * basis.features()
                                    + ref.feature())
                    .toArray());
        }
        Set<FeatureRef> stay = new HashSet<>(kept);
        List<Edit> edits = active.stream()
                .filter(feature -> !stay.contains(feature))
                .map(feature -> Edit.of(feature, Change.ABLATE))
                .toList();
        try (Run run = baseline.apply(new Intervention(edits, Freeze.ATTENTION))) {
            return answer(run);
        }
    }
}
