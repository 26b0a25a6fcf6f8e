package dev.headwater.engine.explanation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Looks for the circuit of up to so many features that is most necessary and most sufficient ({@link Measures#score}), by experiment:
 * grown from nothing, shrunk from the most influential features, and the better of these, or of the most influential ones as they
 * are, changed feature by feature while that helps. Ties go to the more influential; nothing is left to chance.
 */
final class CircuitSearch {
    /** Features that are tried at a time where one is to be added. */
    private static final int WIDTH = 12;

    /** Features to shrink from, for each that is to stay; of those, the share that goes in a round. */
    private static final int SPARE = 4;

    private static final double ROUND = 0.15;

    /** Members that are tried to be exchanged at a time. */
    private static final int WEAKEST = 3;

    /** A feature stays only if it adds more, and is exchanged only if that does. */
    private static final double WORTH = 0.004;

    private final Ablations ablations;
    private final int[] candidates;
    private final int size;
    private final int budget;
    /** What a feature added when it was last tried; sorts those to try next. */
    private final double[] promise;

    /**
     * @param candidates features by their numbers at stake, the most influential first
     * @param budget     runs after which the best so far is taken
     */
    CircuitSearch(Ablations ablations, int[] candidates, int size, int budget) {
        this.ablations = ablations;
        this.candidates = candidates;
        this.size = Math.min(size, candidates.length);
        this.budget = budget;
        promise = new double[candidates.length];
    }

    /** The circuit, as numbers of features at stake. */
    BitSet run() {
        BitSet best = top(size);
        for (BitSet other : List.of(grown(), shrunk(top(Math.min(candidates.length, SPARE * size)), size))) {
            best = score(other) > score(best) ? other : best;
        }
        return spared(exchanged(best));
    }

    private boolean exhausted() {
        return ablations.count() >= budget;
    }

    /** The most influential ones. */
    private BitSet top(int count) {
        BitSet set = new BitSet();
        Arrays.stream(candidates).limit(count).forEach(set::set);
        return set;
    }

    private double score(BitSet circuit) {
        return ablations.measure(List.of(circuit)).getFirst().score();
    }

    private double[] scores(List<BitSet> circuits) {
        return ablations.measure(circuits).stream().mapToDouble(Measures::score).toArray();
    }

    private static BitSet with(BitSet circuit, int feature) {
        BitSet more = (BitSet) circuit.clone();
        more.set(feature);
        return more;
    }

    private static BitSet without(BitSet circuit, int feature) {
        BitSet less = (BitSet) circuit.clone();
        less.clear(feature);
        return less;
    }

    /** Candidates outside a circuit, the most promising first; their places in the list of candidates. */
    private int[] promising(BitSet circuit) {
        return IntStream.range(0, candidates.length)
                .filter(i -> !circuit.get(candidates[i]))
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -promise[i]).thenComparing(i -> i))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Adds what helps most, as long as something helps. */
    private BitSet grown() {
        BitSet circuit = new BitSet();
        double score = 0;
        Arrays.fill(promise, Double.MAX_VALUE);
        while (circuit.cardinality() < size && !exhausted()) {
            int[] order = promising(circuit);
            int best = -1;
            // What a feature adds mostly falls as others come: those that promised less than the best found need no
            // try.
            for (int first = 0;
                    first < order.length && (best < 0 || promise[order[first]] > promise[best]);
                    first += WIDTH) {
                BitSet base = circuit;
                int[] some = Arrays.copyOfRange(order, first, Math.min(first + WIDTH, order.length));
                double[] found = scores(Arrays.stream(some)
                        .mapToObj(i -> with(base, candidates[i]))
                        .toList());
                for (int i = 0; i < some.length; i++) {
                    promise[some[i]] = found[i] - score;
                    best = best < 0 || promise[some[i]] > promise[best] ? some[i] : best;
                }
                if (exhausted()) {
                    break;
                }
            }
            if (best < 0 || promise[best] <= 0) {
                return circuit;
            }
            circuit = with(circuit, candidates[best]);
            score += promise[best];
        }
        return circuit;
    }

    /** Takes away what is missed least, several at a time while there are many. */
    private BitSet shrunk(BitSet start, int wanted) {
        BitSet circuit = start;
        while (circuit.cardinality() > wanted && !exhausted()) {
            List<Integer> members = missedLeast(circuit);
            int most = members.size() - wanted;
            BitSet less = (BitSet) circuit.clone();
            members.stream()
                    .limit(Math.clamp((int) (ROUND * members.size()), 1, most))
                    .forEach(less::clear);
            circuit = less;
        }
        return circuit.cardinality() > wanted ? top(wanted) : circuit;
    }

    /** Members, that whose absence costs least first. */
    private List<Integer> missedLeast(BitSet circuit) {
        int[] members = circuit.stream().toArray();
        double[] left =
                scores(Arrays.stream(members).mapToObj(i -> without(circuit, i)).toList());
        return IntStream.range(0, members.length)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -left[i]).thenComparing(i -> i))
                .map(i -> members[i])
                .toList();
    }

    /** Exchanges the weakest members for others, as long as that helps. */
    private BitSet exchanged(BitSet start) {
        BitSet circuit = start;
        for (boolean better = true; better && !exhausted(); ) {
            better = false;
            List<Integer> weakest = missedLeast(circuit);
            int[] order = promising(circuit);
            boolean full = circuit.cardinality() >= size;
            for (int first = 0; first < order.length && !better && !exhausted(); first += WIDTH) {
                List<BitSet> tried = new ArrayList<>();
                for (int i : Arrays.copyOfRange(order, first, Math.min(first + WIDTH, order.length))) {
                    if (!full) {
                        tried.add(with(circuit, candidates[i]));
                    }
                    for (int gone : weakest.subList(0, Math.min(WEAKEST, weakest.size()))) {
                        tried.add(with(without(circuit, gone), candidates[i]));
                    }
                }
                double now = score(circuit);
                double[] found = scores(tried);
                int best = 0;
                for (int i = 1; i < found.length; i++) {
                    best = found[i] > found[best] ? i : best;
                }
                if (found[best] > now + WORTH) {
                    circuit = tried.get(best);
                    better = true;
                }
            }
        }
        return circuit;
    }

    /** Leaves out what is hardly missed. */
    private BitSet spared(BitSet start) {
        BitSet circuit = start;
        while (circuit.cardinality() > 1) {
            BitSet less = without(circuit, missedLeast(circuit).getFirst());
            if (score(less) < score(circuit) - WORTH) {
                return circuit;
            }
            circuit = less;
        }
        return circuit;
    }
}
