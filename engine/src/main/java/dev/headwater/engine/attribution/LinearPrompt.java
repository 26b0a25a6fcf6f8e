package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The linear model that an attribution graph's edges come from, kept for further questions: one forward pass of a
 * prompt, its active
 * features and errors, and the model frozen there. Not thread-safe. Closing it frees native memory; the model stays
 * open.
 */
public final class LinearPrompt implements AutoCloseable {
    private final ReplacementModel model;
    private final Prompt prompt;
    private final long memory;
    private final Trace trace;
    private final LocalReplacement local;
    private final FrozenModel frozen;
    private final AutoCloseable tensors;
    private Sources sources;
    private AutoCloseable sourceTensors;

    /** Takes what was found of an edge. */
    @FunctionalInterface
    public interface LoadingSink {
        /**
         * @param edge     its number
         * @param loadings by layer from the one above the source to the last below the target, then head; empty if
         *      there is none
         */
        void edge(int edge, float[] loadings);
    }

    /**
     * Linear functions of the residual stream at a position.
     *
     * @param gradients F32 [n, d]
     */
    public record Reading(int position, Tensor gradients) {}

    private LinearPrompt(ReplacementModel model, Prompt prompt, long memory, Progress progress) {
        this.model = model;
        this.prompt = prompt;
        this.memory = memory;
        progress.phase("forward pass", 1);
        TensorScope scope = TensorScope.open();
        Trace made = null;
        try {
            var sites = EnumSet.of(
                    model.transcoders().input(),
                    model.transcoders().output(),
                    FeatureSite.RESID_MID,
                    FeatureSite.HOOK_MLP_OUT);
            trace = made =
                    model.model().forward(prompt.tokens(), new TraceRequest(sites, true, TraceRequest.Logits.LAST));
            progress.advance(1);
            progress.phase("encode", model.layers());
            local = LocalReplacement.of(model, List.of(trace), progress::advance)
                    .getFirst();
            frozen = FrozenModel.of(
                    FrozenWeights.of(model.model(), model.transcoders(), model.products()),
                    model.model(),
                    trace,
                    model.transcoders());
            tensors = scope.detach();
        } catch (RuntimeException | Error e) {
            scope.close();
            if (made != null) {
                made.close();
            }
            throw e;
        }
    }

    /**
     * Runs the model over a prompt and freezes it there.
     *
     * @param memory bytes that gradients and vectors may take, 0 for a quarter of the machine's memory
     */
    public static LinearPrompt of(ReplacementModel model, Prompt prompt, long memory, Progress progress) {
        return new LinearPrompt(model, prompt, memory > 0 ? memory : Attribution.physicalMemory() / 4, progress);
    }

    public ReplacementModel model() {
        return model;
    }

    public Prompt prompt() {
        return prompt;
    }

    /** All features that fire. */
    public ActiveFeatures active() {
        return local.active();
    }

    /** Attention probabilities of a layer, F32 [heads, P, P], query by key. Closed with this. */
    public Tensor attention(int layer) {
        return trace.attention(layer);
    }

    /** What enters a layer, F32 [P, d]; it belongs to the innermost open scope. */
    public Tensor stream(int layer) {
        if (layer > 0 && model.model().config().parallel()) {
            return Torch.clone(trace.site(FeatureSite.RESID_MID, layer));
        }
        if (layer > 0) {
            return Torch.add(
                    trace.site(FeatureSite.RESID_MID, layer - 1), trace.site(FeatureSite.HOOK_MLP_OUT, layer - 1));
        }
        Tensor places = model.model().positionEmbedding();
        return places == null
                ? Torch.clone(trace.tokenVectors())
                : Torch.add(trace.tokenVectors(), Torch.narrow(places, 0, 0, prompt.length()));
    }

    // ---- what everything active adds to the stream at a place ----

    /** Number of sources: active features, errors layer by layer, tokens, in this order. */
    public int sourceCount() {
        return active().count() + (model.layers() + 1) * prompt.length();
    }

    /** What a source is. */
    public Node source(int number) {
        int features = active().count();
        int positions = prompt.length();
        if (number < features) {
            return new Node.Feature(active().ref(number), active().activation()[number]);
        }
        int rest = number - features;
        int position = rest % positions;
        return rest < model.layers() * positions
                ? new Node.Error(rest / positions, position)
                : new Node.Token(
                        position, prompt.tokens()[position], prompt.texts().get(position));
    }

