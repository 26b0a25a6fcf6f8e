package dev.headwater.engine.intervention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.PlainGraph.Item;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A graph's word on what follows when features change, beside the model's. */
final class Prediction {
    private static final int WORST = 5;

    private final PlainGraph graph;
    private final Baseline baseline;
    private final double[] influence;
    private final double allInfluence;
    private final int[] order;
    /** Clean activations of feature nodes, 0 elsewhere [n]. */
    private final double[] activation;

    /** What interventions multiply: how far these lie from what they count from [n]. */
    private final double[] distance;
    /** What edges were made with: they are in proportion to it [n]. */
    private final double[] reach;

    private final @Nullable MeanActivations means;
    private final Map<FeatureRef, Integer> nodes = new HashMap<>();
    private final Outputs answer;
    private final double[] clean;

    /** @param means what interventions count from, null for 0 */
    Prediction(PlainGraph graph, Baseline baseline, @Nullable MeanActivations means) {
        this.means = means;
        this.graph = graph;
        this.baseline = baseline;
        influence = graph.influence();
        allInfluence = Arrays.stream(influence).sum();
        order = graph.sourcesFirst();
        requireInModel();
        for (int i = 0; i < graph.size(); i++) {
            if (graph.nodes().get(i).kind() == Kind.FEATURE) {
                nodes.put(feature(i), i);
            }
        }
        activation = activations();
        distance = means == null ? activation : distances(activation, means);
        reach = graph.contrast().isEmpty() ? activation : distance;
        answer = Outputs.of(graph, baseline);
        clean = values(baseline.run());
    }

    private void requireInModel() {
        FeatureBasis basis = baseline.model().basis();
        int positions = baseline.run().positions();
        for (Item node : graph.nodes()) {
            boolean fits = node.position() < positions
                    && switch (node.kind()) {
                        case FEATURE ->
                            node.layer() < basis.layers() && node.number() >= 0 && node.number() < basis.features();
                        default -> true;
                    };
            if (!fits) {
                throw new HeadwaterException(
                        "%s is no graph of this model and prompt: it has %s, but there are %d layers, %d positions and %d features a layer"
                                .formatted(graph.name(), node, basis.layers(), positions, basis.features()));
            }
        }
    }

