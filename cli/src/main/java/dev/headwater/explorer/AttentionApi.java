package dev.headwater.explorer;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Provenance;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Questions about the attention of a graph's prompt, over HTTP. What the file itself can tell to be wrong is refused at once. */
final class AttentionApi {
    private static final int MOST = 1000;
    private static final String PURPOSE = "explain attention";
    private static final Pattern OUTPUT = Pattern.compile("Output \"(.*)\" \\(p=[\\d.e-]+\\)", Pattern.DOTALL);

    /** An edge by its ends' names. */
    record Edge(String source, String target) {}

    /**
     * What the page asks for.
     *
     * @param allEdges also the strongest heads of all edges of the graph
     * @param top      sources and pairs of a score, 0 for all
     */
    record Question(
            String graph,
            List<Edge> edges,
            boolean allEdges,
            List<AttentionEngine.Score> scores,
            List<Head> patterns,
            int top) {
        Question {
            edges = edges == null ? List.of() : List.copyOf(edges);
            scores = scores == null ? List.of() : List.copyOf(scores);
            patterns = patterns == null ? List.of() : List.copyOf(patterns);
            if (graph == null || edges.isEmpty() && scores.isEmpty() && patterns.isEmpty() && !allEdges) {
                throw new UsageException("Name a graph, and edges, scores or patterns to explain.");
            }
            if (edges.size() > MOST || scores.size() > MOST || patterns.size() > MOST || top < 0) {
                throw new UsageException("At most " + MOST
                        + " edges, scores and patterns can be explained at once, and top can't be negative.");
            }
        }
    }

    private final Engine engine;
    private final GraphStore store;
    private final Jobs jobs;

    AttentionApi(Engine engine, GraphStore store, Jobs jobs) {
        this.engine = engine;
        this.store = store;
        this.jobs = jobs;
    }

    void routes(RoutesConfig routes) {
        routes.post("/api/jobs/attention", this::explain);
    }

    private void explain(Context ctx) {
        Question question = Json.parse(Body.bytes(ctx, EngineApi.LARGEST_REQUEST), Question.class);
        GraphDocument graph =
                store.document(question.graph(), question.allEdges() ? GraphDocument::read : GraphDocument::readNodes);
        List<Integer> tokens = EngineApi.tokens(graph, "its attention can't be explained");
        Engine.Model model = model(engine, graph, PURPOSE);
        if (graph.metadata().path("generation_settings").has(Provenance.CONTRAST)
                && (question.allEdges()
                        || !question.edges().isEmpty()
                        || !question.scores().isEmpty())) {
            throw new Refusal(
                    422,
                    "The graph counts from the mean over a contrast, and what heads carry is known from 0 only: make it without a contrast to see heads.");
        }
        for (Head head : question.patterns()) {
            requireHead(engine, graph, head.layer(), head.head());
        }
        for (AttentionEngine.Score score : question.scores()) {
            requireHead(engine, graph, score.layer(), score.head());
            requirePositions(score.layer(), score.head(), score.query(), score.key(), tokens);
        }
        Map<String, Node> nodes = nodes(graph, model.layers());
        var request = new AttentionEngine.AttentionRequest(
                scan(graph),
                tokens,
                graph.nodes().stream()
                        .flatMap(node -> node(node).stream())
                        .filter(Node.Feature.class::isInstance)
                        .map(node -> ((Node.Feature) node).ref())
                        .toList(),
                question.edges().stream()
                        .map(edge -> new AttentionEngine.Ends(node(nodes, edge.source()), node(nodes, edge.target())))
                        .toList(),
                question.allEdges() ? edges(graph) : List.of(),
                question.scores(),
                question.patterns(),
                question.top());
        EngineApi.accept(
                ctx, jobs.submit("attention", question.graph(), progress -> engine.attention(request, progress)));
    }

    private static String scan(GraphDocument graph) {
        return graph.metadata().path("scan").asText();
    }

