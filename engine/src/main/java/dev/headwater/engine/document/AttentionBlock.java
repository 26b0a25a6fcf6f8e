package dev.headwater.engine.document;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What graph files say of attention, under {@value #FIELD}, which other front ends pass over: heads of edges, heads by influence, and explained
 * scores. Nodes have their names in the file; those of a score's sources may be features that the graph leaves out.
 *
 * @param layers    of the model
 * @param heads     of a layer
 * @param share     of an edge's loadings that its parts reach, where the writer's limit on their number suffices
 * @param influence heads by the share of the influence on the graph's edges that passes them
 */
public record AttentionBlock(
        int version,
        int layers,
        int heads,
        double share,
        List<Ranked> influence,
        List<Edge> edges,
        List<Score> scores) {
    public static final String FIELD = "attention_heads";

    /** Neuronpedia's field of a node, and of the file for nodes that only that field names. */
    static final String NODE_FIELD = "qk_tracing_results";

    static final String ONLY_FIELD = "qk_only_nodes";

    /** A head and the influence that passes it, [layer, head, influence]. */
    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    @JsonPropertyOrder({"layer", "head", "influence"})
    public record Ranked(int layer, int head, double influence) {}

    /** What of an edge passed a head, [layer, head, loading]. */
    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    @JsonPropertyOrder({"layer", "head", "loading"})
    public record Part(int layer, int head, float loading) {}

    /**
     * @param parts the strongest first
     * @param rest  sum of what passed all other heads
     */
    public record Edge(String source, String target, List<Part> parts, double rest) {
        public Edge {
            require(
                    source != null && target != null && parts != null && Double.isFinite(rest),
                    "an edge needs its ends, its parts and a rest");
            parts = List.copyOf(parts);
        }
    }

    /** A term of a score. */
    public record Source(String node, double value) {
        public Source {
            require(node != null && Double.isFinite(value), "a source of a score needs a node and a value");
        }
    }

    /** A summand of an attention score: a source on the query's side and one on the key's, by node id. */
    public record Pair(String query, String key, double value) {
        public Pair {
            require(query != null && key != null && Double.isFinite(value), "a pair needs two nodes and a value");
        }
    }

    /** What has no node. */
    public record Rest(double query, double key) {}

    /**
     * A head's score from a query to a key position, as {@code headwater attention --json} writes it.
     *
     * @param node the node whose edge the score was explained for, null if none: front ends show the score there
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Score(
            String node,
            int layer,
            int head,
            int query,
            int key,
            double score,
            double attention,
            double mean,
            @JsonProperty("query_sources") List<Source> querySources,
            @JsonProperty("key_sources") List<Source> keySources,
            Rest rest,
            List<Pair> pairs) {
        public Score {
            require(
                    querySources != null && keySources != null && pairs != null && rest != null,
                    "a score needs query_sources, key_sources, rest and pairs");
            require(
                    query >= 0 && key >= 0 && key <= query,
                    "a score needs a query and a key that does not come after it");
            require(
                    Double.isFinite(score) && attention >= 0 && attention <= 1.001,
                    "a score needs its value and an attention from 0 to 1");
        }
    }

    /** @throws IllegalArgumentException with a sentence if a part is missing or out of range */
    public AttentionBlock {
        require(version == 1, "its version is " + version + ", and this Headwater reads version 1");
        require(
                layers > 0 && heads > 0 && share > 0 && share <= 1,
                "it needs layers, heads and a share above 0, up to 1");
        influence = influence == null ? List.of() : List.copyOf(influence);
        edges = edges == null ? List.of() : List.copyOf(edges);
        scores = scores == null ? List.of() : List.copyOf(scores);
        for (Ranked ranked : influence) {
            requireHead(ranked.layer, ranked.head, layers, heads);
        }
        for (Edge edge : edges) {
            for (Part part : edge.parts) {
                requireHead(part.layer, part.head, layers, heads);
                require(Float.isFinite(part.loading), "a loading is no finite number");
            }
        }
        for (Score score : scores) {
            requireHead(score.layer, score.head, layers, heads);
        }
    }

    private static void requireHead(int layer, int head, int layers, int heads) {
        require(
                layer >= 0 && layer < layers && head >= 0 && head < heads,
                "there is no head " + layer + "/" + head + " among " + layers + " layers of " + heads);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    private static ObjectReader reader() {
        return BoundedJson.mapper()
                .readerFor(AttentionBlock.class)
                .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    }

    /**
     * The block of a graph file, if it has one.
     *
     * @param file for messages
     * @throws HeadwaterException if it is not sound, or names an edge whose ends are not nodes of the file
     */
    public static Optional<AttentionBlock> of(GraphDocument document, String file) {
        JsonNode json = document.rest().path(FIELD);
        if (json.isMissingNode() || json.isNull()) {
            return Optional.empty();
        }
        try {
            AttentionBlock block = reader().readValue(json);
            Map<String, DocumentNode> nodes = new HashMap<>();
            document.nodes().forEach(node -> nodes.put(node.id(), node));
            for (Edge edge : block.edges) {
                require(
                        nodes.containsKey(edge.source) && nodes.containsKey(edge.target),
                        "an edge from " + edge.source + " to " + edge.target + " is not between nodes of the file");
            }
            return Optional.of(block);
        } catch (java.io.IOException | IllegalArgumentException e) {
            throw unsound(file, e);
        }
    }

    /** From text, as {@link #toBytes} wrote it. */
    static AttentionBlock parse(byte[] json, String file) {
        try {
            return reader().readValue(json);
        } catch (java.io.IOException | IllegalArgumentException e) {
            throw unsound(file, e);
        }
    }

    private static HeadwaterException unsound(String file, Exception e) {
        Throwable cause = e;
        while (!(cause instanceof IllegalArgumentException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        String why = cause instanceof IllegalArgumentException
                ? ": " + cause.getMessage()
                : ": it is not of the form that Headwater writes";
        return new HeadwaterException(file + " says something of attention that is not sound" + why, e);
    }

    byte[] toBytes() {
        try {
            return BoundedJson.mapper().writeValueAsString(this).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The same without edges whose ends are not kept. */
    AttentionBlock among(Predicate<String> kept) {
        return new AttentionBlock(
                version,
                layers,
                heads,
                share,
                influence,
                edges.stream()
                        .filter(edge -> kept.test(edge.source) && kept.test(edge.target))
                        .toList(),
                scores);
    }

    /** How many sources its longest score lists, Neuronpedia's {@code qk_topk}. */
    int topK() {
        return scores.stream()
                .mapToInt(score ->
                        Math.max(score.pairs.size(), Math.max(score.querySources.size(), score.keySources.size())))
                .max()
                .orElse(0);
    }

    /**
     * The share of the heads that influence passes which scores were explained for, Neuronpedia's {@code qk_top_fraction}: there it is of the
     * attention features that the graph has.
     */
    double topFraction() {
        long explained = scores.stream()
                .filter(score -> score.node != null)
                .map(score -> List.of(score.layer, score.head))
                .distinct()
                .count();
        return explained == 0 ? 0 : Math.min(1, (double) explained / Math.max(1, influence.size()));
    }

    /** Neuronpedia's QK results of a node, if a score was explained for it; of several the first. */
    Optional<ObjectNode> tracingOf(String node) {
        return scores.stream()
                .filter(score -> node.equals(score.node))
                .findFirst()
                .map(score -> {
                    ObjectNode results = BoundedJson.mapper().createObjectNode();
                    ArrayNode pairs = results.putArray("pair_wise_contributors");
                    score.pairs.forEach(pair ->
                            pairs.addArray().add(pair.query).add(pair.key).add(pair.value));
                    list(results.putArray("top_q_marginal_contributors"), score.querySources);
                    list(results.putArray("top_k_marginal_contributors"), score.keySources);
                    return results;
                });
    }

    private static void list(ArrayNode into, List<Source> sources) {
        sources.forEach(source -> into.addArray().add(source.node).add(source.value));
    }

    /** Nodes that Neuronpedia's results name. */
    Set<String> traced() {
        Set<String> names = new LinkedHashSet<>();
        for (Score score : scores) {
            if (score.node != null) {
                score.pairs.forEach(pair -> names.addAll(List.of(pair.query, pair.key)));
                score.querySources.forEach(source -> names.add(source.node));
                score.keySources.forEach(source -> names.add(source.node));
            }
        }
        return names;
    }
}
