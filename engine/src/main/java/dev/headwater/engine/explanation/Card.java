package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Supernode;
import dev.headwater.engine.intervention.Verification;
import dev.headwater.engine.intervention.Verification.Agreement;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How far to believe a graph and the circuit that was found in it, beside what the {@link Explanation} itself says: a page of numbers.
 *
 * @param graph   scores of the graph with all its features explained
 * @param circuit scores of the graph with the circuit's alone
 * @param direct  what the graph's edges foretell when a feature of the circuit is taken away, all else frozen, beside what happens
 * @param total   what all its paths foretell, with attention patterns held and all else live
 * @param layers  how far each layer's MLP is what its features say; none for a model's own neurons, which are the MLPs
 * @param whole   the same with all layers replaced at once, null for neurons
 */
public record Card(
        Scores graph,
        Scores circuit,
        Agreement direct,
        Agreement total,
        List<Layer> layers,
        @Nullable Replaced whole) {
    public Card {
        layers = List.copyOf(layers);
    }

    /**
     * One layer.
     *
     * @param unexplained share of the variance of the MLP's output over the prompt's tokens that features leave out: the squared
     *     errors by the squared distances from the mean over the tokens; 0 for a perfect transcoder
     * @param replaced    what the model does with this layer's features in the place of its MLP, without their error
     */
    public record Layer(int layer, double unexplained, Replaced replaced) {}

    /**
     * The model with features in the place of MLPs, attention patterns held.
     *
     * @param probability of the answer
     * @param margin      of the answer, see {@link Answer}
     * @param divergence  of its next token's distribution from the model's, in nats: the Kullback-Leibler divergence KL(model ‖
     *     replaced)
     */
    public record Replaced(double probability, double margin, double divergence) {}

    /**
     * Measures: two runs of the model for each feature of the circuit, one for each layer.
     *
     * @param graph that was explained
     * @throws HeadwaterException if the explanation is not of this graph
     * @throws CancellationException if the progress listener asks to stop
     */
    public static Card of(ReplacementModel model, PlainGraph graph, Explanation found, Progress progress) {
        List<FeatureRef> circuit = found.boxes().stream()
                .flatMap(box -> box.members().stream())
                .map(Member::feature)
                .toList();
        return of(model, graph, circuit, found.answer(), found.scores(), progress);
    }

    /**
     * Of a circuit that somebody has chosen.
     *
     * @param circuit that was judged, features of this graph
     * @throws HeadwaterException if a feature is none of the graph's
     * @throws CancellationException if the progress listener asks to stop
     */
    public static Card of(
            ReplacementModel model, PlainGraph graph, List<FeatureRef> circuit, Judgement judged, Progress progress) {
        return of(model, graph, circuit, judged.answer(), judged.scores(), progress);
    }

    private static Card of(
            ReplacementModel model,
            PlainGraph graph,
            List<FeatureRef> circuit,
            Answer followed,
            Scores ofCircuit,
            Progress progress) {
        List<Supernode> features = circuit.stream()
                .map(feature -> new Supernode(feature.toString(), List.of(feature)))
                .toList();
        Verification check = Verification.of(model, graph, new Verification.Options(0, 0, features, 1, 0), progress);
        int answer = IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.LOGIT
                        && graph.nodes().get(i).number() == followed.token())
                .findFirst()
                .orElse(-1);
        BitSet all = new BitSet();
        IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.FEATURE)
                .forEach(all::set);
        Scores scores = new Wiring(graph, answer).scores(all);
        if (model.basis().dense()) {
            return new Card(scores, ofCircuit, check.direct(), check.total(), List.of(), null);
        }
        int[] tokens = graph.tokens();
        try (var _ = model.use();
                var layers = new ReplacedLayers(
                        model,
                        tokens != null
                                ? tokens
                                : model.prompt(graph.promptText()).tokens(),
                        followed.token())) {
            progress.phase("layers replaced", model.layers());
            return new Card(
                    scores,
                    ofCircuit,
                    check.direct(),
                    check.total(),
                    IntStream.range(0, model.layers())
                            .mapToObj(layer -> {
                                if (progress.cancelled()) {
                                    throw new CancellationException();
                                }
                                progress.advance(layer);
                                return layers.one(layer);
                            })
                            .toList(),
                    layers.all());
        }
    }
}
