package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.model.ForwardPass.Part;
import dev.headwater.engine.model.ModelConfig.Reach;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one forward pass, every layer in turn: its position encodings and masks, which layers share, and scores
 * of as many heads at once as the memory for them allows. Belongs to the scope in which it was made.
 */
final class ForwardAttention {
    private final LanguageModel model;
    private final ModelConfig config;
    private final List<Part> parts;
    private final List<Block> blocks;
    private final TraceRequest request;
    private final Hooks hooks;
    private final @Nullable KvCache cache;
    private final long mostScores;
    private final int past;
    private final int rows;
    private final Map<Rope, Rope.Table> ropes = new HashMap<>();
    private final Map<Mask, @Nullable Tensor> masks = new HashMap<>();

    /** What a query of a prompt sees: all before it, or a window; of several prompts one below the other, each its own. */
    private record Mask(List<Integer> lengths, int window) {
        int positions() {
            return lengths.stream().mapToInt(Integer::intValue).sum();
        }
    }

    /** Rows whose scores are one square: of a prompt, or of several, which the mask keeps apart. */
    private record Block(int first, int positions, List<Part> parts) {
        static Block of(List<Part> parts) {
            return new Block(
                    parts.getFirst().first(),
                    parts.stream().mapToInt(Part::positions).sum(),
                    parts);
        }
    }

    /**
     * @param position of each row in its prompt, the cache's tokens counted
     * @param most     rows that several prompts may have to attend together; there is no cache then, and nothing frozen is asked for
     */
    ForwardAttention(
            LanguageModel model,
            List<Part> parts,
            TraceRequest request,
            Hooks hooks,
            @Nullable KvCache cache,
            long mostScores,
            int[] position,
            int most) {
        this.model = model;
        this.config = model.config();
        this.parts = parts;
        this.request = request;
        this.hooks = hooks;
        this.cache = cache;
        this.mostScores = mostScores;
        past = cache == null ? 0 : cache.length();
        rows = position.length;
        blocks = blocks(parts, most);
        int[] length = parts.stream()
                .flatMapToInt(part ->
                        IntStream.generate(() -> past + part.positions()).limit(part.positions()))
                .toArray();
        for (Reach reach : config.attention().layers()) {
            if (reach.rope() != null) {
                reach.rope().requireSame(past, past + rows);
                ropes.computeIfAbsent(reach.rope(), rope -> rope.table(position, length, model.device()));
            }
            for (Block block : blocks) {
                Mask mask = mask(reach, block);
                if (!masks.containsKey(mask)) {
                    masks.put(mask, tensor(mask));
                }
            }
        }
    }

    private static List<Block> blocks(List<Part> parts, int most) {
        List<Block> blocks = new ArrayList<>();
        for (int from = 0, to; from < parts.size(); from = to) {
            int together = parts.get(from).positions();
            for (to = from + 1; to < parts.size() && together + parts.get(to).positions() <= most; to++) {
                together += parts.get(to).positions();
            }
            blocks.add(Block.of(parts.subList(from, to)));
        }
        return blocks;
    }

    /** The layer's window; 0 if every position is within it. */
    private Mask mask(Reach reach, Block block) {
        List<Integer> lengths = block.parts.stream().map(Part::positions).toList();
        return new Mask(lengths, reach.window() >= past + Collections.max(lengths) ? 0 : reach.window());
    }

    /** [positions, past + positions], 0 where a query sees a key and -inf elsewhere; null where it sees all. */
    private @Nullable Tensor tensor(Mask mask) {
        if (mask.lengths.size() > 1) {
            return apart(mask);
        }
        int positions = mask.positions();
        if (positions == 1 && mask.window == 0) {
            return null;
        }
        try (var scope = TensorScope.open()) {
            Tensor hidden =
                    Tensor.full(Double.NEGATIVE_INFINITY, DType.F32, model.device(), positions, past + positions);
            Tensor later = TorchReduce.triu(hidden, past + 1);
            return scope.keep(
                    mask.window == 0 ? later : Torch.add(later, TorchReduce.tril(hidden, past - mask.window)));
        }
    }

    /** Of several prompts: squares along the diagonal. */
    private Tensor apart(Mask mask) {
        int positions = mask.positions();
        float[] hidden = new float[positions * positions];
        Arrays.fill(hidden, Float.NEGATIVE_INFINITY);
        int first = 0;
        for (int length : mask.lengths) {
            for (int query = 0; query < length; query++) {
                int seen = mask.window == 0 ? 0 : Math.max(0, query - mask.window + 1);
                int row = (first + query) * positions + first;
                Arrays.fill(hidden, row + seen, row + query + 1, 0);
            }
            first += length;
        }
        try (var scope = TensorScope.open()) {
            return scope.keep(Torch.to(Tensor.ofFloats(hidden, positions, positions), model.device()));
        }
    }

