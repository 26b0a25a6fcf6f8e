package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.AtomicJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LinkText;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes pruned graphs for front ends: {@code <slug>.json} in the field's common format (schema version 1, as the
 * public Python library and Neuronpedia read it). {@link GraphDocument} reads it.
 */
public final class GraphJson {
    static final String FEATURE = "cross layer transcoder";
    static final String ERROR = "mlp reconstruction error";
    static final String TOKEN = "embedding";
    static final String LOGIT = "logit";

    /** Links that are turned into text at once. */
    private static final int BLOCK = 1 << 16;

    private final AttributionGraph graph;
    private final Pruning pruning;
    private final Options options;
    private final Optional<EarlierGraph> earlier;

    private GraphJson(AttributionGraph graph, Pruning pruning, Options options, Optional<EarlierGraph> earlier) {
        this.graph = graph;
        this.pruning = pruning;
        this.options = options;
        this.earlier = earlier;
    }

    /** Names features. */
    @FunctionalInterface
    public interface Labels {
        /** Nothing has a name. */
        Labels NONE = (layer, feature) -> "";

        /** Says which features will be asked for, so that labels that are fetched come together. */
        default void willNeed(Collection<FeatureRef> features) {}

        /** A short name of a feature, "" if it has none. */
        String of(int layer, int feature);

        /**
         * The same of a feature that fired as strongly as this: one that has activations of both signs writes the opposite where
         * they are negative.
         */
        default String of(int layer, int feature, float activation) {
            return of(layer, feature);
        }
    }

    /**
     * What a file says besides the graph.
     *
     * @param slug           name of the graph and its file: letters, digits, dot, dash, underscore
     * @param numbered       if another graph has the name, whether to take {@code slug-2} and so on; otherwise that is
     *      an error
     * @param labels         names of the features
     * @param featureDetails where front ends find details of features, empty if nowhere: {@code feature_json_base_url}
     *      or
     *                       {@code neuronpedia_source_set}
     * @param attention      what is known of heads, null if nothing
     */
    public record Options(
            String slug,
            boolean numbered,
            Labels labels,
            Map<String, String> featureDetails,
            @Nullable AttentionBlock attention) {
        public Options(String slug, boolean numbered, Labels labels, Map<String, String> featureDetails) {
            this(slug, numbered, labels, featureDetails, null);
        }

        /** With a name that is this graph's or nobody's. */
        public Options(String slug, Labels labels, Map<String, String> featureDetails) {
            this(slug, false, labels, featureDetails);
        }

        /** {@return options for a graph of that name, without labels and evidence} */
        public static Options of(String slug) {
            return new Options(slug, Labels.NONE, Map.of());
        }

        /** {@return these options with head loadings and QK results} */
        public Options withAttention(AttentionBlock value) {
            return new Options(slug, numbered, labels, featureDetails, value);
        }
    }

