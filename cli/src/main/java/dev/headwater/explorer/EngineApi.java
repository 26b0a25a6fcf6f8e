package dev.headwater.explorer;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.graph.FeatureRef;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The live engine over HTTP: jobs that trace a prompt or steer a graph's, their progress, results and ends. */
final class EngineApi {
    static final int LARGEST_REQUEST = 1 << 20;
    private static final int MOST_NEW_TOKENS = 256;
    private static final int MOST_SITES = 10_000;
    private static final int MOST_SAMPLES = 20;
    private static final Duration HEARTBEAT = Duration.ofSeconds(10);
    private static final long UPDATE_MILLIS = 80;
    /** A browser comes back after some three seconds. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    /** What the page sends to steer; the server adds what the graph file knows. See {@link Engine.SteerRequest}. */
    record Steering(
            String graph,
            List<Engine.Edit> edits,
            List<Engine.HeadChange> heads,
            List<FeatureRef> watch,
            boolean freezeAttention,
            int newTokens,
            double temperature,
            long seed,
            @Nullable Integer samples) {
        Steering {
            edits = edits == null ? List.of() : List.copyOf(edits);
            heads = heads == null ? List.of() : List.copyOf(heads);
            watch = watch == null ? List.of() : List.copyOf(watch);
            if (graph == null || edits.isEmpty() && heads.isEmpty()) {
                throw new UsageException("Steering needs a graph and at least one edit of a feature or a head.");
            }
            if (edits.size() > MOST_SITES || watch.size() > MOST_SITES || heads.size() > MOST_SITES) {
                throw new UsageException("At most " + MOST_SITES + " features can be edited or watched at once.");
            }
            if (newTokens < 0 || newTokens > MOST_NEW_TOKENS || !(temperature >= 0 && temperature <= 2)) {
                throw new UsageException(
                        "newTokens must be between 0 and " + MOST_NEW_TOKENS + ", temperature between 0 and 2.");
            }
            if (samples != null && (samples < 1 || samples > MOST_SAMPLES)) {
                throw new UsageException("samples must be between 1 and " + MOST_SAMPLES + ".");
            }
        }
    }

    /** With transcoders, what follows the prompt and how long tracing takes is asked for too. */
    record Tokenizing(String model, Engine.Prompt prompt, String transcoders, int maxFeatureNodes) {
        Tokenizing {
            if (model == null || prompt == null) {
                throw new UsageException("Name a model and give a prompt.");
            }
        }
    }

    private final Engine engine;
    private final GraphStore store;
    private final Jobs jobs;

    EngineApi(Engine engine, GraphStore store, Jobs jobs) {
        this.engine = engine;
        this.store = store;
        this.jobs = jobs;
    }

    void routes(RoutesConfig routes) {
        routes.get("/api/models", ctx -> Json.reply(ctx, Map.of("models", engine.models())));
        routes.post("/api/jobs/tokens", this::tokens);
        routes.post("/api/jobs/attribute", this::attribute);
        routes.post("/api/jobs/intervene", this::intervene);
        routes.get("/api/jobs", ctx -> Json.reply(ctx, Map.of("jobs", jobs.list())));
        routes.get(
                "/api/jobs/{id}",
                ctx -> Json.reply(ctx, jobs.get(ctx.pathParam("id")).status()));
        routes.delete("/api/jobs/{id}", this::cancel);
        routes.get("/api/jobs/{id}/events", this::events);
    }

    private void tokens(Context ctx) {
        Tokenizing request = Json.parse(Body.bytes(ctx, LARGEST_REQUEST), Tokenizing.class);
        accept(
                ctx,
                jobs.submit(
                        "tokens",
                        "",
                        progress -> request.transcoders() == null
                                ? Map.of("tokens", engine.tokens(request.model(), request.prompt()))
                                : engine.outlook(
                                        request.model(),
                                        request.transcoders(),
                                        request.prompt(),
                                        request.maxFeatureNodes())));
    }

