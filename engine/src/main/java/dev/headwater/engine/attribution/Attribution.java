package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.model.Trace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * From a prompt to its attribution graph: one forward pass, the active features and errors there, the model frozen at
 * that
 * point, and the direct effect of every source on every target (reference section 2).
 */
public final class Attribution {
    private final ReplacementModel model;
    private final Progress progress;
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private long phaseStart;
    private String phase;

    /** A graph that is wanted. */
    public record Request(Prompt prompt, AttributionOptions options) {}

    private Attribution(ReplacementModel model, Progress progress) {
        this.model = model;
        this.progress = progress;
    }

    /**
     * The attribution graph of a prompt.
     *
     * @throws dev.headwater.engine.HeadwaterException if the prompt or a target does not fit the model
     * @throws java.util.concurrent.CancellationException if the progress listener asks to stop
     */
    public static AttributionGraph of(
            ReplacementModel model, Prompt prompt, AttributionOptions options, Progress progress) {
        return together(model, List.of(new Request(prompt, options)), progress).getFirst();
    }

    /**
     * The attribution graphs of several prompts, made side by side: their rows share the products with the model's
     * weights, which pays where
     * a single prompt's rows are few. Each graph is what {@link #of} makes of the prompt, up to rounding; its times are
     * those of all together,
     * and the smallest {@link AttributionOptions#memory} of the requests is what all of them share.
     *
     * @return in the order of the requests; the caller closes them
     * @throws dev.headwater.engine.HeadwaterException if a prompt or a target does not fit the model: then no graph is
     *      made
     * @throws java.util.concurrent.CancellationException if the progress listener asks to stop
     */
    public static List<AttributionGraph> together(ReplacementModel model, List<Request> requests, Progress progress) {
        return new Attribution(model, progress).run(requests);
    }

