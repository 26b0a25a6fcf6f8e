package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.contrast.SharedMeans;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.LinearModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * From a prompt to its attribution graph: one forward pass, the active features and errors there, the model frozen at
 * that point, and the direct effect of every source on every target (reference section 2).
 */
public final class Attribution {
    private final ReplacementModel model;
    private final Progress progress;
    private final PhaseClock clock;
    private final SharedMeans means;

    /** A graph that is wanted. */
    public record Request(Prompt prompt, AttributionOptions options) {}

    private Attribution(ReplacementModel model, PhaseClock clock, Progress progress) {
        this.model = model;
        this.clock = clock;
        this.progress = progress;
        means = new SharedMeans(model, progress);
    }

    /**
     * The attribution graph of a prompt.
     *
     * @throws dev.headwater.engine.HeadwaterException if the prompt or a target does not fit the model
     * @throws java.util.concurrent.CancellationException if the progress listener asks to stop
     */
    public static AttributionGraph of(
            ReplacementModel model, Prompt prompt, AttributionOptions options, Progress progress) {
        return attributeAll(model, List.of(new Request(prompt, options)), progress)
                .getFirst();
    }

    /**
     * The attribution graphs of several prompts, made side by side: their rows share the products with the model's
     * weights, which pays where a single prompt's rows are few. Each graph is what {@link #of} makes of the prompt, up
     * to rounding; its times are those of all together, and the smallest {@link AttributionOptions#memory} of the
     * requests is what all of them share.
     *
     * @return in the order of the requests; the caller closes them
     * @throws dev.headwater.engine.HeadwaterException if a prompt or a target does not fit the model: then no graph is
     *      made
     * @throws java.util.concurrent.CancellationException if the progress listener asks to stop
     */
    public static List<AttributionGraph> attributeAll(
            ReplacementModel model, List<Request> requests, Progress progress) {
        try (var _ = model.use()) {
            return new Attribution(model, new PhaseClock(progress), progress).run(requests);
        }
    }

    /**
     * The attribution graph of a prompt whose forward pass and features are there already, with the options that {@code linear} was made
     * with; its times are those of both.
     *
     * @throws CancellationException if the progress listener asks to stop
     */
    public static AttributionGraph of(LinearPrompt linear, Progress progress) {
        try (var _ = linear.model().use();
                var _ = TensorScope.open()) {
            return new Attribution(linear.model(), linear.clock().with(progress), progress)
                    .graphs(List.of(linear.part().again()), linear.memory())
                    .getFirst();
        }
    }

    /**
     * Everything up to the rows of one prompt's graph.
     *
     * @param sites to record besides those that attribution needs
     * @param known of a model's own neurons those that are features, null for the strongest
     */
    static LinearPrompt linear(
            ReplacementModel model,
            Request request,
            Set<FeatureSite> sites,
            long @Nullable [] known,
            Progress progress) {
        var attribution = new Attribution(model, new PhaseClock(progress), progress);
        return attribution.linear(request, sites, known);
    }

    private LinearPrompt linear(Request request, Set<FeatureSite> sites, long @Nullable [] known) {
        if (request.options().contrast() != null) {
            throw new UsageException(
                    "heads carry effects from 0, not from the mean over a contrast; leave the contrast out");
        }
        long memory = request.options().memory() > 0
                ? request.options().memory()
                : model.memory().working(Place.DEVICE);
        TensorScope scope = TensorScope.open();
        Trace trace = null;
        try {
            clock.begin("forward pass", 1);
            Set<FeatureSite> all = EnumSet.copyOf(sites);
            all.addAll(List.of(model.basis().input(), model.basis().output()));
            trace = model.model()
                    .forward(request.prompt().tokens(), new TraceRequest(all, true, TraceRequest.Logits.LAST));
            progress.advance(1);
            LocalReplacement local = null;
            if (!model.basis().dense()) {
                clock.begin("encode", model.layers());
                local = LocalReplacement.of(model, List.of(trace), progress::advance)
                        .getFirst();
            } else if (known != null) {
                local = LocalReplacement.of(model, trace, known, null);
            }
            if (local == null || request.options().rank() == Rank.TOTAL) {
                clock.begin("total effects", model.layers());
            }
            Part part = part(request, trace, local, 0, memory / 2);
            clock.end();
            return new LinearPrompt(model, part, trace, scope.detach(), clock, memory);
        } catch (RuntimeException | Error e) {
            scope.close();
            if (trace != null) {
                trace.close();
            }
            throw e;
        }
    }