    /** What a layer's attention adds before its output norm, [rows, width], of its normalised input x. */
    Tensor of(int l, LayerWeights.Attention weights, Tensor x) {
        ModelConfig.Attention shape = config.attention();
        Reach reach = shape.layers().get(l);
        Tensor frozen = hooks.attention(l);
        Tensor values = byHead(heads(weights.value(), shape.kvHeads(), x));
        if (cache != null) {
            values = cache.values(l, values);
        }
        Tensor mixed;
        if (frozen != null && parts.size() > 1) {
            mixed = mixEach(requireShape(l, frozen, parts.getFirst().positions()), values);
        } else if (frozen != null) {
            if (cache != null) {
                keys(l, weights, x); // for the tokens to come
            }
            Tensor pattern = hooks.pattern(l, 0, requireShape(l, frozen, rows));
            mixed = mix(pattern, values);
            if (request.frozen()) {
                parts.getFirst().trace().keepAttention(l, TorchShape.reshape(pattern, pattern.shape()));
            }
        } else {
            Tensor keys = keys(l, weights, x);
            Tensor queries = byHead(
                    Torch.mul(placed(weights.query(), shape.heads(), x, weights.queryNorm(), reach), shape.scale()));
            if (blocks.size() == 1) {
                mixed = attend(l, blocks.getFirst(), queries, keys, values, weights.sinks());
            } else {
                List<Tensor> each = new ArrayList<>();
                for (Block block : blocks) {
                    each.add(attend(
                            l,
                            block,
                            TorchShape.narrow(queries, 1, block.first, block.positions),
                            TorchShape.narrow(keys, 1, block.first, block.positions),
                            TorchShape.narrow(values, 1, block.first, block.positions),
                            weights.sinks()));
                }
                mixed = TorchShape.cat(each, 1);
            }
        }
        return weights.output()
                .apply(TorchShape.reshape(
                        TorchShape.transpose(mixed, 0, 1), rows, (long) shape.heads() * shape.headDim()));
    }

    /** Those of all positions: [kvHeads, past + rows, headDim]. */
    private Tensor keys(int l, LayerWeights.Attention weights, Tensor x) {
        ModelConfig.Attention shape = config.attention();
        Reach reach = shape.layers().get(l);
        Tensor added = byHead(placed(weights.key(), shape.kvHeads(), x, weights.keyNorm(), reach));
        return cache == null ? added : cache.keys(l, added);
    }

    /** [rows, heads, headDim]. */
    private Tensor heads(Linear projection, int heads, Tensor x) {
        return TorchShape.reshape(
                projection.apply(x), rows, heads, config.attention().headDim());
    }

    private Tensor placed(Linear projection, int heads, Tensor x, @Nullable Norm norm, Reach reach) {
        Tensor normalised;
        if (norm == null) {
            normalised = heads(projection, heads, x);
        } else if (config.attention().qkNorm() == ModelConfig.QkNorm.EACH_HEAD) {
            normalised = norm.apply(heads(projection, heads, x));
        } else {
            int headDim = config.attention().headDim();
            normalised = TorchShape.reshape(norm.apply(projection.apply(x)), rows, heads, headDim);
        }
        Rope.Table table = ropes.get(reach.rope());
        return table == null ? normalised : table.rotate(normalised);
    }

    /** [heads, rows, headDim]. */
    private static Tensor byHead(Tensor heads) {
        return TorchShape.transpose(heads, 0, 1);
    }

    private Tensor requireShape(int l, Tensor frozen, int positions) {
        long[] needed = {config.attention().heads(), positions, past + positions};
        if (!Arrays.equals(frozen.shape(), needed)) {
            throw new IllegalArgumentException("attention of layer %d is frozen to %s; its shape is %s"
                    .formatted(l, frozen, Arrays.toString(needed)));
        }
        return TorchShape.reshape(frozen, needed);
    }

    /**
     * All heads of a block, as many at once as {@code mostScores} allows; queries are [heads, positions, headDim] and
     * scaled.
     */
    private Tensor attend(int l, Block block, Tensor queries, Tensor keys, Tensor values, @Nullable Tensor sinks) {
        ModelConfig.Attention shape = config.attention();
        Tensor mask = masks.get(mask(shape.layers().get(l), block));
        Part part = block.parts.getFirst();
        int group = shape.group();
        int positions = block.positions;
        int total = past + positions;
        int together = Math.clamp(mostScores / ((long) group * positions * total), 1, shape.kvHeads());
        if (together == shape.kvHeads()) {
            Tensor probabilities = hooks.pattern(l, 0, probabilities(queries, keys, sinks, mask));
            if (request.frozen()) {
                part.trace().keepAttention(l, probabilities);
            }
            return mix(probabilities, values);
        }
        Device device = model.device();
        Tensor mixed = Tensor.empty(DType.F32, device, shape.heads(), positions, shape.headDim());
        Tensor kept = request.frozen() ? Tensor.empty(DType.F32, device, shape.heads(), positions, total) : null;
        for (int first = 0; first < shape.kvHeads(); first += together) {
            try (var scope = TensorScope.open()) {
                int size = Math.min(together, shape.kvHeads() - first);
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
            part.trace().keepAttention(l, kept);
        }
        return mixed;
    }

    /** softmax(q·kᵀ) of some heads, [heads, positions, total]. */
    private Tensor probabilities(Tensor queries, Tensor keys, @Nullable Tensor sinks, @Nullable Tensor mask) {
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

    /** The same probabilities on the values of every prompt, all of one length: [heads, rows, headDim]. */
    private Tensor mixEach(Tensor probabilities, Tensor values) {
        long kvHeads = values.size(0);
        long positions = probabilities.size(1);
        long headDim = values.size(2);
        Tensor side = TorchShape.transpose(TorchShape.reshape(values, kvHeads, parts.size(), positions, headDim), 1, 2);
        Tensor mixed = Torch.bmm(
                TorchShape.reshape(probabilities, kvHeads, -1, positions),
                TorchShape.reshape(side, kvHeads, positions, -1));
        Tensor byPrompt = TorchShape.transpose(
                TorchShape.reshape(mixed, probabilities.size(0), positions, parts.size(), headDim), 1, 2);
        return TorchShape.reshape(byPrompt, probabilities.size(0), rows, headDim);
    }

    static Tensor capped(Tensor x, double cap) {
        return cap == 0 ? x : Torch.mul(Torch.tanh(Torch.mul(x, 1 / cap)), cap);
    }
}