    /**
     * What every source adds to some linear functions of the stream that enters a layer.
     *
     * @return for each reading F32 [n, sources], in the innermost open scope
     */
    public List<Tensor> contributions(int layer, List<Reading> readings) {
        try (var scope = TensorScope.open()) {
            if (layer == 0) {
                return readings.stream()
                        .map(reading -> scope.keep(ofTokens(reading)))
                        .toList();
            }
            List<Target> targets = readings.stream()
                    .flatMap(reading -> IntStream.range(0, (int) reading.gradients.size(0))
                            .mapToObj(row -> new Target(layer, reading.position, reading.gradients, row)))
                    .toList();
            FrozenModel below = frozen.below(layer);
            long rows =
                    targets.stream().mapToLong(target -> target.position() + 1).sum();
            try (var sweep = new AdjointSweep(below.weights(), memory / 2, rows);
                    EdgeRows found = sweep.rows(
                                    List.of(new AdjointSweep.Wanted(FrozenPrompt.of(below, sources(), 0), targets)),
                                    done -> {},
                                    () -> false)
                            .getFirst()) {
                List<Tensor> results = new ArrayList<>();
                float[] row = new float[sourceCount()];
                int at = 0;
                for (Reading reading : readings) {
                    int count = (int) reading.gradients.size(0);
                    float[] values = new float[Math.multiplyExact(count, row.length)];
                    for (int i = 0; i < count; i++) {
                        found.copyRow(at++, row);
                        System.arraycopy(row, 0, values, i * row.length, row.length);
                    }
                    results.add(scope.keep(Torch.to(Tensor.ofFloats(values, count, row.length), frozen.device())));
                }
                return results;
            }
        }
    }

    /**
     * What some sources add to the stream that enters a layer at a position, F32 [n, d], in the innermost open scope.
     *
     * @param numbers as {@link #source} counts
     */
    public Tensor added(int layer, int position, int[] numbers) {
        int all = active().count();
        int[] reaching = Arrays.stream(numbers)
                .filter(number -> layer(number) < layer && source(number).position() <= position)
                .distinct()
                .sorted()
                .toArray();
        int[] features = Arrays.stream(reaching).filter(number -> number < all).toArray();
        int[] columns = IntStream.range(0, reaching.length)
                .map(i -> reaching[i] < all ? i : reaching[i] - all + features.length)
                .toArray();
        try (var scope = TensorScope.open()) {
            Tensor result = Tensor.zeros(DType.F32, frozen.device(), numbers.length, frozen.width());
            if (reaching.length > 0) {
                Tensor found = Contributions.toStream(frozen, sources(some(features)), columns, layer, position);
                for (int i = 0; i < numbers.length; i++) {
                    int at = Arrays.binarySearch(reaching, numbers[i]);
                    if (at >= 0) {
                        Torch.copy(Torch.select(result, 0, i), Torch.select(found, 0, at));
                    }
                }
            }
            return scope.keep(result);
        }
    }

    /** The layer of a source; -1 for a token. */
    private int layer(int number) {
        return switch (source(number)) {
            case Node.Feature feature -> feature.layer();
            case Node.Error error -> error.layer();
            case Node _ -> -1;
        };
    }

    private ActiveFeatures some(int[] numbers) {
        ActiveFeatures all = active();
        float[] activation = new float[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            activation[i] = all.activation()[numbers[i]];
        }
        return new ActiveFeatures(
                Arrays.stream(numbers).map(i -> all.layer()[i]).toArray(),
                Arrays.stream(numbers).map(i -> all.position()[i]).toArray(),
                Arrays.stream(numbers).map(i -> all.feature()[i]).toArray(),
                activation);
    }

    /** Numbers that a score's reading takes for each row of a sweep: what it costs, in products. */
    public long rowCost(int layer, int position) {
        FrozenWeights weights = frozen.weights();
        return (position + 1L) * layer * weights.width() * (weights.headsWidth() + weights.valueWidth());
    }

    /** Below the first attention there is the token alone. */
    private Tensor ofTokens(Reading reading) {
        try (var scope = TensorScope.open()) {
            long count = reading.gradients.size(0);
            Tensor all = Tensor.zeros(reading.gradients.dtype(), frozen.device(), count, sourceCount());
            int column = active().count() + model.layers() * prompt.length() + reading.position;
            Torch.copy(
                    Torch.narrow(all, 1, column, 1),
                    Torch.linear(reading.gradients, Torch.narrow(trace.tokenVectors(), 0, reading.position, 1), null));
            return scope.keep(all);
        }
    }

    Trace trace() {
        return trace;
    }

    FrozenModel frozen() {
        return frozen;
    }

    Sources sources() {
        if (sources == null) {
            TensorScope scope = TensorScope.open();
            try {
                sources = sources(active());
                sourceTensors = scope.detach();
            } catch (RuntimeException | Error e) {
                scope.close();
                throw e;
            }
        }
        return sources;
    }

    private Sources sources(ActiveFeatures features) {
        return new Sources(
                features, model.transcoders(), frozen.outputNorms(), local.errors(), trace.tokenVectors(), memory / 4);
    }

    // ---- heads of edges ----

