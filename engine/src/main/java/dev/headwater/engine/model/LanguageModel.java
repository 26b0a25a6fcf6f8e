package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A language model: its configuration, its weights on a device, and its forward pass. May be used by several threads at
 * once.
 */
public final class LanguageModel implements AutoCloseable {
    /** Rows of the unembedding that are brought to float32 at a time. */
    private static final long MEAN_ROWS = 8192;

    private final Path directory;
    private final ModelConfig config;
    private final DType compute;
    private final Device device;
    private final TensorSource tensors;
    private final List<Tensor> owned;
    private final Tensor embedding;
    private final @Nullable Tensor positionEmbedding;
    private final List<LayerWeights> layers = new ArrayList<>();
    private final Norm finalNorm;
    private final Tensor unembedding;
    private @Nullable Tensor meanUnembedding;

    private LanguageModel(Path directory, ModelFiles files, WeightLoader weights, DType compute, Device device) {
        this.directory = directory;
        this.config = files.config();
        this.tensors = files.tensors();
        this.compute = compute;
        this.device = device;
        owned = weights.owned();
        embedding = weights.embedding();
        positionEmbedding = config.learnedPositions() ? weights.positions() : null;
        for (int l = 0; l < config.layers(); l++) {
            layers.add(weights.layer(l));
        }
        finalNorm = weights.finalNorm();
        unembedding = config.tied() ? embedding : weights.unembedding();
        tensors.requireAllRead();
    }

    /**
     * Loads a Hugging Face model directory or a GGUF file. On the CPU, weights that are stored in the compute type are
     * used where the file is mapped; others are converted once.
     *
     * @param compute type of the matrix products: F32, BF16 or F16. Everything else is computed in float32
     * @throws HeadwaterException if the directory, its configuration or its weights are missing or unsound, or do not
     * fit each other
     */
    public static LanguageModel load(Path path, DType compute, Device device) {
        if (compute != DType.F32 && compute != DType.BF16 && compute != DType.F16) {
            throw new HeadwaterException("A model cannot compute in " + compute + "; use F32, BF16 or F16");
        }
        ModelFiles files = ModelFiles.open(path);
        WeightLoader weights = null;
        try {
            NativeLibraries.load();
            weights = new WeightLoader(files.tensors(), files.layout(), files.config(), compute, device);
            return new LanguageModel(path, files, weights, compute, device);
        } catch (Throwable failure) {
            if (weights != null) {
                weights.owned().forEach(Tensor::close);
            }
            files.close();
            throw failure;
        }
    }

    /** The model's directory, or the GGUF file. */
    public Path directory() {
        return directory;
    }

    /** {@return what config.json or the GGUF metadata say of it} */
    public ModelConfig config() {
        return config;
    }

    /** Type of matrices and of matrix products. */
    public DType compute() {
        return compute;
    }

    /** {@return where the weights lie} */
    public Device device() {
        return device;
    }

    /** {@return the weights of a layer from 0, borrowed: they close with the model} */
    public LayerWeights layer(int layer) {
        return layers.get(layer);
    }

    /** Before the unembedding. */
    public Norm finalNorm() {
        return finalNorm;
    }

    /** [vocab, width] in the compute type, before the embeddings' scaling. */
    public Tensor embedding() {
        return embedding;
    }

    /** [maxPositions, width] float32, or null where positions are rotary. */
    public @Nullable Tensor positionEmbedding() {
        return positionEmbedding;
    }

    /** W_U, [vocab, width] in the compute type; the embedding itself where they are tied. */
    public Tensor unembedding() {
        return unembedding;
    }

    /** [d]: the direction in the final residual stream, after the last norm, that raises a token's logit. */
    public float[] unembedding(int token) {
        try (var scope = TensorScope.open()) {
            return Torch.to(TorchShape.select(unembedding, 0, token), DType.F32).toFloats();
        }
    }

    /** F32 [1, width]: mean of the unembedding's rows, which is taken off a token's direction. Closed with the model. */
    public synchronized Tensor meanUnembedding() {
        if (meanUnembedding == null) {
            // Not the whole matrix in float32 at once, where it has another type.
            long all = unembedding.size(0);
            long block = unembedding.dtype() == DType.F32 ? all : MEAN_ROWS;
            try (var scope = TensorScope.open()) {
                Tensor sum = Tensor.zeros(DType.F32, device, 1, unembedding.size(1));
                for (long first = 0; first < all; first += block) {
                    Tensor some = TorchShape.narrow(unembedding, 0, first, Math.min(block, all - first));
                    sum = Torch.add(sum, TorchReduce.sum(Torch.to(some, DType.F32), 0, true));
                }
                meanUnembedding = TensorScope.release(Torch.mul(sum, 1.0 / all));
            }
        }
        return meanUnembedding;
    }

