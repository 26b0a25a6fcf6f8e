package dev.headwater.engine.document;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeLayout;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.graph.TopologicalOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What every graph says, whole or pruned, whoever wrote its file: nodes by what they are, and the edges between them.
 *
 * @param name        what messages call it
 * @param model       reference of the model, "" if unknown
 * @param transcoders reference of the transcoders, "" if unknown
 * @param scan        what front ends call the transcoders, "" if unknown
 * @param promptText  the prompt as text
 * @param contrast    token ids of the prompts that the graph counts from the mean of, as {@link Provenance#CONTRAST} has them; "" for
 *                    none
 * @param texts       of the prompt's tokens; none if unknown
 * @param nodes       distinct, in the file's order [n]
 * @param labels      what the file calls each node, "" where it says nothing [n]
 * @param weights     probabilities at the logits, 0 elsewhere [n]
 * @param edges       direct effects, rows are targets [n, n]; closed with this
 */
public record PlainGraph(
        String name,
        String model,
        String transcoders,
        String scan,
        String promptText,
        String contrast,
        List<String> texts,
        List<Item> nodes,
        List<String> labels,
        double[] weights,
        EdgeRows edges)
        implements AutoCloseable {
    /**
     * A node, the same in two graphs if and only if it is equal.
     *
     * @param layer  -1 for tokens and logits
     * @param number feature within its layer; a token's or logit's vocabulary id; -1 for errors
     */
    public record Item(Kind kind, int layer, int position, long number) {
        /** {@code layer/position/feature}, or in words. */
        @Override
        public String toString() {
            return switch (kind) {
                case FEATURE -> layer + "/" + position + "/" + number;
                case ERROR -> "error " + layer + "/" + position;
                case TOKEN -> "token " + number + " at " + position;
                case LOGIT -> "logit " + number;
                case OTHER -> "node " + layer + "/" + position + "/" + number;
            };
        }
    }

    /**
     * Reads a whole graph ({@code *.safetensors}, {@code *.pt}) or a front end's ({@code *.json}).
     *
     * @throws HeadwaterException if the file is missing or not sound
     */
    public static PlainGraph read(Path file) {
        return WholeGraph.isNamed(file)
                ? of(file.toString(), WholeGraph.read(file))
                : of(file.toString(), GraphDocument.read(file));
    }

    /**
     * For what asks the model about the end of a graph's prompt.
     *
     * @param what the asking command or part, as a sentence's subject
     * @throws HeadwaterException if the graph has outputs anywhere else
     */
    public void requireOutputsAtEnd(String what) {
        int[] positions = nodes.stream()
                .filter(node -> node.kind() == Kind.LOGIT)
                .mapToInt(Item::position)
                .distinct()
                .sorted()
                .toArray();
        if (positions.length > 1 || positions.length == 1 && positions[0] != texts.size() - 1) {
            throw new HeadwaterException(
                    "%s explains outputs at %s; %s takes graphs of the token after the prompt, as 'attribute --series' makes one for each position"
                            .formatted(
                                    name,
                                    positions.length > 1
                                            ? positions.length + " positions of its text"
                                            : "position " + positions[0] + " of " + texts.size(),
                                    what));
        }
    }

    /** Takes the graph over: closing this closes it. */
    public static PlainGraph of(String name, AttributionGraph graph) {
        List<Item> nodes = new ArrayList<>();
        for (int i = 0; i < graph.size(); i++) {
            nodes.add(
                    switch (graph.node(i)) {
                        case Node.Feature f -> new Item(Kind.FEATURE, f.layer(), f.position(), f.feature());
                        case Node.Error e -> new Item(Kind.ERROR, e.layer(), e.position(), -1);
                        case Node.Token t -> new Item(Kind.TOKEN, -1, t.position(), t.token());
                        case Node.Logit l ->
                            new Item(Kind.LOGIT, -1, l.position(), l.target().token());
                    });
        }
        Provenance from = graph.provenance();
        return new PlainGraph(
                name,
                from.model(),
                String.join(",", from.transcoders()),
                from.scan(),
                graph.prompt().text(),
                from.settings().getOrDefault(Provenance.CONTRAST, "").toString(),
                graph.prompt().texts(),
                List.copyOf(nodes),
                IntStream.range(0, graph.size())
                        .mapToObj(i -> graph.node(i) instanceof Node.Logit l
                                ? l.target().text()
                                : "")
                        .toList(),
                graph.targetWeights(),
                graph.edges());
    }

    /** {@return the nodes and edges of a graph file} */
    public static PlainGraph of(String name, GraphDocument document) {
        List<Item> nodes = new ArrayList<>();
        double[] weights = new double[document.nodes().size()];
        for (DocumentNode node : document.nodes()) {
            if (node.kind() == Kind.LOGIT) {
                weights[nodes.size()] = node.probability();
            }
            boolean placed = node.kind() != Kind.TOKEN && node.kind() != Kind.LOGIT;
            nodes.add(new Item(
                    node.kind(),
                    placed ? node.layer() : -1,
                    node.position(),
                    node.kind() == Kind.TOKEN ? node.token() : node.feature()));
        }
        var info = document.metadata().path("info");
        return new PlainGraph(
                name,
                info.path("model").asText(""),
                info.path("transcoder_set").asText(""),
                document.metadata().path("scan").asText(""),
                document.metadata().path("prompt").asText(""),
                document.metadata()
                        .path("generation_settings")
                        .path(Provenance.CONTRAST)
                        .asText(""),
                texts(document),
                List.copyOf(nodes),
                document.nodes().stream().map(DocumentNode::label).toList(),
                weights,
                edges(document));
    }

    private static List<String> texts(GraphDocument document) {
        List<String> texts = new ArrayList<>();
        document.metadata().path("prompt_tokens").forEach(token -> texts.add(token.asText()));
        return List.copyOf(texts);
    }

    /** Links of the same two ends add up. */
    private static EdgeRows edges(GraphDocument document) {
        List<GraphDocument.Link> links = document.links();
        int nodes = document.nodes().size();
        // Sorted by target, then source: one number each, and the link's own in an array beside it.
        long[] keys = new long[links.size()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = (long) links.get(i).target() * nodes + links.get(i).source();
        }
        int[] order = sorted(keys);
        var layout = new EdgeLayout(nodes);
        float[] values = new float[keys.length];
        int count = 0;
        int row = 0;
        for (int i = 0; i < order.length; ) {
            long key = keys[order[i]];
            float sum = (float) links.get(order[i]).weight();
            for (i++; i < order.length && keys[order[i]] == key; i++) {
                sum += (float) links.get(order[i]).weight();
            }
            for (; row < key / nodes; row++) {
                layout.endRow();
            }
            layout.run((int) (key % nodes), 1);
            values[count++] = sum;
        }
        for (; row < nodes; row++) {
            layout.endRow();
        }
        return layout.fill(Arrays.copyOf(values, count));
    }

    /** The order of the keys, equal ones as they stand: a merge sort of indices, without a box for each. */
    private static int[] sorted(long[] keys) {
        int[] order = new int[keys.length];
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        int[] other = new int[keys.length];
        for (int width = 1; width < order.length; width *= 2) {
            for (int start = 0; start < order.length; start += 2 * width) {
                int middle = Math.min(start + width, order.length);
                int end = Math.min(start + 2 * width, order.length);
                for (int left = start, right = middle, to = start; to < end; to++) {
                    boolean first = right == end || left < middle && keys[order[left]] <= keys[order[right]];
                    other[to] = first ? order[left++] : order[right++];
                }
            }
            int[] swap = order;
            order = other;
            other = swap;
        }
        return order;
    }

    /** {@return nodes} */
    public int size() {
        return nodes.size();
    }

    /** Influence of every node on the logits [n]. */
    public double[] influence() {
        return Influence.of(edges, weights).node();
    }

    /**
     * Each node's share of the influence of all nodes [n]; 0 everywhere where nothing influences the logits.
     *
     * @throws HeadwaterException with the graph's name if the edges form a cycle, or weights are too large to be summed
     */
    public double[] influenceShares() {
        double[] shares;
        try {
            shares = influence();
        } catch (HeadwaterException e) {
            throw new HeadwaterException(name + ": " + e.getMessage(), e);
        }
        double all = Arrays.stream(shares).sum();
        if (!Double.isFinite(all)) {
            throw new HeadwaterException(name + " has weights or probabilities that are too large to be summed.");
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] = all > 0 ? shares[i] / all : 0;
        }
        return shares;
    }

    /** What {@link Scores} says of a whole graph, of the nodes and edges that are here. */
    public Scores scores() {
        Influence influence = Influence.of(edges, weights);
        double[] errors = new double[size()];
        edges.forEachEdge((target, source, weight) -> {
            if (nodes.get(source).kind() == Kind.ERROR) {
                errors[target] += Math.abs(weight) * influence.scale()[target];
            }
        });
        double fromTokens = 0;
        double fromErrors = 0;
        double all = 0;
        double explained = 0;
        for (int i = 0; i < errors.length; i++) {
            double here = influence.node()[i];
            fromTokens += nodes.get(i).kind() == Kind.TOKEN ? here : 0;
            fromErrors += nodes.get(i).kind() == Kind.ERROR ? here : 0;
            all += here + weights[i];
            explained += (1 - errors[i]) * (here + weights[i]);
        }
        return new Scores(
                fromTokens + fromErrors > 0 ? fromTokens / (fromTokens + fromErrors) : 0,
                all > 0 ? explained / all : 0);
    }

    /** Node numbers, every source before its targets. */
    public int[] sourcesFirst() {
        int[] order = TopologicalOrder.of(edges);
        for (int i = 0, j = order.length - 1; i < j; i++, j--) {
            int swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        return order;
    }

    /** The prompt's token ids in order, or null if the graph does not name them all. */
    public int @Nullable [] tokens() {
        List<Item> tokens = nodes.stream()
                .filter(node -> node.kind() == Kind.TOKEN)
                .sorted(Comparator.comparingInt(Item::position))
                .toList();
        int[] ids = new int[tokens.size()];
        for (int i = 0; i < ids.length; i++) {
            if (tokens.get(i).position() != i || tokens.get(i).number() < 0) {
                return null;
            }
            ids[i] = (int) tokens.get(i).number();
        }
        return ids.length == 0 ? null : ids;
    }

    @Override
    public void close() {
        edges.close();
    }
}
