package dev.headwater.engine.evaluation;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Verification;
import dev.headwater.engine.intervention.Verification.Agreement;
import java.util.List;

/**
 * A set on one prompt, by its attribution graph.
 *
 * @param features     active ones
 * @param replacement  {@link Scores#replacement}
 * @param completeness {@link Scores#completeness}
 * @param direct       how the graph's edges agree with interventions, everything frozen: {@link Verification}
 * @param total        how all of its paths agree with interventions that the rest of the model responds to
 */
public record PromptScores(
        String prompt, int features, double replacement, double completeness, Agreement direct, Agreement total) {
    /**
     * How much is done for a prompt.
     *
     * @param maxFeatures  nodes of the graph, 0 for all active features
     * @param interventions on the most influential features, one at a time
     */
    public record Options(int maxFeatures, int interventions) {
        public static final Options DEFAULT = new Options(7500, 10);
    }

    /**
     * Traces the prompt and intervenes on its graph's features, setting them to 0.
     *
     * @throws java.util.concurrent.CancellationException if the listener asks to stop
     */
    public static PromptScores of(ReplacementModel model, Prompt prompt, Options options, Progress progress) {
        try (var _ = model.use();
                AttributionGraph graph = Attribution.of(
                        model, prompt, AttributionOptions.DEFAULT.withMaxFeatures(options.maxFeatures), progress)) {
            Scores scores = Scores.of(graph);
            Verification verified = Verification.of(
                    model,
                    PlainGraph.of(prompt.text(), graph),
                    new Verification.Options(options.interventions, 0, List.of(), 1, 0),
                    progress);
            return new PromptScores(
                    prompt.text(),
                    graph.active().count(),
                    scores.replacement(),
                    scores.completeness(),
                    verified.direct(),
                    verified.total());
        }
    }
}
