package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.PlainGraph.Item;
import dev.headwater.engine.explanation.Answer.Outcome;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Draws;
import dev.headwater.engine.explanation.Explanation.Judged;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.explanation.Explanation.Names;
import dev.headwater.engine.explanation.Explanation.Options;
import dev.headwater.engine.explanation.Explanation.Range;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** One graph beside its model's run: the search, and what comes of it in words and numbers. */
final class Experiment implements AutoCloseable {
    /** Features of the graph that are tried. */
    private static final int CANDIDATES = 96;

    /** What is left of a feature's distance from its ablation value in the runs that show the spread. */
    private static final double PARTLY = 0.25;

    private static final double TURNED = -0.25;

    /** That the spread takes: without the circuit, without all others and without both, in three ways; and without both once more. */
    private static final int SPREAD_RUNS = 10;

    private final PlainGraph graph;
    private final Options options;
    private final Progress progress;
    private final Baseline baseline;
    private final Answer answer;
    private final int answerNode;
    private final Wiring wiring;
    private final Stake stake;
    private final Ablations ablations;

    Experiment(ReplacementModel model, PlainGraph graph, Options options, Progress progress) {
        graph.requireOutputsAtEnd("explain");
        this.graph = graph;
        this.options = options;
        this.progress = progress;
        int[] tokens = graph.tokens();
        Prompt prompt = tokens != null ? model.prompt(tokens) : model.prompt(graph.promptText());
        baseline = Baseline.of(model, prompt);
        try {
            requireInModel();
            float[] logits = baseline.run().logits(-1);
            int token = token(logits);
            Outcome now = Outcome.of(logits, token);
            answer = new Answer(
                    token,
                    model.tokenizer().token(token),
                    now.probability(),
                    model.tokenizer().token(Answer.rival(logits, token)),
                    now.margin());
            answerNode = logitNode(token);
            wiring = new Wiring(graph, answerNode);
            stake = Stake.of(baseline, graph, wiring, progress);
            ablations = new Ablations(baseline, stake, token, progress);
        } catch (RuntimeException | Error e) {
            baseline.close();
            throw e;
        }
    }

    private void requireInModel() {
        FeatureBasis basis = baseline.model().basis();
        int positions = baseline.run().positions();
        boolean features = false;
        for (Item node : graph.nodes()) {
            boolean feature = node.kind() == Kind.FEATURE;
            features |= feature;
            if (node.position() >= positions
                    || feature
                            && (node.layer() >= basis.layers()
                                    || node.number() < 0
                                    || node.number() >= basis.features())) {
                throw new HeadwaterException(
                        "%s is no graph of this model and prompt: it has %s, but there are %d layers, %d positions and %d features a layer"
                                .formatted(graph.name(), node, basis.layers(), positions, basis.features()));
            }
        }
        if (!features) {
            throw new HeadwaterException(
                    graph.name()
                            + " has no features that could explain anything; trace the prompt again with a higher --node-threshold");
        }
    }