    private void attribute(Context ctx) {
        Engine.GraphRequest request = Json.parse(Body.bytes(ctx, LARGEST_REQUEST), Engine.GraphRequest.class);
        if (engine.models().stream()
                .noneMatch(model -> model.id().equals(request.model())
                        && model.transcoders().contains(request.transcoders()))) {
            throw new Refusal(
                    400,
                    "There is no model \"" + request.model() + "\" with transcoders \"" + request.transcoders()
                            + "\" here.");
        }
        store.demandFree(request.name());
        accept(ctx, jobs.submit("attribute", request.name(), progress -> trace(request, progress)));
    }

    private Object trace(Engine.GraphRequest request, Progress progress) {
        Path draft = store.draft();
        try {
            engine.attribute(request, draft, progress);
            store.publish(draft, request.name());
            return Map.of("graph", request.name());
        } finally {
            store.discard(draft);
        }
    }

    private void intervene(Context ctx) {
        Steering steering = Json.parse(Body.bytes(ctx, LARGEST_REQUEST), Steering.class);
        GraphDocument graph = store.nodes(steering.graph());
        List<Integer> tokens = tokens(graph, "it can't be steered");
        for (Engine.HeadChange change : steering.heads()) {
            AttentionApi.requireHead(engine, graph, change.layer(), change.head());
            if (change.query() != null) {
                AttentionApi.requirePositions(change.layer(), change.head(), change.query(), change.key(), tokens);
            }
        }
        var request = new Engine.SteerRequest(
                graph.metadata().path("scan").asText(),
                graph.metadata().path("prompt").asText(),
                tokens,
                steering.edits(),
                steering.heads(),
                steering.watch(),
                steering.freezeAttention(),
                steering.newTokens(),
                steering.temperature(),
                steering.seed(),
                steering.samples() == null ? 1 : steering.samples());
        accept(ctx, jobs.submit("intervene", steering.graph(), progress -> engine.intervene(request, progress)));
    }

    /** The ids of a graph's tokens; {@code otherwise} says what can't be done without them. */
    static List<Integer> tokens(GraphDocument graph, String otherwise) {
        int[] tokens = DocumentNode.tokens(graph.nodes());
        if (tokens == null) {
            throw new Refusal(422, "This graph file doesn't say which tokens its prompt has, so " + otherwise + ".");
        }
        return Arrays.stream(tokens).boxed().toList();
    }

    static void accept(Context ctx, Job job) {
        ctx.status(202).header("Location", "/api/jobs/" + job.status().id());
        Json.reply(ctx, job.status());
    }

    private void cancel(Context ctx) {
        Job job = jobs.get(ctx.pathParam("id"));
        job.cancel();
        Json.reply(ctx, job.status());
    }

    /** Server-sent events: the job's status at once and at each change, until it is over. */
    private void events(Context ctx) throws InterruptedException {
        Job job = jobs.get(ctx.pathParam("id"));
        var response = ctx.res();
        response.setContentType("text/event-stream;charset=utf-8");
        response.setHeader("Cache-Control", "no-store");
        response.setHeader("X-Accel-Buffering", "no"); // nginx would keep them back until they are many
        job.follow();
        try {
            OutputStream out = response.getOutputStream();
            while (true) {
                long seen = job.change();
                Job.Status status = job.status();
                out.write(("data: " + new String(Json.bytes(status), StandardCharsets.UTF_8) + "\n\n")
                        .getBytes(StandardCharsets.UTF_8));
                out.flush();
                if (status.state().over()) {
                    return;
                }
                Thread.sleep(UPDATE_MILLIS);
                while (!job.await(seen, HEARTBEAT)) {
                    out.write(": waiting\n\n".getBytes(StandardCharsets.US_ASCII));
                    out.flush();
                }
            }
        } catch (IOException e) {
            // The page went away; a job that leaves a graph goes on.
        } finally {
            job.leave(GRACE);
        }
    }
}