    /** The live model that made a graph; {@code purpose} says what it is needed for. */
    static Engine.Model model(Engine engine, GraphDocument graph, String purpose) {
        List<Engine.Model> models = engine.models();
        if (models.isEmpty()) {
            throw new Refusal(
                    422,
                    "This explorer runs without a live model: start it with the graph's model and transcoders to "
                            + purpose + ".");
        }
        return models.stream()
                .filter(model -> model.scans().contains(scan(graph)))
                .findFirst()
                .orElseThrow(() -> new Refusal(
                        422,
                        "The graph was made with '" + scan(graph) + "', this explorer runs "
                                + String.join(", ", models.getFirst().scans())
                                + ": start it with the graph's model and transcoders."));
    }

    /** Refuses a head that the graph's model does not have. */
    static void requireHead(Engine engine, GraphDocument graph, int layer, int head) {
        Engine.Model model = model(engine, graph, PURPOSE);
        String name = "Head " + layer + "/" + head + ": there is no ";
        if (layer < 0 || layer >= model.layers()) {
            throw new Refusal(400, name + "layer " + layer + "; the model's are 0 to " + (model.layers() - 1) + ".");
        }
        if (head < 0 || head >= model.heads()) {
            throw new Refusal(400, name + "head " + head + "; those of a layer are 0 to " + (model.heads() - 1) + ".");
        }
    }

    /** Refuses positions that the prompt does not have, and keys after their query. */
    static void requirePositions(int layer, int head, int query, int key, List<Integer> tokens) {
        String name = "Head " + layer + "/" + head + ": ";
        for (int position : new int[] {query, key}) {
            if (position < 0 || position >= tokens.size()) {
                throw new Refusal(
                        400,
                        name + "there is no position " + position + "; the prompt's are 0 to " + (tokens.size() - 1)
                                + ".");
            }
        }
        if (key > query) {
            throw new Refusal(
                    400,
                    name + "the key at " + key + " comes after the query at " + query
                            + "; a head sees its own position and those before it.");
        }
    }

    private static Map<String, Node> nodes(GraphDocument graph, int layers) {
        Map<String, Node> nodes = new HashMap<>();
        for (DocumentNode node : graph.nodes()) {
            node(node).ifPresent(known -> {
                nodes.putIfAbsent(node.id(), known);
                nodes.put(NodeId.of(known, layers), known); // which early files write otherwise
            });
        }
        return nodes;
    }

    private static Node node(Map<String, Node> nodes, String id) {
        Node node = nodes.get(id);
        if (node == null) {
            throw new Refusal(400, "There is no node \"" + id + "\" in the graph that an edge could have.");
        }
        return node;
    }

    private static List<AttentionEngine.Ends> edges(GraphDocument graph) {
        List<Optional<Node>> nodes =
                graph.nodes().stream().map(AttentionApi::node).toList();
        return graph.links().stream()
                .filter(link -> nodes.get(link.source()).isPresent()
                        && nodes.get(link.target()).isPresent())
                .map(link -> new AttentionEngine.Ends(
                        nodes.get(link.source()).get(), nodes.get(link.target()).get()))
                .toList();
    }

    /** What a node of a file is; empty for kinds that only other tools know. */
    private static Optional<Node> node(DocumentNode node) {
        int number = (int) Math.max(0, Math.min(Integer.MAX_VALUE, node.number()));
        return switch (node.kind()) {
            case FEATURE ->
                node.feature() < 0 || node.feature() > Integer.MAX_VALUE
                        ? Optional.empty()
                        : Optional.of(new Node.Feature(
                                new FeatureRef(node.layer(), node.position(), (int) node.feature()), 0));
            case ERROR -> Optional.of(new Node.Error(node.layer(), node.position()));
            case TOKEN -> Optional.of(new Node.Token(node.position(), node.token(), ""));
            case LOGIT ->
                Optional.of(new Node.Logit(
                        new LogitTarget(number, text(node.label()), (float) node.probability(), node.position())));
            case OTHER -> Optional.empty();
        };
    }

    private static String text(String label) {
        Matcher output = OUTPUT.matcher(label);
        return output.matches() ? output.group(1) : label;
    }
}