    /**
     * Writes the graph's file and enters it into the directory's {@link GraphIndex}. Each file appears whole or not at
     * all.
     *
     * <p>A file of the same prompt and transcoders is written anew, and what people added to it is kept: annotations of
     * the nodes that are still there, names of features where there is no newer one. A file of anything else is never
     * replaced.
     *
     * @param pruning   of this graph
     * @param directory made if missing
     * @return the graph's file
     * @throws dev.headwater.engine.UsageException if the slug cannot name a file
     * @throws HeadwaterException if the name is another graph's and no number may be added to it
     */
    public static Path write(AttributionGraph graph, Pruning pruning, Options options, Path directory) {
        GraphName.file(directory, options.slug);
        announce(graph, pruning, options);
        AtomicFile.createDirectories(directory, "graphs");
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            String slug = options.slug;
            for (int n = 2; ; n++) {
                Path file = GraphName.file(directory, slug);
                Optional<EarlierGraph> earlier = EarlierGraph.read(file);
                if (!EarlierGraph.exists(file)
                        || earlier.isPresent()
                                && earlier.get()
                                        .isOf(
                                                graph.provenance().model(),
                                                graph.provenance().scan(),
                                                graph.prompt())) {
                    var writer = new GraphJson(
                            graph,
                            pruning,
                            new Options(slug, false, options.labels, options.featureDetails, options.attention),
                            earlier);
                    GraphIndex.put(directory, writer.save(file));
                    return file;
                }
                if (!options.numbered) {
                    throw taken(file, earlier);
                }
                slug = GraphName.numbered(options.slug, n);
            }
        }
    }

    /**
     * Says early what {@link #write} would say late: that a name is another graph's.
     *
     * @param model reference of the model
     * @param scan  name of the transcoders
     * @throws HeadwaterException if so
     */
    public static void checkFree(Path directory, String slug, String model, String scan, Prompt prompt) {
        Path file = GraphName.file(directory, slug);
        Optional<EarlierGraph> earlier = EarlierGraph.read(file);
        if (EarlierGraph.exists(file) && !(earlier.isPresent() && earlier.get().isOf(model, scan, prompt))) {
            throw taken(file, earlier);
        }
    }

    private static HeadwaterException taken(Path file, Optional<EarlierGraph> earlier) {
        String whose = earlier.map(other -> "holds the graph of another prompt or model (\"%s\", %s)"
                        .formatted(ErrorText.of(other.prompt()), ErrorText.of(other.scan())))
                .orElse("is there, and no graph of this prompt");
        return new HeadwaterException(
                "%s %s: give the new graph a name of its own (--slug; in a batch, slug), or move the file away."
                        .formatted(file, whose));
    }

    /**
     * Writes the graph's file alone, under any name, over whatever has it.
     *
     * @return what an index says of it
     */
    public static ObjectNode writeFile(AttributionGraph graph, Pruning pruning, Options options, Path file) {
        announce(graph, pruning, options);
        return new GraphJson(graph, pruning, options, Optional.empty()).save(file);
    }

    /** Before anything is locked: labels may have to be fetched. */
    private static void announce(AttributionGraph graph, Pruning pruning, Options options) {
        options.labels.willNeed(Arrays.stream(pruning.nodes())
                .mapToObj(graph::node)
                .filter(Node.Feature.class::isInstance)
                .map(node -> (Node.Feature) node)
                .map(node -> new FeatureRef(node.layer(), node.position(), node.feature()))
                .toList());
    }

    private ObjectNode save(Path file) {
        if (pruning.nodes().length > GraphLimits.NODES || pruning.edgeCount() > GraphLimits.LINKS) {
            throw new HeadwaterException(
                    "The pruned graph has %d nodes and %d links, and a graph's file at most %d and %d: prune it with lower thresholds."
                            .formatted(
                                    pruning.nodes().length, pruning.edgeCount(), GraphLimits.NODES, GraphLimits.LINKS));
        }
        ObjectNode metadata = metadata();
        MappedFile.requireWhole();
        AtomicJson.write(file, (json, channel) -> write(json, channel, metadata));
        return metadata;
    }

    /** The name of a node in graph files, such as {@code 3_1207_5}: layer 3, feature 1207, position 5. */
    public static String id(AttributionGraph graph, int node) {
        return NodeId.of(graph.node(node), graph.layers());
    }

    /** One number for a layer and a feature. */
    public static long cantor(long layer, long feature) {
        return (layer + feature) * (layer + feature + 1) / 2 + feature;
    }

    private ObjectNode metadata() {
        Provenance from = graph.provenance();
        ObjectNode metadata = BoundedJson.mapper().createObjectNode();
        metadata.put("slug", options.slug);
        metadata.put("scan", from.scan());
        ArrayNode list = metadata.putArray("transcoder_list");
        if (from.transcoders().size() > 1) from.transcoders().forEach(list::add);
        graph.prompt().texts().forEach(metadata.putArray("prompt_tokens")::add);
        metadata.put("prompt", graph.prompt().text());
        metadata.put("node_threshold", pruning.nodeThreshold());
        metadata.put("schema_version", 1);
        metadata.set("info", info(from));
        if (!options.featureDetails.isEmpty()) metadata.putPOJO("feature_details", options.featureDetails);
        Map<String, Object> settings = new LinkedHashMap<>(from.settings());
        if (options.attention != null && !options.attention.scores().isEmpty()) {
            settings.put("enable_qk_tracing", true);
            settings.put("qk_top_fraction", options.attention.topFraction());
            settings.put("qk_topk", options.attention.topK());
        }
        metadata.putPOJO("generation_settings", settings);
        metadata.putObject("pruning_settings")
                .put("node_threshold", pruning.nodeThreshold())
                .put("edge_threshold", pruning.edgeThreshold());
        return metadata;
    }

    private static ObjectNode info(Provenance from) {
        ObjectNode info = BoundedJson.mapper().createObjectNode();
        ObjectNode generator = info.putObject("generator").put("name", "Headwater");
        if (from.versions().containsKey("headwater"))
            generator.put("version", from.versions().get("headwater"));
        List<String> urls = from.transcoders().stream()
                .filter(t -> t.startsWith("https://"))
                .toList();
        if (!urls.isEmpty()) urls.forEach(info.putArray("source_urls")::add);
        if (!from.transcoders().isEmpty()) info.put("transcoder_set", String.join(", ", from.transcoders()));
        info.put("model", from.model()).put("device", from.device()).put("dtype", from.dtype());
        info.putPOJO("versions", from.versions());
        if (from.createdMillis() != 0) info.put("create_time_ms", from.createdMillis());
        return info;
    }

    private void write(JsonGenerator json, WritableByteChannel channel, ObjectNode metadata) throws IOException {
        json.writeStartObject();
        json.writeFieldName("metadata");
        json.writeTree(metadata);
        json.writeFieldName("qParams");
        var ids = new String[graph.size()];
        Arrays.fill(ids, "");
        for (int i : pruning.nodes()) ids[i] = id(graph, i);
        if (earlier.isPresent()) {
            Set<String> known =
                    Set.of(Arrays.stream(ids).filter(id -> !id.isEmpty()).toArray(String[]::new));
            json.writeTree(KeptAnnotations.of(earlier.get().qParams(), known::contains));
        } else {
            json.writeRawValue(
                    "{\"pinnedIds\":[],\"supernodes\":[],\"linkType\":\"both\",\"clickedId\":\"\",\"sg_pos\":\"\"}");
        }
        double[] shares = pruning.influence().cumulativeShares();
        json.writeArrayFieldStart("nodes");
        for (int i : pruning.nodes()) {
            float distance = i < graph.firstError() ? graph.distance(i) : 0;
            writeNode(json, graph.node(i), ids[i], shares[i], distance, i == graph.firstLogit());
        }
        json.writeEndArray();
        json.writeFieldName("links");
        json.writeRawValue("[");
        json.flush();
        writeLinks(channel, ids);
        json.writeRaw(']');
        if (options.attention != null) {
            writeAttention(
                    json,
                    options.attention,
                    Set.of(Arrays.stream(ids).filter(id -> !id.isEmpty()).toArray(String[]::new)));
        }
        json.writeEndObject();
    }

    private void writeAttention(JsonGenerator json, AttentionBlock attention, Set<String> known) throws IOException {
        json.writePOJOField(AttentionBlock.FIELD, attention.among(known::contains));
        json.writeObjectFieldStart(AttentionBlock.ONLY_FIELD);
        for (String id : attention.traced()) {
            if (!known.contains(id)) {
                json.writeFieldName(id);
                writeNode(json, NodeId.parse(id, graph.layers()), id, Double.NaN, 0, false);
            }
        }
        json.writeEndObject();
    }

    private void writeLinks(WritableByteChannel channel, String[] ids) throws IOException {
        var text = new LinkText(ids);
        for (int first = 0; first < pruning.edgeCount(); first += BLOCK) {
            ByteBuffer links = pruning.links(text, first, BLOCK);
            if (first == 0) links.get(); // no comma before the first
            while (links.hasRemaining()) channel.write(links);
        }
    }

    /** @param share NaN if it is not known, nor the activation; {@code distance} is a feature's */
    private void writeNode(JsonGenerator json, Node node, String id, double share, float distance, boolean first)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("node_id", id);
        switch (node) {
            case Node.Feature f ->
                writeKind(json, cantor(f.layer(), f.feature()), Integer.toString(f.layer()), FEATURE);
            case Node.Error e -> writeKind(json, -1, Integer.toString(e.layer()), ERROR);
            case Node.Token t -> writeKind(json, t.position(), "E", TOKEN);
            case Node.Logit l -> writeKind(json, l.target().token(), Integer.toString(graph.layers() + 1), LOGIT);
        }
        json.writeNumberField("ctx_idx", node.position());
        json.writeFieldName("token_prob");
        json.writeNumber(node instanceof Node.Logit l ? l.target().probability() : 0f);
        json.writeBooleanField("is_target_logit", first);
        json.writeNumberField("run_idx", 0);
        json.writeNumberField("reverse_ctx_idx", 0);
        json.writeStringField(
                "jsNodeId",
                switch (node) {
                    case Node.Feature f -> f.layer() + "_" + f.feature() + "-0";
                    case Node.Error e -> e.layer() + "_-1-" + e.position();
                    case Node.Token t -> "E_" + t.token() + "-" + t.position();
                    case Node.Logit l -> "L_" + l.target().token() + "-" + l.position();
                });
        json.writeStringField(
                "clerp",
                switch (node) {
                    case Node.Feature f -> label(f, distance, id);
                    // A direction or a feature is no next token, and its weight no probability.
                    case Node.Logit l
                    when l.target().token() >= graph.vocabularySize() ->
                        "Target " + l.target().text();
                    case Node.Logit l ->
                        "Output \"%s\" (p=%s)"
                                .formatted(
                                        l.target().text(),
                                        String.format(
                                                Locale.ROOT, "%.3f", l.target().probability()));
                    case Node.Error _, Node.Token _ -> "";
                });
        if (node instanceof Node.Logit || Double.isNaN(share)) json.writeNullField("influence");
        else json.writeNumberField("influence", share);
        if (node instanceof Node.Feature f && !Double.isNaN(share)) json.writeNumberField("activation", f.activation());
        else json.writeNullField("activation");
        if (options.attention != null) {
            Optional<ObjectNode> tracing = options.attention.tracingOf(id);
            if (tracing.isPresent()) {
                json.writeFieldName(AttentionBlock.NODE_FIELD);
                json.writeTree(tracing.get());
            }
        }
        json.writeEndObject();
    }

    private String label(Node.Feature feature, float distance, String id) {
        String label = options.labels.of(feature.layer(), feature.feature(), distance);
        return label.isEmpty() && earlier.isPresent() ? earlier.get().labels().getOrDefault(id, "") : label;
    }

    private static void writeKind(JsonGenerator json, long feature, String layer, String type) throws IOException {
        json.writeNumberField("feature", feature);
        json.writeStringField("layer", layer);
        json.writeStringField("feature_type", type);
    }
}
