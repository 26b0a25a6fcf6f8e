package dev.headwater.engine.attribution;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.TwoLayers;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Trace;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The linear model that an attribution graph's edges come from, kept for further questions: one forward pass of a
 * prompt, its active features and errors, and the model frozen there. Not thread-safe. Closing it frees native memory;
 * the model stays open.
 */
public final class LinearPrompt implements AutoCloseable {
    /** What {@link LayerInput} needs of the forward pass. */
    private static final Set<FeatureSite> SITES = EnumSet.of(FeatureSite.RESID_MID, FeatureSite.HOOK_MLP_OUT);

    private final ReplacementModel model;
    private final Attribution.Part part;
    private final Prompt prompt;
    private final long memory;
    private final Trace trace;
    private final LocalReplacement local;
    private final FrozenModel frozen;
    private final AutoCloseable tensors;
    private final PhaseClock clock;
    /** Where the graph is of chosen features only. */
    private @Nullable Everything everything;

    /** All that is active, and the tensors that it lies in. */
    private record Everything(Sources sources, AutoCloseable tensors) {}

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

    /** All of it is this one's to close but the model. */
    LinearPrompt(
            ReplacementModel model,
            Attribution.Part part,
            Trace trace,
            AutoCloseable tensors,
            PhaseClock clock,
            long memory) {
        this.model = model;
        this.part = part;
        this.trace = trace;
        this.tensors = tensors;
        this.clock = clock;
        this.memory = memory;
        prompt = part.request().prompt();
        local = part.local();
        frozen = part.frozen().model();
    }

    /**
     * Runs the model over a prompt and freezes it there; {@link Attribution#of(LinearPrompt, Progress)} makes the graph.
     *
     * @throws HeadwaterException if the prompt or a target does not fit the model
     */
    public static LinearPrompt of(
            ReplacementModel model, Prompt prompt, AttributionOptions options, Progress progress) {
        try (var _ = model.use()) {
            return Attribution.linear(model, new Attribution.Request(prompt, options), SITES, null, progress);
        }
    }

    /**
     * Runs the model over the prompt of a graph that there is and freezes it there.
     *
     * @param features the graph's; of a model's own neurons these are what counts as features, of transcoders all that fire
     * @param memory   bytes that gradients and vectors may take, 0 for what the model's budget has
     * @throws HeadwaterException if one of the neurons does not exist in this model or prompt
     */
    public static LinearPrompt of(
            ReplacementModel model, Prompt prompt, List<FeatureRef> features, long memory, Progress progress) {
        int size = model.basis().features();
        long[] numbers = new long[features.size()];
        for (int i = 0; i < numbers.length; i++) {
            FeatureRef ref = features.get(i);
            if (!ref.exists(model.layers(), prompt.length(), size)) {
                throw new HeadwaterException(
                        "the graph's feature %s (layer/position/number) is none of this model and prompt: there are %d layers, %d positions and %d features a layer"
                                .formatted(ref, model.layers(), prompt.length(), size));
            }
            numbers[i] = ((long) ref.layer() * prompt.length() + ref.position()) * size + ref.feature();
        }
        long[] known = Arrays.stream(numbers).sorted().distinct().toArray();
        var request = new Attribution.Request(prompt, AttributionOptions.DEFAULT.withMemory(memory));
        try (var _ = model.use()) {
            return Attribution.linear(model, request, SITES, known, progress);
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

    /** What enters a layer, and what everything active adds to it. */
    public LayerInput entering(int layer) {
        return new LayerInput(this, layer);
    }

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

    Trace trace() {
        return trace;
    }

    FrozenModel frozen() {
        return frozen;
    }

    PhaseClock clock() {
        return clock;
    }

    /** Bytes that gradients and vectors may take. */
    long memory() {
        return memory;
    }

    Attribution.Part part() {
        return part;
    }

    /** Everything active. */
    Sources sources() {
        if (part.chosen() == null) {
            return part.frozen().sources();
        }
        if (everything == null) {
            TensorScope scope = TensorScope.open();
            try {
                everything = new Everything(sources(active()), scope.detach());
            } catch (RuntimeException | Error e) {
                scope.close();
                throw e;
            }
        }
        return everything.sources;
    }

    /** Everything active below some layer, for a sweep. */
    FrozenPrompt seenFrom(FrozenModel below) {
        return new FrozenPrompt(below, sources(), part.frozen().reach(), 0);
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
            @Nullable OutputTargets known,
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
                new HeadSweep(frozen, twoLayers(ends.targets()), few, memory / 2, model.memory())
                        .run(edges, sink::edge, progress::advance, progress::cancelled);
            }
        }
    }

    /** Direct effects, as a graph's edges state them. Parameters are those of {@link #loadings}. */
    public float[] weights(List<? extends Node> target, List<? extends Node> source, @Nullable OutputTargets known) {
        try (var _ = model.use();
                var _ = TensorScope.open()) {
            EdgeEnds ends = EdgeEnds.of(this, target, source, known);
            var wanted = new AdjointSweep.Wanted(
                    new FrozenPrompt(frozen, ends.sources(), part.frozen().reach(), 0), ends.targets());
            try (var _ = ends.sources();
                    var sweep =
                            new AdjointSweep(frozen.weights(), twoLayers(ends.targets()), memory / 2, model.memory());
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

    private TwoLayers twoLayers(List<Target> targets) {
        long rows = targets.stream().mapToLong(end -> end.position() + 1L).sum();
        return model.linear().twoLayers(rows / model.layers());
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
            if (everything != null) {
                everything.sources.close();
                everything.tensors.close();
            }
            part.frozen().sources().close();
            tensors.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            trace.close();
        }
    }
}