    private int token(float[] logits) {
        if (options.answer().isPresent()) {
            int token = options.answer().getAsInt();
            if (token < 0 || token >= logits.length) {
                throw new UsageException(
                        "there is no token " + token + "; the model's are 0 to " + (logits.length - 1));
            }
            if (logitNode(token) < 0) {
                throw new UsageException("%s does not explain \"%s\"; trace the prompt again with --target-token"
                        .formatted(graph.name(), baseline.model().tokenizer().token(token)));
            }
            return token;
        }
        return IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.LOGIT
                        && graph.nodes().get(i).number() >= 0
                        && graph.nodes().get(i).number() < logits.length)
                .boxed()
                .max(Comparator.comparingDouble(i -> graph.weights()[i]))
                .map(i -> (int) graph.nodes().get(i).number())
                .orElseGet(() -> Answer.strongest(logits));
    }

    private int logitNode(int token) {
        return IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.LOGIT
                        && graph.nodes().get(i).number() == token)
                .findFirst()
                .orElse(-1);
    }

    Judged judged(List<FeatureRef> features) {
        return judged(atStake(features));
    }

    private BitSet atStake(List<FeatureRef> features) {
        BitSet circuit = new BitSet();
        features.stream()
                .filter(stake.place()::containsKey)
                .map(stake.place()::get)
                .forEach(circuit::set);
        return circuit;
    }

    /** Judged beside the same others as what is found. */
    Judgement judgement(List<FeatureRef> features) {
        BitSet circuit = atStake(features);
        if (circuit.isEmpty()) {
            throw new UsageException("none of these features fires on the prompt, so there is no circuit to judge");
        }
        int runs = 2 * (2 + options.draws()) + SPREAD_RUNS;
        progress.phase("interventions", runs);
        int[] ranked = ranked();
        BitSet nodes = new BitSet();
        wiring.features().stream()
                .filter(node -> {
                    Integer place = stake.place().get(wiring.feature(node));
                    return place != null && circuit.get(place);
                })
                .forEach(nodes::set);
        return new Judgement(
                answer,
                stake.features().size(),
                circuit.cardinality(),
                judged(circuit),
                strongest(ranked, circuit.cardinality()),
                draws(ranked, circuit.cardinality()),
                wiring.scores(nodes),
                ablations.count());
    }

    /** The graph's features by their numbers at stake, the most influential first. */
    private int[] ranked() {
        return wiring.features().stream()
                .map(node -> stake.place().get(wiring.feature(node)))
                .filter(place -> place != null)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private Measures strongest(int[] ranked, int size) {
        BitSet strongest = new BitSet();
        IntStream.of(ranked).limit(size).forEach(strongest::set);
        return ablations.measure(List.of(strongest)).getFirst();
    }

    private Judged judged(BitSet circuit) {
        return new Judged(
                ablations.measure(List.of(circuit)).getFirst(),
                ablations.measure(List.of(circuit), PARTLY).getFirst(),
                ablations.measure(List.of(circuit), TURNED).getFirst(),
                ablations.measureLive(circuit));
    }

    Explanation explained(Names names) {
        progress.phase("interventions", options.budget());
        int[] ranked = ranked();
        int[] candidates =
                IntStream.of(ranked).limit(Math.max(CANDIDATES, options.size())).toArray();
        BitSet circuit = new CircuitSearch(ablations, candidates, options.size(), options.budget()).run();
        List<Member> members = members(circuit, names);
        Diagram diagram = new Diagram(graph, wiring, baseline.prompt().texts());
        List<Box> boxes = boxes(diagram.groups(members));
        BitSet nodes = new BitSet();
        members.forEach(member -> nodes.set(member.node()));
        return new Explanation(
                baseline.prompt().text(),
                answer,
                stake.features().size(),
                boxes,
                diagram.flows(boxes, answerNode),
                judged(circuit),
                strongest(ranked, circuit.cardinality()),
                draws(ranked, circuit.cardinality()),
                wiring.scores(nodes),
                ablations.count(),
                baseline.prompt().texts());
    }

    private List<Member> members(BitSet circuit, Names names) {
        int[] numbers = circuit.stream().toArray();
        List<BitSet> less = new ArrayList<>(List.of(circuit));
        for (int number : numbers) {
            BitSet without = (BitSet) circuit.clone();
            without.clear(number);
            less.add(without);
        }
        List<Measures> measures = ablations.measure(less);
        Measures whole = measures.getFirst();
        Map<FeatureRef, Integer> nodes = new HashMap<>();
        wiring.features().forEach(node -> nodes.put(wiring.feature(node), node));
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < numbers.length; i++) {
            FeatureRef feature = stake.features().get(numbers[i]);
            int node = nodes.getOrDefault(feature, -1);
            String label = graph.labels().get(node);
            Measures rest = measures.get(i + 1);
            members.add(new Member(
                    node,
                    feature,
                    label.isEmpty() ? names.of(feature, stake.activation()[numbers[i]]) : label,
                    wiring.influence(node),
                    whole.necessity() + whole.sufficiency() - rest.necessity() - rest.sufficiency()));
        }
        return members;
    }

    private List<Box> boxes(List<List<Member>> groups) {
        List<BitSet> circuits = new ArrayList<>();
        for (List<Member> group : groups) {
            BitSet box = new BitSet();
            group.forEach(member -> box.set(Objects.requireNonNull(stake.place().get(member.feature()))));
            circuits.add(box);
        }
        List<Measures> measures = ablations.measure(circuits);
        String[] names = new String[groups.size()];
        BoxNames naming = new BoxNames(answer.text(), baseline.prompt().texts());
        // Who matters most has the first choice.
        IntStream.range(0, names.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -influence(groups.get(i))))
                .forEach(i -> names[i] = name(naming, groups.get(i)));
        List<Box> boxes = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            int position = groups.get(i).getFirst().feature().position();
            boxes.add(new Box(
                    names[i],
                    position,
                    baseline.prompt().texts().get(position),
                    groups.get(i),
                    measures.get(i).probabilityWithout(),
                    measures.get(i).necessity()));
        }
        return boxes;
    }

    private static double influence(List<Member> members) {
        return members.stream().mapToDouble(Member::influence).sum();
    }

    private static String name(BoxNames naming, List<Member> members) {
        return naming.of(
                members.getFirst().feature().position(),
                members.stream().map(Member::label).toList(),
                members.stream().map(Member::influence).toList(),
                members.getFirst().feature().toString());
    }

    private Draws draws(int[] ranked, int size) {
        Random random = new Random(options.seed());
        List<Integer> all = new ArrayList<>(IntStream.of(ranked).boxed().toList());
        List<BitSet> circuits = new ArrayList<>();
        for (int i = 0; i < options.draws(); i++) {
            Collections.shuffle(all, random);
            BitSet circuit = new BitSet();
            all.stream().limit(size).forEach(circuit::set);
            circuits.add(circuit);
        }
        List<Measures> measures = ablations.measure(circuits);
        return new Draws(range(measures, Measures::necessity), range(measures, Measures::sufficiency));
    }

    private static Range range(List<Measures> measures, ToDoubleFunction<Measures> number) {
        var statistics = measures.stream().mapToDouble(number).summaryStatistics();
        return new Range(statistics.getAverage(), statistics.getMin(), statistics.getMax());
    }

    @Override
    public void close() {
        baseline.close();
    }
}
