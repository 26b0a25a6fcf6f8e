package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The linear model that an attribution graph's edges come from, kept for further questions: one forward pass of a
 * prompt, its active features and errors, and the model frozen there. Not thread-safe. Closing it frees native memory;
 * the model stays open.
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
        if (model.basis().dense()) {
            throw new UsageException("heads of edges are known for transcoders' features only, not yet for neurons");
        }
        progress.phase("forward pass", 1);
        TensorScope scope = TensorScope.open();
        Trace made = null;
        try {
            var sites = EnumSet.of(
                    model.basis().input(), model.basis().output(), FeatureSite.RESID_MID, FeatureSite.HOOK_MLP_OUT);
            trace = made =
                    model.model().forward(prompt.tokens(), new TraceRequest(sites, true, TraceRequest.Logits.LAST));
            progress.advance(1);
            progress.phase("encode", model.layers());
            local = LocalReplacement.of(model, List.of(trace), progress::advance)
                    .getFirst();
            frozen = FrozenModel.of(model.linear().weights(), model.model(), trace, model.basis());
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
     * @param memory bytes that gradients and vectors may take, 0 for what the model's budget has
     */
    public static LinearPrompt of(ReplacementModel model, Prompt prompt, long memory, Progress progress) {
        try (var _ = model.use()) {
            return new LinearPrompt(
                    model, prompt, memory > 0 ? memory : model.memory().working(Place.DEVICE), progress);
        }
    }

    /** {@return the model that was linearised, borrowed} */
    public ReplacementModel model() {
        return model;
    }

    /** {@return the prompt at which it was linearised} */
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

    /** Where a head looks from a position [P]. */
    public float[] attention(int layer, int head, int query) {
        try (var scope = TensorScope.open()) {
            return TorchShape.select(TorchShape.select(trace.attention(layer), 0, head), 0, query)
                    .toFloats();
        }
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
                : Torch.add(trace.tokenVectors(), TorchShape.narrow(places, 0, 0, prompt.length()));
    }

    // ---- what everything active adds to the stream at a place ----

    /** Everything active, by number. */
    public PromptSources numbered() {
        return new PromptSources(model.layers(), prompt, active());
    }

    /** Number of sources: active features, errors layer by layer, tokens, in this order. */
    public int sourceCount() {
        return numbered().count();
    }

    /** What a source is. */
    public Node source(int number) {
        return numbered().node(number);
    }

    /**
     * What every source adds to some linear functions of the stream that enters a layer.
     *
     * @return for each reading F32 [n, sources], in the innermost open scope
     */
    public List<Tensor> contributions(int layer, List<Reading> readings) {
        try (var _ = model.use();
                var scope = TensorScope.open()) {
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
            try (var sweep = new AdjointSweep(
                            below.weights(), model.linear().twoLayers(rows / layer), memory / 2, model.memory());
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
                .filter(number ->
                        numbered().layer(number) < layer && source(number).position() <= position)
                .distinct()
                .sorted()
                .toArray();
        int[] features = Arrays.stream(reaching).filter(number -> number < all).toArray();
        int[] columns = IntStream.range(0, reaching.length)
                .map(i -> reaching[i] < all ? i : reaching[i] - all + features.length)
                .toArray();
        try (var _ = model.use();
                var scope = TensorScope.open();
                Sources few = sources(active().some(features))) {
            Tensor result = Tensor.zeros(DType.F32, frozen.device(), numbers.length, frozen.width());
            if (reaching.length > 0) {
                Tensor found = Contributions.toStream(frozen, few, columns, layer, position);
                for (int i = 0; i < numbers.length; i++) {
                    int at = Arrays.binarySearch(reaching, numbers[i]);
                    if (at >= 0) {
                        Torch.copy(TorchShape.select(result, 0, i), TorchShape.select(found, 0, at));
                    }
                }
            }
            return scope.keep(result);
        }
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
                    TorchShape.narrow(all, 1, column, 1),
                    Torch.linear(
                            reading.gradients, TorchShape.narrow(trace.tokenVectors(), 0, reading.position, 1), null));
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

    Sources sources(ActiveFeatures features) {
        return new Sources(
                features,
                model.basis(),
                frozen.outputNorms(),
                local.errors(),
                trace.tokenVectors(),
                memory / 4,
                model.memory());
    }

    // ---- edges ----

    /**
     * Finds the head loadings of edges.
     *
     * @param target features and outputs
     * @param source features, errors and tokens
     * @param known  what outputs that are no tokens stand for; null if there are none, or features whose text says it
     * @throws HeadwaterException if a node is none of this model and prompt, or what an output stands for is not known
     */
    public void loadings(
            List<? extends Node> target,
            List<? extends Node> source,
            OutputTargets known,
            LoadingSink sink,
            Progress progress) {
        progress.phase("head loadings", target.size());
        try (var _ = model.use();
                var _ = TensorScope.open()) {
            EdgeEnds ends = EdgeEnds.of(this, target, source, known);
            List<HeadSweep.Edge> edges = IntStream.range(0, target.size())
                    .mapToObj(e -> new HeadSweep.Edge(ends.of(e), ends.column()[e]))
                    .toList();
            try (var few = ends.sources()) {
                new HeadSweep(frozen, few, memory / 2).run(edges, sink::edge, progress::advance, progress::cancelled);
            }
        }
    }

    /** Direct effects, as a graph's edges state them. Parameters are those of {@link #loadings}. */
    public float[] weights(List<? extends Node> target, List<? extends Node> source, OutputTargets known) {
        try (var _ = model.use();
                var _ = TensorScope.open()) {
            EdgeEnds ends = EdgeEnds.of(this, target, source, known);
            long rows =
                    ends.targets().stream().mapToLong(end -> end.position() + 1).sum();
            var wanted = new AdjointSweep.Wanted(FrozenPrompt.of(frozen, ends.sources(), 0), ends.targets());
            try (var _ = ends.sources();
                    var sweep = new AdjointSweep(
                            frozen.weights(),
                            model.linear().twoLayers(rows / model.layers()),
                            memory / 2,
                            model.memory());
                    EdgeRows found =
                            sweep.rows(List.of(wanted), done -> {}, () -> false).getFirst()) {
                float[] weights = new float[target.size()];
                for (int e = 0; e < weights.length; e++) {
                    weights[e] = found.get(ends.target()[e], ends.column()[e]);
                }
                return weights;
            }
        }
    }

    /**
     * The number of a source.
     *
     * @throws HeadwaterException if it is none of this model and prompt
     */
    public int number(Node node) {
        return numbered().number(node);
    }

    @Override
    public void close() {
        try {
            tensors.close();
            if (sourceTensors != null) {
                sourceTensors.close();
                sources.close();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            trace.close();
        }
    }
}