    private double[] activations() {
        double[] found = new double[graph.size()];
        if (baseline.model().basis().dense()) {
            double[] values = values(baseline.run());
            nodes.values().forEach(node -> found[node] = values[node]);
            return found;
        }
        int firing = 0;
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            SparseActivations active = baseline.run().activations(layer);
            for (int i = 0; i < active.count(); i++) {
                Integer node = nodes.get(new FeatureRef(layer, active.position()[i], active.feature()[i]));
                if (node != null) {
                    found[node] = active.value()[i];
                    firing++;
                }
            }
        }
        if (2 * firing < nodes.size()) {
            throw new HeadwaterException(
                    "%s is no graph of this model and these transcoders: only %d of its %d features fire on its prompt; give those that it was made with (--model, --basis)"
                            .formatted(graph.name(), firing, nodes.size()));
        }
        return found;
    }

    private double[] distances(double[] activation, MeanActivations means) {
        double[] distance = activation.clone();
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            int[] members = members(layer);
            float[] mean = means.of(
                    layer,
                    Arrays.stream(members).map(i -> feature(i).position()).toArray(),
                    Arrays.stream(members).map(i -> feature(i).feature()).toArray());
            for (int i = 0; i < members.length; i++) {
                distance[members[i]] -= mean[i];
            }
        }
        return distance;
    }

    /** Feature nodes of a layer, ascending. */
    private int[] members(int layer) {
        return nodes.values().stream()
                .mapToInt(Integer::intValue)
                .filter(i -> graph.nodes().get(i).layer() == layer)
                .sorted()
                .toArray();
    }

    Outputs answer() {
        return answer;
    }

    FeatureRef feature(int node) {
        Item item = graph.nodes().get(node);
        return new FeatureRef(item.layer(), item.position(), (int) item.number());
    }

    /** The most influential features. */
    int[] top(int count) {
        return nodes.values().stream()
                .sorted(Comparator.<Integer>comparingDouble(i -> -influence[i]).thenComparing(i -> i))
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Intervenes on a source; adds its changes to those of all sources. */
    Verification.Effect check(
            Supernode source, double factor, List<Verification.Shift> allDirect, List<Verification.Shift> allTotal) {
        double[] seeds = new double[graph.size()];
        double share = 0;
        for (FeatureRef feature : source.features()) {
            Integer node = nodes.get(feature);
            if (node == null) {
                throw new UsageException(
                        "'%s' has the feature %s, which is not in %s".formatted(source.name(), feature, graph.name()));
            }
            seeds[node] = reach[node] == 0 ? 0 : (factor - 1) * distance[node] / reach[node];
            share += allInfluence > 0 ? influence[node] / allInfluence : 0;
        }
        var scaled = new Intervention(source.edits(new Change.Scale((float) factor)), Freeze.ATTENTION);
        Intervention intervention = means == null ? scaled : MeanEdits.of(scaled, baseline, means);
        List<Verification.Shift> total;
        double probability;
        try (Run run = baseline.apply(intervention)) {
            total = changes(predict(seeds, true), values(run), seeds);
            probability = answer.probability(run);
        }
        List<Verification.Shift> direct;
        try (Run run = baseline.apply(intervention.withFreeze(Freeze.EVERYTHING))) {
            direct = changes(predict(seeds, false), linear(run), seeds);
        }
        allDirect.addAll(direct);
        allTotal.addAll(total);
        return new Verification.Effect(
                source.name(),
                share,
                Verification.Agreement.of(direct),
                Verification.Agreement.of(total),
                total,
                total.stream()
                        .sorted(Comparator.comparingDouble(change -> -Math.abs(change.predicted() - change.actual())))
                        .limit(WORST)
                        .toList(),
                total.stream()
                        .filter(change -> change.node().startsWith("logit "))
                        .toList(),
                probability);
    }

    /**
     * Predicted changes, NaN at nodes that nothing reaches [n].
     *
     * @param seeds relative changes of the sources, 0 elsewhere
     * @param paths whether changed features pass their change on
     */
    private double[] predict(double[] seeds, boolean paths) {
        double[] passed = seeds.clone();
        double[] change = new double[seeds.length];
        EdgeRows edges = graph.edges();
        for (int node : order) {
            double[] sum = {0};
            boolean[] reached = {false};
            edges.forEachRun(node, (first, count, offset) -> {
                for (int i = 0; i < count; i++) {
                    float weight = passed[first + i] == 0 ? 0 : edges.value(offset + i);
                    sum[0] += weight * passed[first + i];
                    reached[0] |= weight != 0;
                }
            });
            change[node] = reached[0] ? sum[0] : Double.NaN;
            if (paths && reached[0] && seeds[node] == 0 && reach[node] != 0) {
                double share = sum[0] / reach[node];
                // Transcoders' features do not fall below zero, neurons do.
                passed[node] = baseline.model().basis().dense() ? share : Math.max(-1, share);
            }
        }
        return change;
    }

    private List<Verification.Shift> changes(double[] predicted, double[] now, double[] seeds) {
        List<Verification.Shift> changes = new ArrayList<>();
        for (int i = 0; i < predicted.length; i++) {
            if (!Double.isNaN(predicted[i]) && seeds[i] == 0 && !Double.isNaN(now[i])) {
                changes.add(new Verification.Shift(name(i), predicted[i], now[i] - clean[i]));
            }
        }
        return changes;
    }

    private String name(int node) {
        Item item = graph.nodes().get(node);
        return item.kind() == Kind.LOGIT
                ? "logit \"" + baseline.model().tokenizer().token((int) item.number()) + "\""
                        + (item.position() == baseline.run().positions() - 1 ? "" : " after " + item.position())
                : item.toString();
    }

    /**
     * As {@link #values}, of the model that edges are about: a neuron's product and gate are not linear, and edges state what
     * comes of it with both held as they were.
     */
    private double[] linear(Run run) {
        double[] values = values(run);
        FeatureBasis basis = baseline.model().basis();
        if (!basis.dense()) {
            return values;
        }
        for (int layer = 0; layer < basis.layers(); layer++) {
            int[] members = members(layer);
            if (members.length == 0) {
                continue;
            }
            int[] position =
                    Arrays.stream(members).map(i -> feature(i).position()).toArray();
            int[] number = Arrays.stream(members).map(i -> feature(i).feature()).toArray();
            Tensor before = baseline.run().input(layer);
            try (var _ = baseline.model().use();
                    var _ = TensorScope.open()) {
                Tensor change = Torch.sub(run.input(layer), before);
                Tensor index = Torch.to(Tensor.ofInts(position, position.length), change.device());
                Tensor products = Torch.mul(
                        basis.encoderRows(layer, number, position, before), TorchShape.indexSelect(change, 0, index));
                float[] sums = TorchReduce.sum(products, 1, false).toFloats();
                for (int i = 0; i < members.length; i++) {
                    values[members[i]] = clean[members[i]] + sums[i];
                }
            }
        }
        return values;
    }

    /** Pre-activations at feature nodes, demeaned logits at logit nodes, NaN elsewhere [n]. */
    private double[] values(Run run) {
        double[] values = new double[graph.size()];
        Arrays.fill(values, Double.NaN);
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            int[] members = members(layer);
            float[] pre = run.preActivations(
                    layer,
                    Arrays.stream(members)
                            .map(i -> graph.nodes().get(i).position())
                            .toArray(),
                    Arrays.stream(members)
                            .map(i -> (int) graph.nodes().get(i).number())
                            .toArray());
            for (int i = 0; i < members.length; i++) {
                values[members[i]] = pre[i];
            }
        }
        Map<Integer, double[]> logits = new HashMap<>();
        for (int i = 0; i < values.length; i++) {
            Item node = graph.nodes().get(i);
            if (node.kind() == Kind.LOGIT
                    && node.number() >= 0
                    && node.number() < baseline.model().vocabularySize()) {
                values[i] = logits.computeIfAbsent(node.position(), run::demeanedLogits)[(int) node.number()];
            }
        }
        return values;
    }
}
