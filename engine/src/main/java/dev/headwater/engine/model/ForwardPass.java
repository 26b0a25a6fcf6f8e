package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.ModelConfig.Reach;
import dev.headwater.engine.model.TraceRequest.Logits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * One run of a model over tokens, after those of a cache if there is one: [rows, width] from layer to layer, in
 * float32. Several prompts lie one below the other, and meet only where a product with a weight takes all rows at once.
 */
final class ForwardPass {
    /** Attention scores held at once: 256 MiB; more heads than fit wait for their turn. */
    static final long MOST_SCORES = 1L << 26;

    private final LanguageModel model;
    private final ModelConfig config;
    private final List<Part> parts = new ArrayList<>();
    private final int[] tokens;
    private final TraceRequest request;
    private final Hooks hooks;
    private final KvCache cache;
    private final long mostScores;
    private final int past;
    private final int rows;
    private final Map<Rope, Rope.Table> ropes = new HashMap<>();
    private final Map<Mask, Tensor> masks = new HashMap<>();

    /** A prompt's rows and what is kept of them. */
    private record Part(int first, int positions, Trace trace) {
        Tensor of(Tensor all) {
            return all.size(0) == positions ? all : TorchShape.narrow(all, 0, first, positions);
        }
    }

    /** What a query of a prompt sees: all before it, or a window. */
    private record Mask(int positions, int window) {}

    /** @param prompts one, unless there are neither hooks nor a cache */
    ForwardPass(
            LanguageModel model,
            List<int[]> prompts,
            TraceRequest request,
            Hooks hooks,
            KvCache cache,
            long mostScores) {
        this.model = model;
        this.config = model.config();
        this.request = request;
        this.hooks = hooks;
        this.cache = cache;
        this.mostScores = mostScores;
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
        try (var scope = TensorScope.open()) {
            int[] position = parts.stream()
                    .flatMapToInt(part -> IntStream.range(past, past + part.positions))
                    .toArray();
            int[] length = parts.stream()
                    .flatMapToInt(part ->
                            IntStream.generate(() -> past + part.positions).limit(part.positions))
                    .toArray();
            for (Reach reach : config.attention().layers()) {
                if (reach.rope() != null) {
                    reach.rope().requireSame(past, past + rows);
                    ropes.computeIfAbsent(reach.rope(), rope -> rope.table(position, length, model.device()));
                }
                for (Part part : parts) {
                    Mask mask = mask(reach, part);
                    if (!masks.containsKey(mask)) {
                        masks.put(mask, tensor(mask));
                    }
                }
            }
            Tensor stream = embed(position);
            for (int l = 0; l < config.layers(); l++) {
                Tensor entering = stream;
                try (var layer = TensorScope.open()) {
                    stream = layer.keep(layer(l, entering));
                }
                if (l > 0) {
                    entering.close();
                }
            }
            unembed(stream);
            if (cache != null) {
                cache.advance(rows);
            }
            return parts.stream().map(Part::trace).toList();
        } catch (Throwable failure) {
            parts.forEach(part -> part.trace.close());
            throw failure;
        }
    }

    /** The layer's window; 0 if every position is within it. */
    private Mask mask(Reach reach, Part part) {
        return new Mask(part.positions, reach.window() >= past + part.positions ? 0 : reach.window());
    }

