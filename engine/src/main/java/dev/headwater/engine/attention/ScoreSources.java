package dev.headwater.engine.attention;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.LayerInput;
import dev.headwater.engine.attribution.LayerInput.Reading;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.model.HeadInput;
import dev.headwater.engine.model.ModelConfig;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Why a head looks from one position to another: its score there, before soft-cap and softmax, as a sum over sources.
 *
 * <p>Query and key are linear in the sources, Q = sum of Q_s + rest, so the score scale · Q · K is the sum of the marginals scale · Q_s · K
 * over the sources s on the query side, and of scale · Q · K_s on the key side, each with its rest: what has no node, biases and what MLPs
 * write at zero positions. The pairs scale · Q_s · K_t are the terms of both.
 *
 * @param score     scale · Q · K
 * @param attention the head's probability there, after the softmax
 * @param mean      of the scores that the head gives from the query to all positions that it sees
 * @param querySide marginal of each source [sources], numbered as {@link LinearPrompt#source} does
 * @param keySide   marginal of each source [sources]
 * @param relative  as querySide, of the score less the mean [sources]: why here rather than elsewhere
 * @param relativeRest of the score less the mean
 * @param pairs     strongest first
 * @param allPairs  whether all pairs were looked at; else the strongest were searched for, see {@link #of}
 */
public record ScoreSources(
        Head head,
        int query,
        int key,
        double score,
        double attention,
        double mean,
        float[] querySide,
        float[] keySide,
        double queryRest,
        double keyRest,
        float[] relative,
        double relativeRest,
        List<Pair> pairs,
        boolean allPairs) {
    /** A term of the score: two sources' numbers. */
    public record Pair(int query, int key, float value) {}

    /** Products of a sweep up to which every source's query and key are computed: those of the candidates come to as many. */
    private static final long CHEAP = 1L << 33;

    private static final int DIRECTIONS = 1;

    /**
     * Explains a score.
     *
     * <p>Marginals take one row of a sweep each. Queries and keys of all sources, which pairs are made of, take one for each of the head's
     * dimensions: in large models and long prompts that is done only if {@code pairs} is 0. Else a search finds the strongest, see
     * {@link PairSearch}.
     *
     * @param pairs how many; 0 for all that are not zero
     * @throws UsageException if the head or a position does not exist, the key comes after the query or lies outside
     *                        the layer's window, or there are too many pairs
     */
    public static ScoreSources of(LinearPrompt prompt, Head head, int query, int key, int pairs) {
        return of(prompt, head, query, key, pairs, CHEAP);
    }

    /** @param cheap products up to which all pairs are looked at */
    static ScoreSources of(LinearPrompt prompt, Head head, int query, int key, int pairs, long cheap) {
        ModelConfig config = prompt.model().model().config();
        head.check(config);
        int window = config.attention().layers().get(head.layer()).window();
        check(prompt.prompt().length(), window, head, query, key);
        try (var scope = TensorScope.open()) {
            var model = prompt.model().model();
            LayerInput input = prompt.entering(head.layer());
            Tensor stream = input.stream();
            HeadInput q = HeadInput.query(model, head.layer(), head.head(), query, stream);
            HeadInput k = HeadInput.key(model, head.layer(), head.head(), key, stream);
            int first = window == 0 ? 0 : Math.max(0, query - window + 1);
            Tensor keys = HeadInput.keys(model, head.layer(), head.head(), stream);
            Tensor meanKey = TorchReduce.mean(TorchShape.narrow(keys, 0, first, query - first + 1), 0, false);
            double scale = config.attention().scale();
            double score = scale * dot(q.value(), k.value());
            double mean = scale * dot(q.value(), meanKey);
            Tensor queries = Torch.mul(Torch.mm(TorchShape.stack(List.of(k.value(), meanKey), 0), q.gradient()), scale);
            Tensor ofKey = Torch.mul(Torch.mm(TorchShape.unsqueeze(q.value(), 0), k.gradient()), scale);
            boolean all =
                    pairs == 0 || config.attention().headDim() * (input.rowCost(query) + input.rowCost(key)) <= cheap;
            Tensor more =
                    all ? q.gradient() : Torch.mm(directions(config.attention().headDim(), q.gradient()), q.gradient());
            Tensor moreOfKey =
                    all ? k.gradient() : Torch.mm(directions(config.attention().headDim(), k.gradient()), k.gradient());
            List<Tensor> found = input.contributions(List.of(
                    new Reading(query, TorchShape.cat(List.of(queries, more), 0)),
                    new Reading(key, TorchShape.cat(List.of(ofKey, moreOfKey), 0))));
            Tensor atQuery = found.getFirst();
            Tensor atKey = found.getLast();
            float[] querySide = TorchShape.select(atQuery, 0, 0).toFloats();
            float[] meanSide = TorchShape.select(atQuery, 0, 1).toFloats();
            float[] keySide = TorchShape.select(atKey, 0, 0).toFloats();
            float[] relative = new float[querySide.length];
            for (int s = 0; s < relative.length; s++) {
                relative[s] = querySide[s] - meanSide[s];
            }
            Tensor restQuery = TorchShape.narrow(atQuery, 0, 2, atQuery.size(0) - 2);
            Tensor restKey = TorchShape.narrow(atKey, 0, 1, atKey.size(0) - 1);
            List<Pair> strongest;
            if (all) {
                strongest = Pairs.strongest(
                        Torch.mul(TorchShape.t(restQuery), scale), null, TorchShape.t(restKey), null, pairs);
            } else {
                strongest = new PairSearch(
                                input,
                                new PairSearch.Side(input, query, q.gradient(), querySide, restQuery),
                                new PairSearch.Side(input, key, k.gradient(), keySide, restKey))
                        .strongest(scale, pairs);
            }
            float[] attention = prompt.attention(head.layer(), head.head(), query);
            return new ScoreSources(
                    head,
                    query,
                    key,
                    score,
                    attention[key],
                    mean,
                    querySide,
                    keySide,
                    score - sum(querySide),
                    score - sum(keySide),
                    relative,
                    score - mean - sum(relative),
                    strongest,
                    all);
        }
    }

    /**
     * As graph files hold it.
     *
     * @param node the name of the node that it was explained for, null if none
     * @param top  how many sources, 0 for all
     */
    public AttentionBlock.Score named(LinearPrompt prompt, String node, int top) {
        int layers = prompt.model().layers();
        return new AttentionBlock.Score(
                node,
                head.layer(),
                head.head(),
                query,
                key,
                score,
                attention,
                mean,
                named(prompt, querySide, top),
                named(prompt, keySide, top),
                new AttentionBlock.Rest(queryRest, keyRest),
                pairs.stream()
                        .map(pair -> new AttentionBlock.Pair(
                                NodeId.of(prompt.source(pair.query), layers),
                                NodeId.of(prompt.source(pair.key), layers),
                                pair.value))
                        .toList());
    }

    private static List<AttentionBlock.Source> named(LinearPrompt prompt, float[] values, int top) {
        return Arrays.stream(AttentionJson.largest(values, top))
                .mapToObj(source -> new AttentionBlock.Source(
                        NodeId.of(prompt.source(source), prompt.model().layers()), values[source]))
                .toList();
    }

    private static void check(int positions, int window, Head head, int query, int key) {
        for (int position : new int[] {query, key}) {
            if (position < 0 || position >= positions) {
                throw new UsageException("Head %s: there is no position %d; the prompt's are 0 to %d"
                        .formatted(head, position, positions - 1));
            }
        }
        if (key > query) {
            throw new UsageException(
                    "Head %s: the key at %d comes after the query at %d; a head sees its own position and those before it"
                            .formatted(head, key, query));
        }
        if (window > 0 && key <= query - window) {
            throw new UsageException(
                    "Head %s: the key at %d lies outside the layer's window: from %d it sees the positions %d to %d"
                            .formatted(head, key, query, query - window + 1, query));
        }
    }

    /** Random unit vectors, the same every time, F32 [n, headDim]. */
    private static Tensor directions(int headDim, Tensor like) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[DIRECTIONS * headDim];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() / Math.sqrt(headDim));
        }
        return Torch.to(Tensor.ofFloats(values, DIRECTIONS, headDim), like.device());
    }

    private static double dot(Tensor a, Tensor b) {
        return TorchReduce.sum(Torch.mul(Torch.to(a, DType.F64), Torch.to(b, DType.F64)), 0, false)
                .toDoubles()[0];
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum;
    }
}
