package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.FeatureComparison;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphLimits;
import dev.headwater.engine.features.FeatureLabels;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Graph files over HTTP: the list, the files, their annotations, uploads, labels and comparisons. */
final class GraphApi {
    private static final int TOP_LOGITS = 5;

    private final GraphStore store;
    private final List<FeatureSource> features;
    private final long maxBytes;

    GraphApi(GraphStore store, List<FeatureSource> features, long maxBytes) {
        this.store = store;
        this.features = features;
        this.maxBytes = maxBytes;
    }

    void routes(RoutesConfig routes) {
        routes.get("/api/graphs", ctx -> Json.reply(ctx, Map.of("graphs", store.list())));
        routes.post("/api/graphs", this::upload);
        routes.get("/api/graphs/{name}", ctx -> send(ctx, ctx.pathParam("name")));
        routes.delete("/api/graphs/{name}", this::delete);
        routes.put("/api/graphs/{name}/annotations", this::annotate);
        routes.get("/api/graphs/{name}/labels", this::labels);
        routes.get("/api/compare", this::compare);
        // The paths of the field's own front end, for its pages and for scripts written for it.
        for (String folder : List.of("/data/", "/graph_data/")) {
            routes.get(folder + "graph-metadata.json", this::index);
            routes.get(folder + "{file}", ctx -> send(ctx, stem(ctx.pathParam("file"))));
        }
        routes.post("/save_graph/{name}", this::saveAsReference);
    }

    private void send(Context ctx, String name) {
        GraphCache.Content content = store.read(name);
        ctx.header("ETag", "\"" + content.version() + "\"")
                .header("Cache-Control", "no-cache")
                .header("Vary", "Accept-Encoding");
        if (("\"" + content.version() + "\"").equals(ctx.header("If-None-Match"))) {
            ctx.status(304);
            return;
        }
        ctx.contentType("application/json");
        if (Page.acceptsGzip(ctx)) {
            ctx.header("Content-Encoding", "gzip").result(content.compressed());
        } else {
            ctx.result(content.plain());
        }
    }

    private void upload(Context ctx) {
        String name = ctx.queryParam("name");
        if (name == null) {
            throw new Refusal(400, "Give the new graph a name: POST /api/graphs?name=my-graph.");
        }
        try (InputStream body = Body.stream(ctx, maxBytes)) {
            store.add(name, body);
        } catch (IOException e) {
            throw Body.broken();
        }
        ctx.status(201).header("Location", "/api/graphs/" + name);
        Json.reply(ctx, Map.of("name", name));
    }

    private void delete(Context ctx) {
        String name = ctx.pathParam("name");
        store.delete(name, expectedVersion(ctx));
        ctx.status(204);
    }

    private void annotate(Context ctx) {
        String version = store.annotate(
                ctx.pathParam("name"),
                expectedVersion(ctx),
                annotations(Body.bytes(ctx, GraphLimits.ANNOTATIONS_BYTES)));
        ctx.header("ETag", "\"" + version + "\"");
        Json.reply(ctx, Map.of("version", version));
    }

    /** As the reference's page saves: no version, the last one wins. */
    private void saveAsReference(Context ctx) {
        JsonNode body = Json.parse(Body.bytes(ctx, GraphLimits.ANNOTATIONS_BYTES), JsonNode.class);
        store.annotate(ctx.pathParam("name"), "*", annotations(Json.bytes(body.path("qParams"))));
        Json.reply(ctx, Map.of("saved", ctx.pathParam("name")));
    }

    private static ObjectNode annotations(byte[] text) {
        ObjectNode annotations = Json.parse(text, ObjectNode.class);
        demandTexts(annotations, "pinnedIds");
        JsonNode supernodes = annotations.path("supernodes");
        if (!supernodes.isMissingNode() && !supernodes.isNull()) {
            boolean good = supernodes.isArray();
            for (JsonNode group : supernodes) {
                good &= group.isArray() && !group.isEmpty();
                for (JsonNode part : group) {
                    good &= part.isTextual();
                }
            }
            if (!good) {
                throw new Refusal(
                        400, "supernodes must be an array of arrays of text, each a label and the ids of its nodes.");
            }
        }
        return annotations;
    }

    private static void demandTexts(ObjectNode annotations, String name) {
        JsonNode value = annotations.path(name);
        boolean good = value.isMissingNode() || value.isNull() || value.isArray();
        for (JsonNode element : value) {
            good &= element.isTextual();
        }
        if (!good) {
            throw new Refusal(400, name + " must be an array of text.");
        }
    }

    private static String expectedVersion(Context ctx) {
        String version = ctx.header("If-Match");
        if (version == null) {
            throw new Refusal(428, "Say which version you mean: send If-Match with the ETag you read, or * for any.");
        }
        return version.replaceAll("^(?:W/)?\"(.*)\"$", "$1");
    }

    /**
     * What the evidence says about a feature, in short.
     *
     * @param top     the tokens it raises most
     * @param density share of the corpus' tokens on which it fires, null if the record does not tell
     */
    record Digest(String label, List<String> top, @Nullable Double density) {
        static Digest of(JsonNode record) {
            List<String> top = new ArrayList<>();
            for (int i = 0; i < Math.min(TOP_LOGITS, record.path("top_logits").size()); i++) {
                top.add(record.path("top_logits").get(i).asText());
            }
            JsonNode frequency = record.path("activation_frequency");
            String kept = record.path("label").asText();
            return new Digest(
                    kept.isEmpty() ? FeatureLabels.of(record) : kept,
                    top,
                    frequency.isNumber() ? frequency.doubleValue() : null);
        }
    }

    private void labels(Context ctx) {
        GraphDocument graph = store.nodes(ctx.pathParam("name"));
        String scan = graph.metadata().path("scan").asText();
        Map<String, Digest> digests = new TreeMap<>();
        for (DocumentNode node : graph.nodes()) {
            String key = Long.toString(node.number());
            if (node.kind() == DocumentNode.Kind.FEATURE
                    && node.feature() <= Integer.MAX_VALUE
                    && !digests.containsKey(key)) {
                FeatureApi.find(features, scan, node.layer(), (int) node.feature())
                        .ifPresent(record -> digests.put(key, Digest.of(record)));
            }
        }
        Json.reply(ctx, digests);
    }

    private void compare(Context ctx) {
        String left = ctx.queryParam("left");
        String right = ctx.queryParam("right");
        if (left == null || right == null) {
            throw new Refusal(400, "Name two graphs: /api/compare?left=one&right=other.");
        }
        Json.reply(ctx, FeatureComparison.of(store.nodes(left), store.nodes(right)));
    }

    private void index(Context ctx) {
        List<Map<String, Object>> graphs = store.list().stream()
                .filter(graph -> graph.problem() == null)
                .map(graph -> Map.<String, Object>of(
                        "slug",
                        graph.name(),
                        "scan",
                        graph.scan(),
                        "prompt",
                        graph.prompt(),
                        "prompt_tokens",
                        graph.promptTokens(),
                        "transcoder_list",
                        List.of()))
                .toList();
        Json.reply(ctx, Map.of("graphs", graphs));
    }

    private static String stem(String file) {
        if (!file.endsWith(".json")) {
            throw new Refusal(404, "There is no such file.");
        }
        return file.substring(0, file.length() - 5);
    }
}
