package dev.headwater.explorer;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.graph.FeatureRef;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Circuits of a graph over HTTP: found, judged, and what holds another answer down. */
final class CircuitApi {
    private static final int MOST_FEATURES = 1000;
    private static final int MOST_INTERVENTIONS = 20_000;
    private static final int LONGEST_TOKEN = 1000;

    /**
     * A circuit is to be found.
     *
     * @param answer vocabulary id of one of the graph's outputs; null for the most probable one
     * @param size   features at most, null for what is usual
     * @param budget interventions after which the best circuit so far is taken, null for what is usual
     */
    record Search(
            String graph,
            @Nullable Integer answer,
            @Nullable Integer size,
            @Nullable Integer budget) {
        Search {
            requireGraph(graph);
            options(answer, size, budget);
        }

        private static Explanation.Options options(
                @Nullable Integer answer, @Nullable Integer size, @Nullable Integer budget) {
            if (budget != null && budget > MOST_INTERVENTIONS) {
                throw new UsageException("budget must be between 1 and " + MOST_INTERVENTIONS + ".");
            }
            Explanation.Options usual = Explanation.Options.DEFAULT;
            return new Explanation.Options(
                    answer == null ? OptionalInt.empty() : OptionalInt.of(answer),
                    size == null ? usual.size() : size,
                    budget == null ? usual.budget() : budget,
                    usual.draws(),
                    usual.seed());
        }

        Explanation.Options options() {
            return options(answer, size, budget);
        }
    }

    /** These features are to be judged. */
    record Judging(
            String graph,
            List<FeatureRef> features,
            @Nullable Integer answer) {
        Judging {
            requireGraph(graph);
            features = features == null ? List.of() : List.copyOf(features);
            if (features.isEmpty() || features.size() > MOST_FEATURES) {
                throw new UsageException("Name at least one feature to judge, and at most " + MOST_FEATURES + ".");
            }
        }
    }

    /**
     * Why not this token.
     *
     * @param token its text, or {@code #ID}
     */
    record Doubt(String graph, String token, @Nullable Integer size) {
        Doubt {
            requireGraph(graph);
            if (token == null || token.isEmpty() || token.length() > LONGEST_TOKEN) {
                throw new UsageException("Name the token that might have been the answer, by its text or as #ID.");
            }
            Search.options(null, size, null);
        }

        int most() {
            return Search.options(null, size, null).size();
        }
    }

    private final Engine engine;
    private final GraphStore store;
    private final Jobs jobs;

    CircuitApi(Engine engine, GraphStore store, Jobs jobs) {
        this.engine = engine;
        this.store = store;
        this.jobs = jobs;
    }

    void routes(RoutesConfig routes) {
        routes.post("/api/jobs/explain", this::explain);
        routes.post("/api/jobs/judge", ctx -> judge(ctx, "judge", engine::judge));
        routes.post("/api/jobs/card", ctx -> judge(ctx, "card", engine::card));
        routes.post("/api/jobs/why-not", this::whyNot);
    }

    private static void requireGraph(String graph) {
        if (graph == null) {
            throw new UsageException("Name a graph.");
        }
    }

    private void explain(Context ctx) {
        Search search = Json.parse(Body.bytes(ctx, EngineApi.LARGEST_REQUEST), Search.class);
        GraphDocument graph = mine(search.graph());
        requireOutput(graph, search.answer());
        EngineApi.accept(
                ctx,
                jobs.submit(
                        "explain",
                        search.graph(),
                        progress -> engine.explain(subject(search.graph()), search.options(), progress)));
    }

    /** What is asked of a circuit. */
    private interface Question {
        Object of(
                CircuitEngine.Subject subject,
                List<FeatureRef> circuit,
                Explanation.Options options,
                Progress progress);
    }

    private void judge(Context ctx, String kind, Question question) {
        Judging judging = Json.parse(Body.bytes(ctx, EngineApi.LARGEST_REQUEST), Judging.class);
        GraphDocument graph = mine(judging.graph());
        requireOutput(graph, judging.answer());
        Explanation.Options options = Search.options(judging.answer(), null, null);
        EngineApi.accept(
                ctx,
                jobs.submit(
                        kind,
                        judging.graph(),
                        progress -> question.of(subject(judging.graph()), judging.features(), options, progress)));
    }

    private void whyNot(Context ctx) {
        Doubt doubt = Json.parse(Body.bytes(ctx, EngineApi.LARGEST_REQUEST), Doubt.class);
        mine(doubt.graph());
        EngineApi.accept(
                ctx,
                jobs.submit(
                        "why-not",
                        doubt.graph(),
                        progress -> engine.whyNot(subject(doubt.graph()), doubt.token(), doubt.most(), progress)));
    }

    /** The graph's nodes; a {@link Refusal} if no live model made it. */
    private GraphDocument mine(String name) {
        GraphDocument graph = store.nodes(name);
        AttentionApi.model(engine, graph, "explain a graph");
        return graph;
    }

    private static void requireOutput(GraphDocument graph, @Nullable Integer answer) {
        if (answer == null) {
            return;
        }
        long token = answer;
        if (graph.nodes().stream()
                .noneMatch(node -> node.kind() == DocumentNode.Kind.LOGIT && node.feature() == token)) {
            throw new Refusal(400, "Token " + token + " is none of the graph's outputs.");
        }
    }

    /** Read when its turn has come: links of many graphs that wait would fill the memory. */
    private CircuitEngine.Subject subject(String name) {
        return new CircuitEngine.Subject(name, store.document(name, GraphDocument::read));
    }
}