    private List<AttributionGraph> run(List<Request> requests) {
        List<Trace> traces = new ArrayList<>();
        List<Part> parts = new ArrayList<>();
        try (var scope = TensorScope.open()) {
            clock.begin("forward pass", requests.size());
            traces.addAll(model.trace(
                    requests.stream().map(request -> request.prompt().tokens()).toList()));
            progress.advance(requests.size());
            List<LocalReplacement> replacements = new ArrayList<>();
            if (!model.basis().dense()) {
                clock.begin("encode", (long) model.layers() * requests.size());
                replacements.addAll(LocalReplacement.of(model, traces, progress::advance));
            }
            long memory = requests.stream()
                    .mapToLong(request -> request.options().memory())
                    .filter(bytes -> bytes > 0)
                    .min()
                    .orElse(model.memory().working(Place.DEVICE));
            if (model.basis().dense()
                    || requests.stream().anyMatch(request -> request.options().rank() == Rank.TOTAL)) {
                clock.begin("total effects", (long) model.layers() * requests.size());
            }
            for (int i = 0; i < requests.size(); i++) {
                long cacheBytes = memory / 2 / requests.size();
                LocalReplacement local = replacements.isEmpty() ? null : replacements.get(i);
                parts.add(part(requests.get(i), traces.get(i), local, i, cacheBytes));
            }
            return graphs(parts, memory);
        } finally {
            means.close();
            parts.forEach(part -> part.frozen.sources().close());
            traces.forEach(Trace::close);
        }
    }

