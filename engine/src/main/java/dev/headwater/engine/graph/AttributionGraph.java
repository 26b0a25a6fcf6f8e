package dev.headwater.engine.graph;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The direct effects between everything that takes part in a model's prediction on one prompt. Immutable;
 * {@link #close} frees the edges.
 *
 * <p>L layers, P positions, N active features of which M are selected as nodes, K logit targets. The n = M + L*P + P +
 * K nodes are numbered: features by (layer, position, feature), errors layer-major, tokens, logits. Only feature and
 * logit rows of the edge matrix are not zero.
 */
public final class AttributionGraph implements AutoCloseable {
    private final Prompt prompt;
    private final int layers;
    private final int vocabularySize;
    private final ActiveFeatures active;
    private final int[] selected;
    private final List<LogitTarget> targets;
    private final EdgeRows edges;
    private final float[] distances;
    private final Provenance provenance;
    private int @Nullable [] topologicalOrder;

    /**
     * @param vocabularySize number of tokens the model knows
     * @param active         all features that fire
     * @param selected       indices into {@code active} of the features that are nodes, ascending [M]
     * @param edges          direct effects in node order [n, n]; closed with the graph
     * @throws IllegalArgumentException if the parts do not fit each other
     */
    public AttributionGraph(
            Prompt prompt,
            int layers,
            int vocabularySize,
            ActiveFeatures active,
            int[] selected,
            List<LogitTarget> targets,
            EdgeRows edges,
            Provenance provenance) {
        this(prompt, layers, vocabularySize, active, selected, targets, edges, active.activation(), provenance);
    }

    /**
     * As above, of features whose effects do not count from 0.
     *
     * @param distances how far each active feature's activation lies from what its effects count from [N]
     */
    public AttributionGraph(
            Prompt prompt,
            int layers,
            int vocabularySize,
            ActiveFeatures active,
            int[] selected,
            List<LogitTarget> targets,
            EdgeRows edges,
            float[] distances,
            Provenance provenance) {
        this.prompt = prompt;
        this.layers = layers;
        this.vocabularySize = vocabularySize;
        this.active = active;
        this.selected = selected.clone();
        this.targets = List.copyOf(targets);
        this.edges = edges;
        this.distances = distances;
        if (distances.length != active.count()) {
            throw new IllegalArgumentException(
                    "%d distances for %d active features".formatted(distances.length, active.count()));
        }
        this.provenance = Objects.requireNonNull(provenance);
        for (int i = 0; i < selected.length; i++) {
            if (selected[i] < 0 || selected[i] >= active.count()) {
                throw new IllegalArgumentException(
                        "selected feature %d is number %d of %d active ones".formatted(i, selected[i], active.count()));
            }
            if (i > 0 && selected[i] <= selected[i - 1]) {
                throw new IllegalArgumentException(
                        "selected features %d and %d are not in ascending order".formatted(i - 1, i));
            }
        }
        for (int a = 0; a < active.count(); a++) {
            if (active.layer()[a] >= layers || active.position()[a] >= prompt.length()) {
                throw new IllegalArgumentException(
                        "feature %d at layer %d, position %d lies outside %d layers and %d positions"
                                .formatted(
                                        active.feature()[a],
                                        active.layer()[a],
                                        active.position()[a],
                                        layers,
                                        prompt.length()));
            }
        }
        for (LogitTarget target : this.targets) {
            if (target.position() < 0 || target.position() >= prompt.length()) {
                throw new IllegalArgumentException("the output \"%s\" is at position %d of %d"
                        .formatted(target.text(), target.position(), prompt.length()));
            }
        }
        long nodes = nodeCount(selected.length, layers, prompt.length(), this.targets.size());
        if (edges.rows() != nodes || edges.columns() != nodes) {
            throw new IllegalArgumentException(
                    "an edge matrix of %d x %d does not fit %d nodes".formatted(edges.rows(), edges.columns(), nodes));
        }
    }

    /** How far each active feature's activation lies from what its effects count from [N]. */
    public float[] distances() {
        return distances.clone();
    }

    /** How far a feature node's activation lies from what its effects count from: the activation itself where that is 0. */
    public float distance(int node) {
        return distances[selected[node]];
    }

    /** Number of nodes of a graph of these sizes: features + layers * positions + positions + logits. */
    public static long nodeCount(int features, int layers, int positions, int logits) {
        return (long) features + ((long) layers + 1) * positions + logits;
    }

    /** {@return the prompt that was traced} */
    public Prompt prompt() {
        return prompt;
    }

    /** {@return layers of the model} */
    public int layers() {
        return layers;
    }

    /** {@return tokens of the prompt} */
    public int positions() {
        return prompt.length();
    }

    /** {@return tokens that the model may answer with; targets beyond them are directions of the user's} */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** All features that fire on the prompt. */
    public ActiveFeatures active() {
        return active;
    }

    /** Which of {@link #active} are nodes: node i is active feature {@code selected()[i]} [M]. A copy. */
    public int[] selected() {
        return selected.clone();
    }

    /** {@return what the graph explains, in the order of its last nodes} */
    public List<LogitTarget> targets() {
        return targets;
    }

    /** Direct effects, rows are targets, columns sources [n, n]. */
    public EdgeRows edges() {
        return edges;
    }

    /** {@return what it was made from and how} */
    public Provenance provenance() {
        return provenance;
    }

    /** Number of nodes n. */
    public int size() {
        return firstLogit() + targets.size();
    }

    /** Number of feature nodes M; features are nodes 0 to M-1. */
    public int featureCount() {
        return selected.length;
    }

    /** {@return index of the first error node: features come before it} */
    public int firstError() {
        return selected.length;
    }

    /** {@return index of the first token node: errors, (layer, position) row-major, come before it} */
    public int firstToken() {
        return selected.length + layers * positions();
    }

    /** {@return index of the first target: tokens come before it} */
    public int firstLogit() {
        return firstToken() + positions();
    }

    /** {@return index of the error node of an MLP} */
    public int errorNode(int layer, int position) {
        return firstError()
                + Objects.checkIndex(layer, layers) * positions()
                + Objects.checkIndex(position, positions());
    }

    /** {@return index of a token's node} */
    public int tokenNode(int position) {
        return firstToken() + Objects.checkIndex(position, positions());
    }

    /** {@return index of a target's node} */
    public int logitNode(int target) {
        return firstLogit() + Objects.checkIndex(target, targets.size());
    }

    /** The node of a feature at a position, or -1 if it is not one. */
    public int featureNode(int layer, int position, int feature) {
        int low = 0;
        int high = selected.length - 1;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            int a = selected[mid];
            int order = Integer.compare(active.layer()[a], layer);
            if (order == 0) order = Integer.compare(active.position()[a], position);
            if (order == 0) order = Integer.compare(active.feature()[a], feature);
            if (order == 0) return mid;
            if (order < 0) low = mid + 1;
            else high = mid - 1;
        }
        return -1;
    }

    /** What node i is. */
    public Node node(int i) {
        Objects.checkIndex(i, size());
        if (i < firstError()) {
            int a = selected[i];
            return new Node.Feature(active.ref(a), active.activation()[a]);
        }
        if (i < firstToken()) return new Node.Error((i - firstError()) / positions(), (i - firstError()) % positions());
        if (i < firstLogit()) {
            int p = i - firstToken();
            return new Node.Token(p, prompt.tokens()[p], prompt.texts().get(p));
        }
        return new Node.Logit(targets.get(i - firstLogit()));
    }

    /** Positions that have outputs, ascending. */
    public int[] outputPositions() {
        return targets.stream()
                .mapToInt(LogitTarget::position)
                .distinct()
                .sorted()
                .toArray();
    }

    /**
     * The targets' probabilities at their nodes, 0 elsewhere [n]: w(p, t) = P(t | the text up to position p). Influence, pruning
     * and scores depend on them only among each other, w(p, t) / Σ w, so that of a text with outputs at many positions a
     * token counts for as much as the model held it probable where it stands.
     */
    public double[] targetWeights() {
        double[] weights = new double[size()];
        for (int k = 0; k < targets.size(); k++)
            weights[firstLogit() + k] = targets.get(k).probability();
        return weights;
    }

    /** Node numbers, every target before its sources. Computed once. */
    synchronized int[] topologicalOrder() {
        if (topologicalOrder == null) topologicalOrder = TopologicalOrder.of(edges);
        return topologicalOrder;
    }

    @Override
    public void close() {
        edges.close();
    }

    @Override
    public String toString() {
        return "attribution graph of %s: %d features, %d errors, %d tokens, %d logits"
                .formatted(
                        Arrays.toString(prompt.tokens()),
                        featureCount(),
                        firstToken() - firstError(),
                        positions(),
                        targets.size());
    }
}