    /**
     * Logits of the tokens after some positions of a pass that has kept its final residual, of which it may have kept the last
     * position's only.
     *
     * @return after any soft-cap, F32 [n, vocab]; owned by the current scope
     */
    public Tensor logits(Trace trace, int[] positions) {
        try (var scope = TensorScope.open()) {
            Tensor index = Torch.to(Tensor.ofInts(positions, positions.length), device);
            Tensor read = finalNorm.apply(TorchShape.indexSelect(trace.finalResidual(), 0, index));
            return scope.keep(
                    ForwardAttention.capped(new Linear(unembedding, null).apply(read), config.finalSoftcap()));
        }
    }

    /** Runs the model over a prompt. */
    public Trace forward(int[] tokens, TraceRequest request) {
        return forward(tokens, request, Hooks.NONE, null);
    }

    /**
     * A forward pass over a whole prompt.
     *
     * @return what {@code request} asked for; the caller closes it
     */
    public Trace forward(int[] tokens, TraceRequest request, Hooks hooks) {
        return forward(tokens, request, hooks, null);
    }

    /**
     * Runs the model over new tokens.
     *
     * @param cache what was read before, to which these tokens are added; null for a prompt from its start
     * @throws UsageException if there are no tokens, too many for the model or the cache, or one is not in the
     * vocabulary
     * @throws HeadwaterException if the logits are not finite
     */
    public Trace forward(int[] tokens, TraceRequest request, Hooks hooks, @Nullable KvCache cache) {
        check(tokens, cache);
        return new ForwardPass(this, List.of(tokens), request, hooks, cache, ForwardPass.MOST_SCORES)
                .run()
                .getFirst();
    }

    /**
     * Runs the model over several prompts, which do not see each other, and share the products with the weights.
     *
     * @return in the order of the prompts; the caller closes them
     * @throws UsageException if a prompt is empty, too long for the model, or has a token that is not in the vocabulary
     * @throws HeadwaterException if logits are not finite
     */
    public List<Trace> forward(List<int[]> prompts, TraceRequest request) {
        return forward(prompts, request, Hooks.NONE);
    }

    /**
     * As above, with hooks that see the rows of all prompts one below the other. The attention that they give is one
     * prompt's, [heads, positions, positions], and holds for each; the prompts have one length then. {@link
     * Hooks#pattern} is not asked.
     */
    public List<Trace> forward(List<int[]> prompts, TraceRequest request, Hooks hooks) {
        prompts.forEach(tokens -> check(tokens, null));
        return new ForwardPass(this, prompts, request, hooks, null, ForwardPass.MOST_SCORES).run();
    }

    /** Of the first layers, for {@link WindowPass}; nothing is kept. */
    void readPacked(List<int[]> windows, int layers, Hooks hooks) {
        windows.forEach(tokens -> check(tokens, null));
        ForwardPass.packed(this, windows, hooks, TraceRequest.Logits.NONE)
                .run(layers)
                .forEach(Trace::close);
    }

    /** Of all layers, for {@link WindowPass}. */
    List<Trace> readPacked(List<int[]> windows, Hooks hooks, TraceRequest.Logits logits) {
        windows.forEach(tokens -> check(tokens, null));
        return ForwardPass.packed(this, windows, hooks, logits).run();
    }

    private void check(int[] tokens, @Nullable KvCache cache) {
        int past = cache == null ? 0 : cache.length();
        int most = cache == null ? config.maxPositions() : Math.min(cache.capacity(), config.maxPositions());
        if (tokens.length == 0) {
            throw new UsageException("The prompt is empty: at least one token is needed");
        }
        if (tokens.length > most - past) {
            throw new UsageException("The prompt has %d tokens, but %s takes at most %d"
                    .formatted(past + tokens.length, most == config.maxPositions() ? directory : "the cache", most));
        }
        for (int p = 0; p < tokens.length; p++) {
            if (tokens[p] < 0 || tokens[p] >= config.vocab()) {
                throw new UsageException(
                        "Token id %d at position %d is not in the vocabulary of %s, whose ids are 0 to %d"
                                .formatted(tokens[p], past + p, directory, config.vocab() - 1));
            }
        }
    }

    /** A cache with room for so many positions, on the model's device; the caller closes it. */
    public KvCache cache(int capacity) {
        return new KvCache(config, device, Math.clamp(capacity, 1, config.maxPositions()));
    }

    @Override
    public synchronized void close() {
        if (meanUnembedding != null) {
            meanUnembedding.close();
        }
        owned.forEach(Tensor::close);
        tensors.close();
    }
}
