package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation.Draws;
import dev.headwater.engine.explanation.Explanation.Judged;
import dev.headwater.engine.explanation.Explanation.Options;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Scores;
import java.util.List;
import java.util.concurrent.CancellationException;

/**
 * A circuit that somebody has chosen, judged as those are that {@link Explanation} finds, beside the same others.
 *
 * @param features      that are at stake: all that fire on the prompt; of neurons those of the graph
 * @param size          features of the circuit that are; others count for nothing
 * @param circuit       how it is judged
 * @param strongest     as many of the graph's features, those of most influence on the answer
 * @param random        as many of the graph's features, drawn at random
 * @param scores        of the graph in which only the circuit is explained
 * @param interventions runs of the model that the numbers took
 */
public record Judgement(
        Answer answer,
        int features,
        int size,
        Judged circuit,
        Measures strongest,
        Draws random,
        Scores scores,
        int interventions) {
    /**
     * Judges.
     *
     * @param circuit of features of this model; options other than the answer, the draws and their seed count for nothing
     * @throws UsageException if none of the features fires, or the answer is none of the graph's outputs
     * @throws HeadwaterException if the graph is not of this model, or the answer rests on none of its features
     * @throws CancellationException if the progress listener asks to stop
     */
    public static Judgement of(
            ReplacementModel model, PlainGraph graph, List<FeatureRef> circuit, Options options, Progress progress) {
        try (var _ = model.use();
                Experiment experiment = new Experiment(model, graph, options, progress)) {
            return experiment.judgement(circuit);
        }
    }
}