    private List<AttributionGraph> run(List<Request> requests) {
        List<Trace> traces = new ArrayList<>();
        List<Part> parts = new ArrayList<>();
        try (var scope = TensorScope.open()) {
            begin("forward pass", requests.size());
            traces.addAll(model.trace(
                    requests.stream().map(request -> request.prompt().tokens()).toList()));
            progress.advance(requests.size());
            begin("encode", (long) model.layers() * requests.size());
            List<LocalReplacement> replacements = LocalReplacement.of(model, traces, progress::advance);
            long memory = requests.stream()
                    .mapToLong(request -> request.options().memory())
                    .filter(bytes -> bytes > 0)
                    .min()
                    .orElse(physicalMemory() / 4);
            FrozenWeights weights = FrozenWeights.of(model.model(), model.transcoders(), model.products());
            for (int i = 0; i < requests.size(); i++) {
                parts.add(part(
                        requests.get(i), traces.get(i), replacements.get(i), weights, memory / 2 / requests.size()));
            }
            long rows = parts.stream()
                    .mapToLong(part ->
                            (long) part.rounds.wanted() * (part.request.prompt().length() + 1) / 2)
                    .sum();
            try (AdjointSweep sweep = new AdjointSweep(weights, memory / 2, rows)) {
                begin(
                        "logit rows",
                        parts.stream().mapToLong(part -> part.labels.size()).sum());
                round(parts, sweep, 0);
                begin(
                        "feature rows",
                        parts.stream().mapToLong(part -> part.rounds.wanted()).sum());
                List<Part> unfinished = unfinished(parts);
                while (!unfinished.isEmpty()) {
                    round(
                            unfinished,
                            sweep,
                            parts.stream()
                                    .mapToLong(part -> part.rounds.taken())
                                    .sum());
                    unfinished = unfinished(parts);
                }
            }
            List<FeatureSelection> selections = new ArrayList<>();
            try {
                parts.forEach(part -> selections.add(part.rounds.selection()));
            } catch (RuntimeException | Error e) {
                selections.forEach(selection -> selection.edges().close());
                throw e;
            }
            end();
            List<AttributionGraph> graphs = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                graphs.add(graph(parts.get(i), selections.get(i)));
            }
            return graphs;
        } finally {
            parts.forEach(part -> part.rounds.close());
            traces.forEach(Trace::close);
        }
    }

    /** One prompt on its way. */
    private record Part(
            Request request,
            LocalReplacement local,
            FrozenPrompt frozen,
            TargetVectors vectors,
            List<LogitTarget> labels,
            FeatureRounds rounds) {
        /** The rows that are due. */
        AdjointSweep.Wanted wanted() {
            return new AdjointSweep.Wanted(
                    frozen, vectors.of(rounds.next(), frozen.sources().columns(0)));
        }
    }

    private Part part(Request request, Trace trace, LocalReplacement local, FrozenWeights weights, long cacheBytes) {
        FrozenModel frozen = FrozenModel.of(weights, model.model(), trace, model.transcoders());
        Sources sources = new Sources(
                local.active(),
                model.transcoders(),
                frozen.outputNorms(),
                local.errors(),
                trace.tokenVectors(),
                cacheBytes);
        TargetVectors vectors = new TargetVectors(
                model, frozen, local.active(), request.prompt().length());
        AttributionOptions options = request.options();
        List<LogitTarget> labels = vectors.choose(options.targets(), trace);
        int features = local.active().count();
        return new Part(
                request,
                local,
                FrozenPrompt.of(frozen, sources, labels.size()),
                vectors,
                labels,
                new FeatureRounds(
                        features, sources.columns(0) - features, labels, options.maxFeatures(), options.perRound()));
    }

    private static List<Part> unfinished(List<Part> parts) {
        return parts.stream().filter(part -> part.rounds.next().length > 0).toList();
    }

    private void round(List<Part> parts, AdjointSweep sweep, long done) {
        try (var scope = TensorScope.open()) {
            List<EdgeRows> rows = sweep.rows(
                    parts.stream().map(Part::wanted).toList(), n -> progress.advance(done + n), progress::cancelled);
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).rounds.add(rows.get(i));
            }
        }
    }

    private AttributionGraph graph(Part part, FeatureSelection selection) {
        return new AttributionGraph(
                part.request.prompt(),
                model.layers(),
                model.vocabularySize(),
                part.local.active(),
                selection.selected(),
                part.labels,
                selection.edges(),
                provenance(part.request.options()));
    }

    static long physicalMemory() {
        return ((com.sun.management.OperatingSystemMXBean)
                        java.lang.management.ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
    }

    private void begin(String name, long total) {
        end();
        phase = name;
        phaseStart = System.nanoTime();
        progress.phase(name, total);
    }

    private void end() {
        if (phase != null) {
            seconds.merge(phase, (System.nanoTime() - phaseStart) / 1e9, Double::sum);
        }
        phase = null;
    }

    private Provenance provenance(AttributionOptions options) {
        Map<String, Object> settings = new LinkedHashMap<>();
        switch (options.targets()) {
            case OutputTargets.Salient salient -> {
                settings.put("max_n_logits", salient.maxLogits());
                settings.put("desired_logit_prob", salient.probability());
            }
            case OutputTargets.Tokens tokens ->
                settings.put("target_tokens", tokens.ids().toString());
            case OutputTargets.Directions directions ->
                settings.put(
                        "target_directions",
                        directions.directions().stream()
                                .map(OutputTargets.Direction::name)
                                .toList()
                                .toString());
            case OutputTargets.Features features ->
                settings.put("target_features", features.features().toString());
        }
        settings.put("batch_size", options.batchSize());
        settings.put("max_feature_nodes", options.maxFeatures());
        settings.put("update_interval", options.updateInterval());
        settings.put("products", model.products().toString());
        // No time of creation: the same prompt and settings give the same bytes.
        return new Provenance(
                model.modelReference(),
                List.of(model.transcoderReference()),
                model.scan(),
                model.device().toString(),
                model.dtype().toString(),
                ReplacementModel.versions(),
                settings,
                seconds,
                0);
    }
}
