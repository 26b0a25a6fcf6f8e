package dev.headwater.explorer;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.headwater.engine.Progress;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.graph.FeatureRef;
import java.util.List;

/** What the explorer asks of a live model about circuits of a graph; see {@link Engine} for threads and errors. */
public interface CircuitEngine {
    /** Looks for the few features that carry the graph's answer. */
    Timed<Explanation> explain(Subject subject, Explanation.Options options, Progress progress);

    /** Judges features that somebody has chosen as {@link #explain} judges those that it finds. */
    Timed<Judgement> judge(Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress);

    /** What else to know before features that somebody has chosen are believed to be a circuit. */
    Timed<Card> card(Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress);

    /**
     * What of the graph holds a token down.
     *
     * @param token its text, or {@code #ID}
     * @param size  features at most
     */
    Timed<WhyNot> whyNot(Subject subject, String token, int size, Progress progress);

    /**
     * A graph that is asked about.
     *
     * @param name     what messages call it
     * @param document with its links; its {@code metadata.scan} says which model made it
     */
    record Subject(String name, GraphDocument document) {}

    /**
     * What was found, in JSON with the time beside its own members.
     *
     * @param seconds that it took once the model was there
     */
    record Timed<T>(@JsonUnwrapped T found, double seconds) {}
}