    /**
     * Finds the head loadings of edges of a graph of this prompt.
     *
     * @param targets what the graph explains; null if it is not known beyond the graph's own list
     * @param target  node of each edge
     * @param source  node of each edge
     * @throws HeadwaterException if the graph is not of this model and prompt, or an edge ends in an output whose
     *      direction is not known
     */
    public void loadings(
            AttributionGraph graph,
            OutputTargets targets,
            int[] target,
            int[] source,
            LoadingSink sink,
            Progress progress) {
        progress.phase("head loadings", target.length);
        try (var scope = TensorScope.open()) {
            int[] nodes = IntStream.concat(IntStream.of(target), IntStream.of(source))
                    .distinct()
                    .sorted()
                    .toArray();
            int[] features = IntStream.of(nodes)
                    .filter(node -> node < graph.firstError())
                    .toArray();
            ActiveFeatures chosen = chosen(graph, features);
            Sources few = sources(chosen);
            TargetVectors vectors = new TargetVectors(model, frozen, chosen, prompt.length());
            int[] ends = IntStream.of(target).distinct().sorted().toArray();
            if (ends.length > 0 && ends[ends.length - 1] >= graph.firstLogit()) {
                vectors.choose(outputs(graph, targets), trace);
            }
            List<Target> found = vectors.of(
                    IntStream.of(ends)
                            .map(node -> column(graph, features, node))
                            .toArray(),
                    few.columns(0));
            List<HeadSweep.Edge> edges = new ArrayList<>();
            for (int e = 0; e < target.length; e++) {
                edges.add(new HeadSweep.Edge(
                        found.get(Arrays.binarySearch(ends, target[e])), column(graph, features, source[e])));
            }
            new HeadSweep(frozen, few, memory / 2).run(edges, sink::edge, progress::advance, progress::cancelled);
        }
    }

    /** The graph's features among the active ones of this prompt. */
    private ActiveFeatures chosen(AttributionGraph graph, int[] features) {
        int[] layer = new int[features.length];
        int[] position = new int[features.length];
        int[] feature = new int[features.length];
        float[] activation = new float[features.length];
        ActiveFeatures all = active();
        int at = 0;
        for (int i = 0; i < features.length; i++) {
            var node = (Node.Feature) graph.node(features[i]);
            while (at < all.count()
                    && (all.layer()[at] != node.layer()
                            || all.position()[at] != node.position()
                            || all.feature()[at] != node.feature())) {
                at++;
            }
            if (at == all.count()) {
                throw new HeadwaterException(
                        "the graph is not of this model and prompt: its feature %s does not fire here; give the model and transcoders that it was made with"
                                .formatted(node.ref()));
            }
            layer[i] = node.layer();
            position[i] = node.position();
            feature[i] = node.feature();
            activation[i] = all.activation()[at];
        }
        return new ActiveFeatures(layer, position, feature, activation);
    }

    /** The layer of a node that can be a source; -1 for a token. */
    public static int layerOf(AttributionGraph graph, int node) {
        return switch (graph.node(node)) {
            case Node.Feature feature -> feature.layer();
            case Node.Error error -> error.layer();
            case Node.Token _ -> -1;
            case Node.Logit _ -> graph.layers();
        };
    }

    private static int column(AttributionGraph graph, int[] features, int node) {
        return node < graph.firstError()
                ? Arrays.binarySearch(features, node)
                : features.length + node - graph.firstError();
    }

    private static final Pattern FEATURE = Pattern.compile("feature (\\d{1,9})/(\\d{1,9}) at position (\\d{1,9})");

    /** What a graph explains, as far as its own list of outputs says it. */
    private OutputTargets outputs(AttributionGraph graph, OutputTargets known) {
        if (known instanceof OutputTargets.Directions || known instanceof OutputTargets.Features) {
            return known;
        }
        List<LogitTarget> labels = graph.targets();
        if (labels.stream().allMatch(label -> label.token() < model.vocabularySize())) {
            return new OutputTargets.Tokens(
                    labels.stream().map(LogitTarget::token).toList());
        }
        List<FeatureRef> features = new ArrayList<>();
        for (LogitTarget label : labels) {
            Matcher name = FEATURE.matcher(label.text());
            if (!name.matches()) {
                throw new UsageException(
                        "the graph explains '" + label.text()
                                + "', whose direction its file does not hold; make the graph again from the prompt, with the same target option");
            }
            features.add(new FeatureRef(
                    Integer.parseInt(name.group(1)), Integer.parseInt(name.group(3)), Integer.parseInt(name.group(2))));
        }
        return new OutputTargets.Features(features);
    }

    @Override
    public void close() {
        try {
            tensors.close();
            if (sourceTensors != null) {
                sourceTensors.close();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            trace.close();
        }
    }
}
