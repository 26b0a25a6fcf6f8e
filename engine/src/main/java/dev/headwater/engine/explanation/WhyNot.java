package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Answer.Outcome;
import dev.headwater.engine.explanation.Explanation.Names;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Baseline;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Why a model does not answer with some token: the features of a graph without which it comes up most, found one after the other by taking
 * them away.
 *
 * @param token              its text
 * @param margin             of the token as things are ({@link Answer#margin}), below 0 if it is not the answer
 * @param features           that hold it down, in the order in which they were found
 * @param probabilityWithout of the token when these are taken away together
 * @param marginWithout      likewise
 * @param then               the strongest token but this one when they are
 * @param interventions      runs of the model
 */
public record WhyNot(
        String token,
        double probability,
        double margin,
        List<Held> features,
        double probabilityWithout,
        double marginWithout,
        String then,
        int interventions) {
    /** Features of the graph that are tried. */
    private static final int CANDIDATES = 256;

    /** What is tried again after something was found: a feature that did little alone may do more now. */
    private static final int WIDTH = 24;

    /** Logits that a feature has to be worth. */
    private static final double WORTH = 0.02;

    public WhyNot {
        features = List.copyOf(features);
    }

    /**
     * A feature that holds the token down.
     *
     * @param alone how far the margin rises when it alone is taken away
     * @param own   how much of that is the token's own logit, less the mean of all; the rest is what its rivals lose
     */
    public record Held(FeatureRef feature, String label, double alone, double own) {}

    /**
     * Asks.
     *
     * @param token vocabulary id of the answer that was expected
     * @param size  features at most
     * @throws UsageException if there is no such token
     * @throws HeadwaterException if the graph is not of this model
     */
    public static WhyNot of(
            ReplacementModel model, PlainGraph graph, Names names, int token, int size, Progress progress) {
        if (token < 0 || token >= model.vocabularySize()) {
            throw new UsageException(
                    "there is no token " + token + "; the model's are 0 to " + (model.vocabularySize() - 1));
        }
        int[] tokens = graph.tokens();
        try (var _ = model.use();
                Baseline baseline =
                        Baseline.of(model, tokens != null ? model.prompt(tokens) : model.prompt(graph.promptText()))) {
            Wiring wiring = new Wiring(graph, -1);
            Stake stake = Stake.of(baseline, graph, wiring, progress);
            Ablations ablations = new Ablations(baseline, stake, token, progress);
            List<Integer> nodes = wiring.features().stream()
                    .filter(node -> stake.place().containsKey(wiring.feature(node)))
                    .limit(CANDIDATES)
                    .toList();
            int[] candidates = nodes.stream()
                    .mapToInt(node -> stake.place().get(wiring.feature(node)))
                    .toArray();
            progress.phase("interventions", -1);
            List<Outcome> alone = ablations.without(
                    IntStream.of(candidates).mapToObj(WhyNot::only).toList());
            Outcome now = ablations.whole();
            double[] gain = alone.stream()
                    .mapToDouble(outcome -> outcome.margin() - now.margin())
                    .toArray();
            List<Held> held = new ArrayList<>();
            BitSet gone = new BitSet();
            Outcome best = now;
            while (held.size() < size) {
                int[] order = IntStream.range(0, candidates.length)
                        .filter(i -> !gone.get(candidates[i]))
                        .boxed()
                        .sorted(Comparator.<Integer>comparingDouble(i -> -gain[i])
                                .thenComparing(i -> i))
                        .limit(WIDTH)
                        .mapToInt(Integer::intValue)
                        .toArray();
                List<Outcome> more = ablations.without(Arrays.stream(order)
                        .mapToObj(i -> {
                            BitSet set = only(candidates[i]);
                            set.or(gone);
                            return set;
                        })
                        .toList());
                int found = -1;
                for (int i = 0; i < order.length; i++) {
                    gain[order[i]] = more.get(i).margin() - best.margin();
                    found = found < 0 || gain[order[i]] > gain[order[found]] ? i : found;
                }
                if (found < 0 || gain[order[found]] < WORTH) {
                    break;
                }
                best = more.get(found);
                int chosen = order[found];
                gone.set(candidates[chosen]);
                FeatureRef feature = stake.features().get(candidates[chosen]);
                String label = graph.labels().get(nodes.get(chosen));
                held.add(new Held(
                        feature,
                        label.isEmpty() ? names.of(feature, stake.activation()[candidates[chosen]]) : label,
                        alone.get(chosen).margin() - now.margin(),
                        alone.get(chosen).logit() - now.logit()));
            }
            return new WhyNot(
                    model.tokenizer().token(token),
                    now.probability(),
                    now.margin(),
                    held,
                    best.probability(),
                    best.margin(),
                    model.tokenizer().token(best.rival()),
                    ablations.count());
        }
    }

    private static BitSet only(int feature) {
        BitSet set = new BitSet();
        set.set(feature);
        return set;
    }
}
