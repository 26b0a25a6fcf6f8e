package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.explanation.Answer.Outcome;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.ParallelRuns;
import dev.headwater.engine.intervention.Run;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * Runs of a prompt without some of the features at stake, F of them, which sets of features number from 0. Counts the runs, and makes
 * none twice.
 */
final class Ablations {
    /** Features without which the answer is as far ahead carry nothing that a share could be of. */
    private static final double LEAST = 1e-3;

    private final Baseline baseline;
    private final ParallelRuns runs;
    private final Stake stake;
    private final int answer;
    private final Progress progress;
    private final Map<BitSet, Outcome> known = new HashMap<>();
    private final Outcome whole;
    private int count;

    /** @param answer token that is followed */
    Ablations(Baseline baseline, Stake stake, int answer, Progress progress) {
        this.baseline = baseline;
        this.stake = stake;
        this.answer = answer;
        this.progress = progress;
        runs = new ParallelRuns(baseline, stake.features());
        whole = Outcome.of(baseline.run().logits(-1), answer);
    }

    /** Runs that were made. */
    int count() {
        return count;
    }

    /** The model as it is. */
    Outcome whole() {
        return whole;
    }

    /** All features at stake but these. */
    private BitSet but(BitSet circuit) {
        BitSet others = new BitSet();
        others.set(0, stake.features().size());
        others.andNot(circuit);
        return others;
    }

    /** @throws HeadwaterException if the answer does not rest on the features at stake */
    List<Measures> measure(List<BitSet> circuits) {
        return measure(circuits, 0);
    }

    /**
     * @param factor what is left of how far an activation lies from its ablation value: 0 takes a feature away, below 0 it is turned
     *     around
     */
    List<Measures> measure(List<BitSet> circuits, double factor) {
        List<BitSet> removed = new ArrayList<>();
        removed.add(but(new BitSet()));
        circuits.forEach(circuit -> {
            removed.add(circuit);
            removed.add(but(circuit));
        });
        List<Outcome> outcomes = without(removed, factor);
        double none = outcomes.getFirst().margin();
        double all = whole.margin() - none;
        if (factor == 0 && !(all > LEAST)) {
            throw new HeadwaterException(
                    "There is nothing to explain by these features: without all %,d of them the answer is %.3f logits ahead of the strongest other token, with them %.3f; ask for another answer"
                            .formatted(stake.features().size(), none, whole.margin()));
        }
        List<Measures> measures = new ArrayList<>();
        for (int i = 0; i < circuits.size(); i++) {
            Outcome without = outcomes.get(1 + 2 * i);
            Outcome alone = outcomes.get(2 + 2 * i);
            measures.add(new Measures(
                    all > LEAST ? (whole.margin() - without.margin()) / all : Double.NaN,
                    all > LEAST ? (alone.margin() - none) / all : Double.NaN,
                    without.probability(),
                    alone.probability()));
        }
        return measures;
    }

    /** What becomes of the answer without each of these sets of features. */
    List<Outcome> without(List<BitSet> removed) {
        return without(removed, 0);
    }

    private List<Outcome> without(List<BitSet> removed, double factor) {
        Map<BitSet, Outcome> found = factor == 0 ? known : new HashMap<>();
        found.put(new BitSet(), whole);
        Set<BitSet> missing = new LinkedHashSet<>(removed);
        missing.removeAll(found.keySet());
        List<BitSet> wanted = List.copyOf(missing);
        for (int first = 0; first < wanted.size(); first += runs.most()) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            List<BitSet> some = wanted.subList(first, Math.min(first + runs.most(), wanted.size()));
            List<float[]> logits =
                    runs.logits(some.stream().map(set -> values(set, factor)).toList());
            for (int i = 0; i < some.size(); i++) {
                found.put((BitSet) some.get(i).clone(), Outcome.of(logits.get(i), answer));
            }
            count += some.size();
            progress.advance(count);
        }
        return removed.stream().map(found::get).toList();
    }

    private float[] values(BitSet removed, double factor) {
        float[] values = new float[stake.features().size()];
        Arrays.fill(values, Float.NaN);
        removed.stream()
                .forEach(i -> values[i] =
                        (float) (stake.ablated()[i] + factor * (stake.activation()[i] - stake.ablated()[i])));
        return values;
    }

    /** As {@link #measure(List)}, with attention patterns that respond. */
    Measures measureLive(BitSet circuit) {
        double none = live(but(new BitSet())).margin();
        Outcome without = live(circuit);
        Outcome alone = live(but(circuit));
        double all = whole.margin() - none;
        return new Measures(
                all > LEAST ? (whole.margin() - without.margin()) / all : Double.NaN,
                all > LEAST ? (alone.margin() - none) / all : Double.NaN,
                without.probability(),
                alone.probability());
    }

    private Outcome live(BitSet removed) {
        List<Edit> edits = removed.stream()
                .mapToObj(i -> Edit.of(stake.features().get(i), new Change.Set(stake.ablated()[i])))
                .toList();
        count++;
        try (Run run = baseline.apply(new Intervention(edits, Freeze.NOTHING))) {
            return Outcome.of(run.logits(-1), answer);
        }
    }
}
