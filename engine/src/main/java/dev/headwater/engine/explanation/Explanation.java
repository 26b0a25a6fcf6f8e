package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Scores;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * A graph explained: a small circuit that carries the answer, in named boxes, and what the model does without it and with nothing else.
 *
 * @param features      that are at stake: all that fire on the prompt; of neurons those of the graph
 * @param boxes         of the circuit, from the first tokens and layers on
 * @param flows         direct effects in the graph between tokens, boxes and the answer, of each box its strongest
 * @param circuit       how it is judged
 * @param strongest     as many of the graph's features, those of most influence on the answer
 * @param random        as many of the graph's features, drawn at random
 * @param scores        of the graph in which only the circuit is explained
 * @param interventions runs of the model that the search and the numbers took
 * @param tokens        texts of the prompt's tokens
 */
public record Explanation(
        String prompt,
        Answer answer,
        int features,
        List<Box> boxes,
        List<Flow> flows,
        Judged circuit,
        Measures strongest,
        Draws random,
        Scores scores,
        int interventions,
        List<String> tokens) {
    public Explanation {
        boxes = List.copyOf(boxes);
        flows = List.copyOf(flows);
        tokens = List.copyOf(tokens);
    }

    /**
     * The same with other names for its boxes.
     *
     * @param names one for each box, in their order, all different
     */
    public Explanation named(List<String> names) {
        if (names.size() != boxes.size() || Set.copyOf(names).size() != names.size()) {
            throw new IllegalArgumentException("%d boxes and the names %s".formatted(boxes.size(), names));
        }
        Map<String, String> renamed = new HashMap<>();
        List<Box> called = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            Box box = boxes.get(i);
            renamed.put(box.name, names.get(i));
            called.add(
                    new Box(names.get(i), box.position, box.token, box.members, box.probabilityWithout, box.necessity));
        }
        return new Explanation(
                prompt,
                answer,
                features,
                called,
                flows.stream()
                        .map(flow -> new Flow(
                                renamed.getOrDefault(flow.from, flow.from),
                                renamed.getOrDefault(flow.to, flow.to),
                                flow.effect))
                        .toList(),
                circuit,
                strongest,
                random,
                scores,
                interventions,
                tokens);
    }

    /**
     * How it is looked for.
     *
     * @param answer token that is to be explained; empty for the graph's most probable one
     * @param size   features that the circuit has at most
     * @param budget runs of the model after which the best so far is taken
     * @param draws  random circuits that it is compared with
     * @param seed   of those
     */
    public record Options(OptionalInt answer, int size, int budget, int draws, long seed) {
        public static final Options DEFAULT = new Options(OptionalInt.empty(), 15, 2000, 20, 0);

        private static final int LARGEST = 200;

        public Options {
            if (size < 1 || size > LARGEST)
                throw new UsageException("a circuit has from 1 to " + LARGEST + " features, not " + size);
            if (budget < 1) throw new UsageException("the number of interventions must be positive, not " + budget);
            if (draws < 1 || draws > 1000)
                throw new UsageException("the number of random draws must be from 1 to 1000, not " + draws);
        }

        /** {@return these options with circuits of another size} */
        public Options withSize(int value) {
            return new Options(answer, value, budget, draws, seed);
        }
    }

    /**
     * A feature of the circuit.
     *
     * @param node      its number in the graph
     * @param influence share of the answer's inputs, over all paths of the graph, that passes it
     * @param missed    how much necessity and sufficiency together fall when the circuit has to do without it
     */
    public record Member(int node, FeatureRef feature, String label, double influence, double missed) {}

    /**
     * Features that play one part.
     *
     * @param token              text of the token that they stand at
     * @param probabilityWithout of the answer when the box alone is taken away
     * @param necessity          of the box alone, see {@link Measures}
     */
    public record Box(
            String name,
            int position,
            String token,
            List<Member> members,
            double probabilityWithout,
            double necessity) {
        public Box {
            members = List.copyOf(members);
        }
    }

    /**
     * A direct effect.
     *
     * @param from   a box's name, or a token as {@code "text"}
     * @param to     a box's name, or {@link #ANSWER}
     * @param effect sum of the edges, signed
     */
    public record Flow(String from, String to, double effect) {
        /** The answer, as the end of a flow. */
        public static final String ANSWER = "answer";
    }

    /**
     * A circuit's numbers.
     *
     * @param taken   features taken away whole
     * @param partly  a quarter of how far they lie from their ablation value is left
     * @param turned  they lie a quarter as far on the other side of it
     * @param live    taken away whole, with attention patterns that respond
     */
    public record Judged(Measures taken, Measures partly, Measures turned, Measures live) {}

    /** Random circuits: the mean, the lowest and the highest. */
    public record Draws(Range necessity, Range sufficiency) {}

    /** Over several draws. */
    public record Range(double mean, double lowest, double highest) {}

    /** What a graph's features are called where its file does not say. */
    @FunctionalInterface
    public interface Names {
        /**
         * A label, "" if there is none.
         *
         * @param activation with which it fires
         */
        String of(FeatureRef feature, float activation);
    }

    /**
     * Explains a graph.
     *
     * @param graph whole or pruned, of this model
     * @throws HeadwaterException if the graph is not of this model, or has no features that the answer rests on
     * @throws UsageException if the answer is none of the graph's outputs
     * @throws CancellationException if the progress listener asks to stop
     */
    public static Explanation of(
            ReplacementModel model, PlainGraph graph, Names names, Options options, Progress progress) {
        try (var _ = model.use();
                Experiment experiment = new Experiment(model, graph, options, progress)) {
            return experiment.explained(names);
        }
    }

    /**
     * How a circuit that somebody has chosen is judged, by the same measure.
     *
     * @param features those that are not at stake, as they do not fire, count for nothing
     */
    public static Judged judge(
            ReplacementModel model, PlainGraph graph, List<FeatureRef> features, Options options, Progress progress) {
        try (var _ = model.use();
                Experiment experiment = new Experiment(model, graph, options, progress)) {
            return experiment.judged(features);
        }
    }
}