    /** [positions, past + positions], 0 where a query sees a key and -inf elsewhere; null where it sees all. */
    private Tensor tensor(Mask mask) {
        if (mask.positions == 1 && mask.window == 0) {
            return null;
        }
        try (var scope = TensorScope.open()) {
            Tensor hidden = Tensor.full(
                    Double.NEGATIVE_INFINITY, DType.F32, model.device(), mask.positions, past + mask.positions);
            Tensor later = TorchReduce.triu(hidden, past + 1);
            return scope.keep(
                    mask.window == 0 ? later : Torch.add(later, TorchReduce.tril(hidden, past - mask.window)));
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
        Tensor stream = config.learnedPositions()
                ? Torch.add(
                        vectors,
                        TorchShape.embedding(
                                model.positionEmbedding(), Torch.to(Tensor.ofInts(position, rows), model.device())))
                : vectors;
        return taken(stream, hooks.embeddings(stream), "the embeddings");
    }

    private Tensor layer(int l, Tensor entering) {
        LayerWeights weights = model.layer(l);
        Tensor attended = attention(
                l, weights.attention(), normalise(weights.preAttention(), NormSite.PRE_ATTENTION, l, entering));
        attended = toStream(normalise(weights.postAttention(), NormSite.POST_ATTENTION, l, attended));
        Tensor middle = Torch.add(entering, attended);
        Tensor read = at(FeatureSite.RESID_MID, l, config.parallel() ? entering : middle);
        Tensor in = at(FeatureSite.MLP_IN, l, normalise(weights.preMlp(), NormSite.PRE_MLP, l, read));
        Tensor out = at(FeatureSite.MLP_OUT, l, weights.mlp().apply(in));
        out = toStream(normalise(weights.postMlp(), NormSite.POST_MLP, l, out));
        return Torch.add(config.parallel() ? middle : read, at(FeatureSite.HOOK_MLP_OUT, l, out));
    }

    private Tensor toStream(Tensor added) {
        return config.residualScale() == 1 ? added : Torch.mul(added, config.residualScale());
    }

    private void unembed(Tensor stream) {
        Tensor normalised = normalise(model.finalNorm(), NormSite.FINAL, 0, stream);
        if (request.frozen()) {
            for (Part part : parts) {
                part.trace.keepFinalResidual(TorchShape.reshape(part.of(stream), part.positions, config.width()));
            }
        }
        if (request.logits() == Logits.NONE) {
            return;
        }
        for (Part part : parts) {
            Tensor read = part.of(normalised);
            if (request.logits() == Logits.LAST) {
                read = TorchShape.narrow(read, 0, part.positions - 1, 1);
            }
            Tensor logits = capped(new Linear(model.unembedding(), null).apply(read), config.finalSoftcap());
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
    private Tensor normalise(Norm norm, NormSite site, int l, Tensor x) {
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

    private static Tensor capped(Tensor x, double cap) {
        return cap == 0 ? x : Torch.mul(Torch.tanh(Torch.mul(x, 1 / cap)), cap);
    }

    // ---- attention ----

    private Tensor attention(int l, LayerWeights.Attention weights, Tensor x) {
        ModelConfig.Attention shape = config.attention();
        Reach reach = shape.layers().get(l);
        Tensor frozen = hooks.attention(l);
        Tensor values = byHead(heads(weights.value(), shape.kvHeads(), x));
        Tensor keys = null;
        if (frozen == null || cache != null) {
            keys = byHead(placed(weights.key(), shape.kvHeads(), x, weights.keyNorm(), reach));
        }
        if (cache != null) {
            keys = cache.keys(l, keys);
            values = cache.values(l, values);
        }
        Tensor mixed;
        if (frozen != null) {
            Tensor pattern = hooks.pattern(l, 0, ownProbabilities(l, frozen));
            mixed = mix(pattern, values);
            if (request.frozen()) {
                parts.getFirst().trace.keepAttention(l, TorchShape.reshape(pattern, pattern.shape()));
            }
        } else {
            Tensor queries = byHead(
                    Torch.mul(placed(weights.query(), shape.heads(), x, weights.queryNorm(), reach), shape.scale()));
            if (parts.size() == 1) {
                mixed = attend(l, parts.getFirst(), queries, keys, values, weights.sinks());
            } else {
                List<Tensor> each = new ArrayList<>();
                for (Part part : parts) {
                    each.add(attend(
                            l,
                            part,
                            TorchShape.narrow(queries, 1, part.first, part.positions),
                            TorchShape.narrow(keys, 1, part.first, part.positions),
                            TorchShape.narrow(values, 1, part.first, part.positions),
                            weights.sinks()));
                }
                mixed = TorchShape.cat(each, 1);
            }
        }
        return weights.output()
                .apply(TorchShape.reshape(
                        TorchShape.transpose(mixed, 0, 1), rows, (long) shape.heads() * shape.headDim()));
    }

    /** [rows, heads, headDim]. */
    private Tensor heads(Linear projection, int heads, Tensor x) {
        return TorchShape.reshape(
                projection.apply(x), rows, heads, config.attention().headDim());
    }

    private Tensor placed(Linear projection, int heads, Tensor x, Norm norm, Reach reach) {
        Tensor normalised = switch (config.attention().qkNorm()) {
            case NONE -> heads(projection, heads, x);
            case EACH_HEAD -> norm.apply(heads(projection, heads, x));
            case ALL_HEADS ->
                TorchShape.reshape(
                        norm.apply(projection.apply(x)),
                        rows,
                        heads,
                        config.attention().headDim());
        };
        return reach.rope() == null ? normalised : ropes.get(reach.rope()).rotate(normalised);
    }

    /** [heads, rows, headDim]. */
    private static Tensor byHead(Tensor heads) {
        return TorchShape.transpose(heads, 0, 1);
    }

    private Tensor ownProbabilities(int l, Tensor frozen) {
        long[] needed = {config.attention().heads(), rows, past + rows};
        if (!Arrays.equals(frozen.shape(), needed)) {
            throw new IllegalArgumentException("attention of layer %d is frozen to %s; its shape is %s"
                    .formatted(l, frozen, Arrays.toString(needed)));
        }
        return TorchShape.reshape(frozen, needed);
    }

    /**
     * All heads of a prompt, as many at once as {@code mostScores} allows; queries are [heads, positions, headDim] and
     * scaled.
     */
    private Tensor attend(int l, Part part, Tensor queries, Tensor keys, Tensor values, Tensor sinks) {
        ModelConfig.Attention shape = config.attention();
        Tensor mask = masks.get(mask(shape.layers().get(l), part));
        int group = shape.group();
        int positions = part.positions;
        int total = past + positions;
        int block = Math.clamp(mostScores / ((long) group * positions * total), 1, shape.kvHeads());
        if (block == shape.kvHeads()) {
            Tensor probabilities = hooks.pattern(l, 0, probabilities(queries, keys, sinks, mask));
            if (request.frozen()) {
                part.trace.keepAttention(l, probabilities);
            }
            return mix(probabilities, values);
        }
        Device device = model.device();
        Tensor mixed = Tensor.empty(DType.F32, device, shape.heads(), positions, shape.headDim());
        Tensor kept = request.frozen() ? Tensor.empty(DType.F32, device, shape.heads(), positions, total) : null;
        for (int first = 0; first < shape.kvHeads(); first += block) {
            try (var scope = TensorScope.open()) {
                int size = Math.min(block, shape.kvHeads() - first);
                Tensor probabilities = hooks.pattern(
                        l,
                        first * group,
                        probabilities(
                                TorchShape.narrow(queries, 0, (long) first * group, (long) size * group),
                                TorchShape.narrow(keys, 0, first, size),
                                sinks == null
                                        ? null
                                        : TorchShape.narrow(sinks, 0, (long) first * group, (long) size * group),
                                mask));
                if (kept != null) {
                    Torch.copy(TorchShape.narrow(kept, 0, (long) first * group, (long) size * group), probabilities);
                }
                Torch.copy(
                        TorchShape.narrow(mixed, 0, (long) first * group, (long) size * group),
                        mix(probabilities, TorchShape.narrow(values, 0, first, size)));
            }
        }
        if (kept != null) {
            part.trace.keepAttention(l, kept);
        }
        return mixed;
    }

    /** softmax(q·kᵀ) of some heads, [heads, positions, total]. */
    private Tensor probabilities(Tensor queries, Tensor keys, Tensor sinks, Tensor mask) {
        long heads = queries.size(0);
        long kvHeads = keys.size(0);
        long positions = queries.size(1);
        long total = keys.size(1);
        try (var scope = TensorScope.open()) {
            // The queries of a group lie below each other, so that their common keys are read once.
            Tensor scores = Torch.bmm(
                    TorchShape.reshape(queries, kvHeads, -1, queries.size(2)), TorchShape.transpose(keys, 1, 2));
            scores = capped(
                    TorchShape.reshape(scores, heads, positions, total),
                    config.attention().softcap());
            if (mask != null) {
                scores = Torch.add(scores, mask);
            }
            if (sinks == null) {
                return scope.keep(TorchReduce.softmax(scores, -1));
            }
            Tensor widened = TorchShape.cat(List.of(scores, TorchShape.expand(sinks, heads, positions, 1)), -1);
            return scope.keep(Torch.contiguous(TorchShape.narrow(TorchReduce.softmax(widened, -1), -1, 0, total)));
        }
    }

    /** Probabilities [heads, positions, total] on values [kvHeads, total, headDim]: [heads, positions, headDim]. */
    private Tensor mix(Tensor probabilities, Tensor values) {
        long kvHeads = values.size(0);
        Tensor mixed = Torch.bmm(TorchShape.reshape(probabilities, kvHeads, -1, values.size(1)), values);
        return TorchShape.reshape(mixed, probabilities.size(0), probabilities.size(1), -1);
    }
}
