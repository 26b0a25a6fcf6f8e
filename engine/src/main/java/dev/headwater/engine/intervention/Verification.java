package dev.headwater.engine.intervention;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * What a graph predicts of interventions, and what the model does.
 *
 * <p>For each source, a feature or a group, its activations are multiplied by a factor, and the change of the graph's
 * other features (pre-activations) and logits (less their mean) is compared with the graph's prediction, twice:
 * <ul>
 * <li><b>direct</b>: everything frozen, against the sources' columns times (factor - 1). A whole graph of this model
 * agrees up to rounding; anything else means that graph and model do not belong together.
 * <li><b>total</b>: attention patterns frozen and all else live, against the effects along all paths of the graph, a
 * feature passing on what it receives in proportion to its activation, which cannot fall below zero. This is how good
 * the graph is as a hypothesis: it cannot know how errors and the rest of the MLPs respond.
 * </ul>
 * Targets are the nodes that the prediction reaches, sources left out. In a pruned graph only the kept edges predict.
 *
 * @param answer         token whose probability is followed: the graph's most probable logit; of a graph with outputs at several
 *     positions the most probable one of each, whose probabilities' geometric mean is followed
 * @param direct         over all sources together
 * @param total          over all sources together
 */
public record Verification(
        String prompt,
        String answer,
        double answerProbability,
        double factor,
        Agreement direct,
        Agreement total,
        List<Effect> effects,
        List<Curve> curves) {
    /**
     * @param top    how many of the most influential features to intervene on, one at a time
     * @param factor what their activations are multiplied by: 0 takes them away
     * @param groups further sources
     * @param draws  random sets of features to average for each point of the baseline's curve
     * @param seed   of those
     */
    public record Options(int top, double factor, List<Supernode> groups, int draws, long seed) {
        public static final Options DEFAULT = new Options(20, 0, List.of(), 5, 0);

        public Options {
            groups = List.copyOf(groups);
            if (top < 0) throw new UsageException("the number of features to verify must not be negative: " + top);
            if (!Double.isFinite(factor) || factor == 1)
                throw new UsageException("the factor must be a finite number other than 1, not " + factor);
            if (draws < 1 || draws > 1000)
                throw new UsageException("the number of random draws must be from 1 to 1000, not " + draws);
        }
    }

    /**
     * How predictions and facts agree over some targets.
     *
     * @param correlation   Pearson's; NaN for fewer than two targets
     * @param relativeError length of (predicted - actual) divided by the length of actual; NaN if nothing changed
     */
    public record Agreement(int targets, double correlation, double relativeError) {
        static Agreement of(List<Shift> shifts) {
            double a = 0, b = 0, aa = 0, bb = 0, ab = 0, error = 0;
            for (Shift shift : shifts) {
                a += shift.predicted;
                b += shift.actual;
                aa += shift.predicted * shift.predicted;
                bb += shift.actual * shift.actual;
                ab += shift.predicted * shift.actual;
                error += (shift.predicted - shift.actual) * (shift.predicted - shift.actual);
            }
            int n = shifts.size();
            double variances = (aa - a * a / n) * (bb - b * b / n);
            return new Agreement(
                    n,
                    n > 1 && variances > 0 ? (ab - a * b / n) / Math.sqrt(variances) : Double.NaN,
                    Math.sqrt(error / bb));
        }
    }

    /** A target's predicted and actual change. */
    public record Shift(String node, double predicted, double actual) {}

    /**
     * One source's intervention.
     *
     * @param source      the feature as layer/position/feature, or the group's name
     * @param influence   its share of the graph's influence
     * @param total       changes of total effect, features and logits that the graph reaches
     * @param worst       those of {@code total} with the largest difference between prediction and fact
     * @param logits      changes of the graph's logits, of total effect
     * @param probability of the answer afterwards
     */
    public record Effect(
            String source,
            double influence,
            Agreement direct,
            Agreement total,
            List<Shift> changes,
            List<Shift> worst,
            List<Shift> logits,
            double probability) {}

    /**
     * The answer's probability when only some features stay: all other features that fire on the prompt are set to 0,
     * attention frozen, errors and everything else live.
     *
     * @param kept how the features that stay are chosen: {@code top} by influence in the graph, or {@code random}
     */
    public record Curve(String kept, List<Point> points) {}

    /** @param lowest of the draws; for the top features there is one */
    public record Point(int features, double probability, double lowest, double highest) {}

    /**
     * Checks a graph against the model that it was made of.
     *
     * @throws HeadwaterException if the graph's features do not fire in this model
     */
    public static Verification of(ReplacementModel model, PlainGraph graph, Options options, Progress progress) {
        return of(model, graph, options, null, progress);
    }

    /**
     * As above, with interventions that count from the mean over other prompts instead of from 0, as those on a graph that was made
     * against a contrast do in any case: features go to the mean, or have their distance from it multiplied.
     *
     * @param against null for the graph's own contrast, if it has one
     * @throws UsageException if the graph was made against another contrast
     */
    public static Verification of(
            ReplacementModel model, PlainGraph graph, Options options, @Nullable Contrast against, Progress progress) {
        try (var _ = model.use()) {
            Prompt prompt = prompt(model, graph);
            try (Baseline baseline = Baseline.of(model, prompt);
                    MeanActivations means = means(model, graph, prompt, against, progress)) {
                Prediction prediction = new Prediction(graph, baseline, means);
                List<Supernode> sources = new ArrayList<>();
                for (int node : prediction.top(options.top())) {
                    FeatureRef feature = prediction.feature(node);
                    sources.add(new Supernode(feature.toString(), List.of(feature)));
                }
                sources.addAll(options.groups());
                progress.phase("interventions", sources.size());
                List<Effect> effects = new ArrayList<>();
                List<Shift> direct = new ArrayList<>();
                List<Shift> total = new ArrayList<>();
                for (Supernode source : sources) {
                    if (progress.cancelled()) {
                        throw new CancellationException();
                    }
                    effects.add(prediction.check(source, options.factor(), direct, total));
                    progress.advance(effects.size());
                }
                List<Curve> curves = new AblationCurves(baseline, prediction, means, options, progress).all();
                return new Verification(
                        baseline.prompt().text(),
                        prediction.answer().text(model.tokenizer()),
                        prediction.answer().probability(baseline.run()),
                        options.factor(),
                        Agreement.of(direct),
                        Agreement.of(total),
                        effects,
                        curves);
            }
        }
    }

    private static @Nullable MeanActivations means(
            ReplacementModel model, PlainGraph graph, Prompt prompt, @Nullable Contrast against, Progress progress) {
        if (graph.contrast().isEmpty()) {
            return against == null ? null : MeanActivations.of(model, prompt, against, progress);
        }
        if (against != null && !against.ids().equals(graph.contrast())) {
            throw new UsageException(
                    graph.name()
                            + " was made against other prompts than the contrast that is given; leave it out to take the graph's own");
        }
        return MeanActivations.of(model, prompt, Contrast.ofIds(model, graph.contrast()), progress);
    }

    private static Prompt prompt(ReplacementModel model, PlainGraph graph) {
        int[] tokens = graph.tokens();
        return tokens != null ? model.prompt(tokens) : model.prompt(graph.promptText());
    }
}
