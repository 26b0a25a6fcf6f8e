package dev.headwater.cli.command;

import dev.headwater.cli.option.TargetOptions;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.explorer.CircuitEngine.Subject;
import dev.headwater.explorer.CircuitEngine.Timed;
import java.util.List;
import java.util.function.Function;

/** What the explorer asks about circuits of one graph. */
final class LiveCircuits {
    private final ReplacementModel live;
    private final Subject subject;
    private final Progress progress;

    LiveCircuits(ReplacementModel live, Subject subject, Progress progress) {
        this.live = live;
        this.subject = subject;
        this.progress = progress;
    }

    Timed<Explanation> explained(Explanation.Options options) {
        return timed(graph -> Explanation.of(live, graph, names(), options, progress));
    }

    Timed<Judgement> judged(List<FeatureRef> circuit, Explanation.Options options) {
        return timed(graph -> Judgement.of(live, graph, circuit, options, progress));
    }

    Timed<Card> card(List<FeatureRef> circuit, Explanation.Options options) {
        return timed(graph -> {
            Judgement judged = Judgement.of(live, graph, circuit, options, progress);
            return Card.of(live, graph, circuit, judged, progress);
        });
    }

    Timed<WhyNot> heldDown(String token, int size) {
        int id = TargetOptions.token(live, token);
        return timed(graph -> WhyNot.of(live, graph, names(), id, size, progress));
    }

    private <T> Timed<T> timed(Function<PlainGraph, T> question) {
        long start = System.nanoTime();
        try (PlainGraph graph = PlainGraph.of("The graph " + subject.name(), subject.document())) {
            T found = question.apply(graph);
            return new Timed<>(found, (System.nanoTime() - start) / 1e9);
        }
    }

    /** For features that the file does not name; what neurons are called only a whole graph could tell. */
    private Explanation.Names names() {
        GraphJson.Labels labels =
                live.basis().dense() ? GraphJson.Labels.NONE : SetEvidence.labels(live.transcoderReference());
        return (feature, activation) -> labels.of(feature.layer(), feature.feature(), activation);
    }
}
