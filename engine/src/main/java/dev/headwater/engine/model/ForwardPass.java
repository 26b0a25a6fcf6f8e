package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.TraceRequest.Logits;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One run of a model over tokens, after those of a cache if there is one: [rows, width] from layer to layer, in
 * float32. Several prompts lie one below the other, and meet only where a product with a weight takes all rows at once.
 */
final class ForwardPass {
    /** Attention scores held at once: 256 MiB; more heads than fit wait for their turn. */
    static final long MOST_SCORES = 1L << 26;
    /** Rows of short texts that share one square of attention scores, at most: as many as one text of usual length has. */
    private static final int PACKED_ROWS = 128;

    private final LanguageModel model;
    private final ModelConfig config;
    private final List<Part> parts = new ArrayList<>();
    private final int[] tokens;
    private final TraceRequest request;
    private final Hooks hooks;
    private final @Nullable KvCache cache;
    private final long mostScores;
    private final int past;
    private final int rows;
    private final int most;

    /** A prompt's rows and what is kept of them. */
    record Part(int first, int positions, Trace trace) {
        Tensor of(Tensor all) {
            return all.size(0) == positions ? all : TorchShape.narrow(all, 0, first, positions);
        }
    }

    /** @param prompts one, unless there is no cache, and no hooks but such as {@link LanguageModel#forward(List, TraceRequest, Hooks)} takes */
    ForwardPass(
            LanguageModel model,
            List<int[]> prompts,
            TraceRequest request,
            Hooks hooks,
            @Nullable KvCache cache,
            long mostScores) {
        this(model, prompts, request, hooks, cache, mostScores, 0);
    }

    /** Of many short texts, of which nothing is kept but logits, and what a hook takes. */
    static ForwardPass packed(LanguageModel model, List<int[]> texts, Hooks hooks, Logits logits) {
        return new ForwardPass(
                model, texts, new TraceRequest(Set.of(), false, logits), hooks, null, MOST_SCORES, PACKED_ROWS);
    }

    /** @param most rows that prompts may have together to attend as one, each to itself */
    private ForwardPass(
            LanguageModel model,
            List<int[]> prompts,
            TraceRequest request,
            Hooks hooks,
            @Nullable KvCache cache,
            long mostScores,
            int most) {
        this.model = model;
        this.config = model.config();
        this.request = request;
        this.hooks = hooks;
        this.cache = cache;
        this.mostScores = mostScores;
        this.most = most;
        past = cache == null ? 0 : cache.length();
        tokens = prompts.stream().flatMapToInt(IntStream::of).toArray();
        rows = tokens.length;
        int first = 0;
        for (int[] prompt : prompts) {
            parts.add(new Part(first, prompt.length, new Trace(prompt, config.layers())));
            first += prompt.length;
        }
    }

    /** In the order of the prompts. */
    List<Trace> run() {
        return run(config.layers());
    }

    /** @param layers that are run; what a request asks of later ones, or of the output, is not kept if they are not all */
    List<Trace> run(int layers) {
        try (var scope = TensorScope.open()) {
            int[] position = parts.stream()
                    .flatMapToInt(part -> IntStream.range(past, past + part.positions))
                    .toArray();
            ForwardAttention attention =
                    new ForwardAttention(model, parts, request, hooks, cache, mostScores, position, most);
            Tensor stream = embed(position);
            for (int l = 0; l < layers; l++) {
                Tensor entering = stream;
                try (var layer = TensorScope.open()) {
                    stream = layer.keep(layer(l, entering, attention));
                }
                if (l > 0) {
                    entering.close();
                }
            }
            if (layers == config.layers()) {
                unembed(stream);
            }
            if (cache != null) {
                cache.advance(rows);
            }
            return parts.stream().map(Part::trace).toList();
        } catch (Throwable failure) {
            parts.forEach(part -> part.trace.close());
            throw failure;
        }
    }

    private Tensor embed(int[] position) {
        Tensor ids = Torch.to(Tensor.ofInts(tokens, rows), model.device());
        Tensor vectors = Torch.to(TorchShape.embedding(model.embedding(), ids), DType.F32);
        if (config.embeddingScale() != 1) {
            vectors = Torch.mul(vectors, (float) config.embeddingScale());
        }
        if (request.frozen()) {
            for (Part part : parts) {
                part.trace.keepTokenVectors(part.of(vectors));
            }
        }
        Tensor learned = model.positionEmbedding();
        Tensor stream = learned != null
                ? Torch.add(
                        vectors, TorchShape.embedding(learned, Torch.to(Tensor.ofInts(position, rows), model.device())))
                : vectors;
        return taken(stream, hooks.embeddings(stream), "the embeddings");
    }