    /** Sweeps until every part has its rows, and makes graphs of them. */
    private List<AttributionGraph> graphs(List<Part> parts, long memory) {
        try {
            LinearModel linear = model.linear();
            long rows = parts.stream()
                    .mapToLong(part ->
                            (long) part.rounds.wanted() * (part.request.prompt().length() + 1) / 2)
                    .sum();
            var down = new AdjointSweep(
                    linear.weights(), linear.twoLayers(rows / model.layers()), memory / 2, model.memory());
            try (var sweep = new CheaperSweep(down, model.memory())) {
                clock.begin(
                        "logit rows",
                        parts.stream().mapToLong(part -> part.labels.size()).sum());
                round(parts, sweep, 0);
                clock.begin(
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
                for (Part part : parts) {
                    long bytes = part.rounds.selectionBytes();
                    try (var _ = model.memory().reserve("graph", Place.HOST, bytes)) {
                        selections.add(part.rounds.selection());
                    }
                }
            } catch (RuntimeException | Error e) {
                selections.forEach(selection -> selection.edges().close());
                throw e;
            }
            clock.end();
            return IntStream.range(0, parts.size())
                    .mapToObj(i -> graph(parts.get(i), selections.get(i)))
                    .toList();
        } finally {
            parts.forEach(part -> part.rounds.close());
        }
    }

    /**
     * One prompt on its way.
     *
     * @param chosen numbers of the active features that have columns, null for all
     */
    record Part(
            Request request,
            LocalReplacement local,
            int @Nullable [] chosen,
            FrozenPrompt frozen,
            TargetVectors vectors,
            List<LogitTarget> labels,
            FeatureRounds rounds) {
        /** The rows that are due. */
        AdjointSweep.Wanted wanted() {
            return new AdjointSweep.Wanted(
                    frozen, vectors.of(rounds.next(), frozen.sources().columns(0)));
        }

        /** The features of the graph, by their numbers among all that are active. */
        int[] selected(FeatureSelection selection) {
            return chosen == null
                    ? selection.selected()
                    : Arrays.stream(selection.selected()).map(i -> chosen[i]).toArray();
        }

        /** How far the active features' activations lie from what effects count from. */
        float[] distances() {
            return (request.options().contrast() == null
                            ? local.active()
                            : frozen.sources().active())
                    .activation();
        }

        /** The same, before any round. */
        Part again() {
            return new Part(
                    request,
                    local,
                    chosen,
                    frozen,
                    vectors,
                    labels,
                    Attribution.rounds(request.options(), frozen, labels));
        }
    }

    /** @param given null where the features of the graph have to be chosen first */
    private Part part(Request request, Trace trace, @Nullable LocalReplacement given, int number, long cacheBytes) {
        FrozenModel frozen = FrozenModel.of(model.linear().weights(), model.model(), trace, model.basis());
        AttributionOptions options = request.options();
        TargetVectors vectors = new TargetVectors(model, frozen, ActiveFeatures.NONE, trace);
        List<LogitTarget> labels = vectors.choose(options.targets(), trace);
        var effects = new TotalEffects(frozen, vectors.outputs(), trace.positions(), model.memory(), cacheBytes);
        Contrast contrast = options.contrast();
        MeanActivations against = contrast == null ? null : means.of(request.prompt(), contrast);
        LocalReplacement local = given != null
                ? given
                : NeuronRanking.replacement(
                        model,
                        effects,
                        frozen,
                        trace,
                        vectors,
                        against,
                        options.maxFeatures(),
                        layer -> passed(layer, number));
        vectors.explain(local.active());
        int[] chosen = null;
        if (options.rank() == Rank.TOTAL && given != null) {
            int most = options.maxFeatures() == 0 ? Integer.MAX_VALUE : options.maxFeatures();
            chosen = most >= local.active().count()
                    ? IntStream.range(0, local.active().count()).toArray()
                    : features(effects, frozen, trace, vectors, local, most, number);
            vectors.explain(local.active().some(chosen));
        }
        ActiveFeatures columns =
                chosen == null ? local.active() : local.active().some(chosen);
        Sources sources = new Sources(
                against == null ? columns : against.differences(columns),
                model.basis(),
                frozen.outputNorms(),
                local.errors(),
                against == null ? trace.tokenVectors() : against.tokenDifferences(trace.tokenVectors()),
                cacheBytes,
                model.memory());
        FrozenPrompt prompt = FrozenPrompt.of(frozen, sources, labels.size());
        return new Part(request, local, chosen, prompt, vectors, labels, rounds(options, prompt, labels));
    }

    private static FeatureRounds rounds(AttributionOptions options, FrozenPrompt prompt, List<LogitTarget> labels) {
        int features = prompt.sources().firstError(0);
        return new FeatureRounds(
                features, prompt.sources().columns(0) - features, labels, options.maxFeatures(), options.perRound());
    }

    /** Numbers of the active features with the largest total effects on the targets, ascending. */
    private int[] features(
            TotalEffects effects,
            FrozenModel frozen,
            Trace trace,
            TargetVectors vectors,
            LocalReplacement local,
            int most,
            int number) {
        ActiveFeatures active = local.active();
        var strongest = new StrongestFeatures(most);
        try (var _ = TensorScope.open();
                var _ = model.memory()
                        .reserve("total effects", Place.DEVICE, FeatureEffects.bytes(active, effects.together()));
                var sources = new Sources(
                        active,
                        model.basis(),
                        frozen.outputNorms(),
                        local.errors(),
                        trace.tokenVectors(),
                        0,
                        model.memory())) {
            effects.run(
                    TotalEffects.weights(vectors.labels()),
                    (some, sink) -> new FeatureEffects(frozen, active, sources, vectors, some, sink),
                    (layer, scores) -> {
                        strongest.add(sources.firstFeature(layer), scores, 0);
                        passed(layer, number);
                    });
        }
        return LongStream.of(strongest.chosen()).mapToInt(Math::toIntExact).toArray();
    }

    private void passed(int layer, int number) {
        if (progress.cancelled()) {
            throw new CancellationException("attribution was cancelled");
        }
        progress.advance((long) (number + 1) * model.layers() - layer);
    }

    private static List<Part> unfinished(List<Part> parts) {
        return parts.stream().filter(part -> part.rounds.next().length > 0).toList();
    }

    private void round(List<Part> parts, CheaperSweep sweep, long done) {
        try (var scope = TensorScope.open()) {
            List<EdgeRows> rows = sweep.rows(
                    parts.stream().map(Part::wanted).toList(), n -> progress.advance(done + n), progress::cancelled);
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).rounds.add(rows.get(i));
            }
            clock.step();
        }
    }

    private AttributionGraph graph(Part part, FeatureSelection selection) {
        return new AttributionGraph(
                part.request.prompt(),
                model.layers(),
                model.vocabularySize(),
                part.local.active(),
                part.selected(selection),
                part.labels,
                selection.edges(),
                part.distances(),
                AttributionProvenance.of(model, part.request, clock.seconds()));
    }
}
