package dev.headwater.engine.explanation;

import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.PlainGraph.Item;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Scores;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** A graph's edges as far as a circuit asks for them: who matters for the answer, and who has the same neighbours. */
final class Wiring {
    private final PlainGraph graph;
    private final int answer;
    private final double[] influence;
    private final List<Integer> features = new ArrayList<>();
    /** Sum of the sizes of a node's inputs [n]. */
    private final double[] inputs;

    /** @param answer node of the answer; -1 if the graph does not have it, and influence is then that on all its outputs */
    Wiring(PlainGraph graph, int answer) {
        this.graph = graph;
        this.answer = answer;
        double[] weights = graph.weights().clone();
        if (answer >= 0) {
            weights = new double[graph.size()];
            weights[answer] = 1;
        }
        influence = Influence.of(graph.edges(), weights).node();
        inputs = new double[graph.size()];
        graph.edges().forEachEdge((target, source, weight) -> inputs[target] += Math.abs(weight));
        IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.FEATURE
                        && graph.nodes().get(i).number() <= Integer.MAX_VALUE)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -influence[i]).thenComparing(i -> i))
                .forEach(features::add);
    }

    /** Feature nodes, the most influential first. */
    List<Integer> features() {
        return features;
    }

    /** Share of the answer's inputs, of all paths, that passes a node. */
    double influence(int node) {
        return influence[node];
    }

    FeatureRef feature(int node) {
        Item item = graph.nodes().get(node);
        return new FeatureRef(item.layer(), item.position(), (int) item.number());
    }

    /** Sum of the direct effects of some nodes on others. */
    double effect(Set<Integer> sources, Set<Integer> targets) {
        double[] sum = {0};
        for (int target : targets) {
            graph.edges().forEachRun(target, (first, length, offset) -> {
                for (int i = 0; i < length; i++) {
                    if (sources.contains(first + i)) {
                        sum[0] += graph.edges().value(offset + i);
                    }
                }
            });
        }
        return sum[0];
    }

    /** Token nodes that some nodes draw on, with the sum of the effects. */
    Map<Integer, Double> tokens(Set<Integer> targets) {
        Map<Integer, Double> effects = new HashMap<>();
        for (int target : targets) {
            graph.edges().forEachRun(target, (first, length, offset) -> {
                for (int i = 0; i < length; i++) {
                    if (graph.nodes().get(first + i).kind() == Kind.TOKEN) {
                        effects.merge(first + i, (double) graph.edges().value(offset + i), Double::sum);
                    }
                }
            });
        }
        return effects;
    }

    /**
     * How alike two nodes' neighbours are: cosines of the shares that inputs and outputs have of what they go to, -1 to 1.
     *
     * @return by pairs of the nodes' places in the list
     */
    double[][] alike(List<Integer> nodes) {
        Map<Integer, Integer> place = new HashMap<>();
        List<Map<Integer, Double>> ins = new ArrayList<>();
        List<Map<Integer, Double>> outs = new ArrayList<>();
        for (int node : nodes) {
            place.put(node, place.size());
            ins.add(new HashMap<>());
            outs.add(new HashMap<>());
        }
        graph.edges().forEachEdge((target, source, weight) -> {
            Integer to = place.get(target);
            Integer from = place.get(source);
            if (inputs[target] > 0 && to != null) {
                ins.get(to).merge(source, weight / inputs[target], Double::sum);
            }
            if (inputs[target] > 0 && from != null) {
                outs.get(from).merge(target, weight / inputs[target], Double::sum);
            }
        });
        double[][] alike = new double[nodes.size()][nodes.size()];
        for (int i = 0; i < alike.length; i++) {
            for (int j = 0; j < alike.length; j++) {
                alike[i][j] = 0.5 * (cosine(ins.get(i), ins.get(j)) + cosine(outs.get(i), outs.get(j)));
            }
        }
        return alike;
    }

    private static double cosine(Map<Integer, Double> a, Map<Integer, Double> b) {
        double sum = 0;
        for (Map.Entry<Integer, Double> entry : a.entrySet()) {
            sum += entry.getValue() * b.getOrDefault(entry.getKey(), 0.0);
        }
        double lengths = length(a) * length(b);
        return lengths > 0 ? sum / lengths : 0;
    }

    private static double length(Map<Integer, Double> vector) {
        return Math.sqrt(
                vector.values().stream().mapToDouble(value -> value * value).sum());
    }

    /**
     * Scores of the graph in which only some features count as explained, and every other as error, where paths end: what the explorer
     * shows beside a circuit.
     *
     * @param explained feature nodes
     */
    Scores scores(BitSet explained) {
        double[] through = new double[graph.size()];
        if (answer >= 0) {
            through[answer] = 1;
        } else {
            System.arraycopy(graph.weights(), 0, through, 0, through.length);
        }
        int[] order = graph.sourcesFirst();
        double tokens = 0;
        double errors = 0;
        double complete = 0;
        double all = 0;
        for (int k = order.length - 1; k >= 0; k--) {
            int node = order[k];
            double passing = through[node];
            all += passing;
            tokens += graph.nodes().get(node).kind() == Kind.TOKEN ? passing : 0;
            if (unexplained(node, explained)) {
                errors += passing;
                complete += passing;
                continue;
            }
            double[] error = {0};
            if (passing > 0 && inputs[node] > 0) {
                graph.edges().forEachRun(node, (first, length, offset) -> {
                    for (int i = 0; i < length; i++) {
                        double part = Math.abs(graph.edges().value(offset + i)) / inputs[node];
                        through[first + i] += passing * part;
                        error[0] += unexplained(first + i, explained) ? part : 0;
                    }
                });
            }
            complete += passing * (1 - error[0]);
        }
        return new Scores(tokens + errors > 0 ? tokens / (tokens + errors) : 0, all > 0 ? complete / all : 0);
    }

    private boolean unexplained(int node, BitSet explained) {
        Kind kind = graph.nodes().get(node).kind();
        return kind == Kind.ERROR || kind == Kind.FEATURE && !explained.get(node);
    }
}