    private Tensor layer(int l, Tensor entering, ForwardAttention attention) {
        LayerWeights weights = model.layer(l);
        Tensor attended = attention.of(
                l, weights.attention(), normalise(weights.preAttention(), NormSite.PRE_ATTENTION, l, entering));
        attended = toStream(normalise(weights.postAttention(), NormSite.POST_ATTENTION, l, attended));
        Tensor middle = Torch.add(entering, attended);
        // What entered is given back by the caller, so what is kept of it needs a handle of its own.
        Tensor read = at(
                FeatureSite.RESID_MID,
                l,
                config.parallel() ? TorchShape.reshape(entering, rows, config.width()) : middle);
        Tensor in = at(FeatureSite.MLP_IN, l, normalise(weights.preMlp(), NormSite.PRE_MLP, l, read));
        Tensor out = at(FeatureSite.MLP_OUT, l, weights.mlp().apply(in));
        out = toStream(normalise(weights.postMlp(), NormSite.POST_MLP, l, out));
        return Torch.add(config.parallel() ? middle : read, at(FeatureSite.HOOK_MLP_OUT, l, out));
    }

    private Tensor toStream(Tensor added) {
        return config.residualScale() == 1 ? added : Torch.mul(added, config.residualScale());
    }

    private void unembed(Tensor stream) {
        if (request.logits() == Logits.NONE && !request.frozen()) {
            return;
        }
        Tensor normalised = normalise(model.finalNorm(), NormSite.FINAL, 0, stream);
        if (request.frozen()) {
            for (Part part : parts) {
                part.trace.keepFinalResidual(TorchShape.reshape(part.of(stream), part.positions, config.width()));
            }
        }
        if (request.logits() == Logits.NONE) {
            return;
        }
        Tensor together = hooks != Hooks.NONE && parts.size() > 1 && request.logits() == Logits.LAST
                ? logits(TorchShape.indexSelect(normalised, 0, lastRows()))
                : null;
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            Tensor read = part.of(normalised);
            if (request.logits() == Logits.LAST) {
                read = TorchShape.narrow(read, 0, part.positions - 1, 1);
            }
            Tensor logits = together == null ? logits(read) : Torch.clone(TorchShape.narrow(together, 0, i, 1));
            float largest = TorchReduce.amax(TorchShape.narrow(logits, 0, logits.size(0) - 1, 1), -1, false)
                    .item();
            if (!Float.isFinite(largest)) {
                throw new HeadwaterException(
                        "%s computes logits that are not finite; its weights are damaged, or the prompt or an edit drives it out of range"
                                .formatted(model.directory()));
            }
            part.trace.keepLogits(logits);
        }
    }

    private Tensor logits(Tensor read) {
        return ForwardAttention.capped(new Linear(model.unembedding(), null).apply(read), config.finalSoftcap());
    }

    private Tensor lastRows() {
        int[] last =
                parts.stream().mapToInt(part -> part.first + part.positions - 1).toArray();
        return Torch.to(Tensor.ofInts(last, last.length), model.device());
    }

    /** Passes a value by the hooks, and keeps what they make of it if the request says so. */
    private Tensor at(FeatureSite site, int l, Tensor value) {
        Tensor result = taken(value, hooks.at(site, l, value), site.hookName() + " of layer " + l);
        if (request.sites().contains(site)) {
            for (Part part : parts) {
                part.trace.keepSite(site, l, part.of(result));
            }
        }
        return result;
    }

    /** What a hook returned; as a handle of our own if it isn't what it was given, since it may be anybody's. */
    private Tensor taken(Tensor given, Tensor returned, String where) {
        if (returned == given) {
            return given;
        }
        if (returned.rank() != 2 || returned.size(0) != rows || returned.size(1) != config.width()) {
            throw new IllegalArgumentException(
                    "a hook changed %s to %s; its shape is [%d, %d]".formatted(where, returned, rows, config.width()));
        }
        return TorchShape.reshape(returned, rows, config.width());
    }

    /** x itself where the family has no such norm. */
    private Tensor normalise(@Nullable Norm norm, NormSite site, int l, Tensor x) {
        if (norm == null) {
            return site == NormSite.PRE_MLP ? at(FeatureSite.LN2_NORMALIZED, l, x) : x;
        }
        Tensor centred = norm.centred(x);
        Tensor frozen = hooks.reciprocal(site, l);
        Tensor reciprocal = frozen == null ? norm.reciprocal(centred) : TorchShape.reshape(frozen, rows, 1);
        if (request.frozen()) {
            for (Part part : parts) {
                part.trace.keepReciprocal(site, l, TorchShape.reshape(part.of(reciprocal), part.positions));
            }
        }
        Tensor normalised = Torch.mul(centred, reciprocal);
        if (site != NormSite.PRE_MLP) {
            return norm.gained(normalised);
        }
        return norm.centres()
                ? at(FeatureSite.LN2_NORMALIZED, l, norm.gained(normalised))
                : norm.gained(at(FeatureSite.LN2_NORMALIZED, l, normalised));
    }
}
