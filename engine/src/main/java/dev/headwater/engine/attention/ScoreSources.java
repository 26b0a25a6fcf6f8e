package dev.headwater.engine.attention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.LinearPrompt.Reading;
import dev.headwater.engine.model.HeadInput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * Why a head looks from one position to another: its score there, before soft-cap and softmax, as a sum over sources.
 *
 * <p>Query and key are linear in the sources, {@code Q = Σ Q_s + rest}, so the score {@code scale · Q · K} is the sum
 * of the marginals
 * {@code scale · Q_s · K} over the sources s on the query side, and of {@code scale · Q · K_s} on the key side, each
 * with its rest: what
 * has no node, biases and what MLPs write at zero positions. The pairs {@code scale · Q_s · K_t} are the terms of both.
 *
 * @param score     scale · Q · K
 * @param attention the head's probability there, after the softmax
 * @param mean      of the scores that the head gives all positions that the query sees
 * @param querySide marginal of each source [sources], numbered as {@link LinearPrompt#source} does
 * @param keySide   marginal of each source [sources]
 * @param queryMean what querySide would be on average over all keys that the query sees [sources]: the difference tells
 *      why here and not there
 * @param pairs     strongest first
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
        float[] queryMean,
        double queryRest,
        double keyRest,
        List<Pair> pairs) {
    /** A term of the score: two sources' numbers. */
    public record Pair(int query, int key, float value) {}

    private static final Comparator<Pair> BY_SIZE = Comparator.<Pair>comparingDouble(pair -> Math.abs(pair.value))
            .thenComparing(pair -> -pair.query)
            .thenComparing(pair -> -pair.key);
    /** Pairs computed at once: 64 MiB. */
    private static final long BLOCK = 1L << 24;

    /**
     * Explains a score.
     *
     * @param pairs how many; 0 for all that are not zero
     * @throws UsageException if the head or a position does not exist, or the key comes after the query
     */
    public static ScoreSources of(LinearPrompt prompt, Head head, int query, int key, int pairs) {
        var config = prompt.model().model().config();
        head.check(config);
        check(prompt.prompt().length(), head, query, key);
        try (var scope = TensorScope.open()) {
            Tensor stream = prompt.stream(head.layer());
            HeadInput q = HeadInput.query(prompt.model().model(), head.layer(), head.head(), query, stream);
            HeadInput k = HeadInput.key(prompt.model().model(), head.layer(), head.head(), key, stream);
            List<Tensor> parts = prompt.contributions(
                    head.layer(), List.of(new Reading(query, q.gradient()), new Reading(key, k.gradient())));
            float scale = (float) config.attention().scale();
            Tensor queryParts = Torch.mul(Torch.t(parts.getFirst()), scale);
            Tensor keyParts = Torch.t(parts.getLast());
            float[] querySide = times(queryParts, k.value());
            float[] keySide = times(Torch.mul(keyParts, scale), q.value());
            double score = dot(q.value().toFloats(), k.value().toFloats())
                    * config.attention().scale();
            float[] attention = Torch.select(Torch.select(prompt.attention(head.layer()), 0, head.head()), 0, query)
                    .toFloats();
            return new ScoreSources(
                    head,
                    query,
                    key,
                    score,
                    attention[key],
                    0,
                    querySide,
                    keySide,
                    querySide,
                    score - sum(querySide),
                    score - sum(keySide),
                    strongest(queryParts, keyParts, pairs));
        }
    }

    private static void check(int positions, Head head, int query, int key) {
        for (int position : new int[] {query, key}) {
            if (position < 0 || position >= positions) {
                throw new UsageException("Head %s: there is no position %d; the prompt's are 0 to %d"
                        .formatted(head, position, positions - 1));
            }
        }
        if (key > query) {
            throw new UsageException(
                    "Head %s: the key at %d comes after the query at %d; a head sees its own position and those before"
                            .formatted(head, key, query));
        }
    }

    private static float[] times(Tensor parts, Tensor vector) {
        return Torch.mm(parts, Torch.unsqueeze(vector, 1)).toFloats();
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum;
    }

    private static List<Pair> strongest(Tensor queries, Tensor keys, int most) {
        int count = (int) queries.size(0);
        int others = (int) keys.size(0);
        int block = (int) Math.max(1, Math.min(count, BLOCK / Math.max(1, others)));
        Tensor right = Torch.contiguous(Torch.t(keys));
        var found = new PriorityQueue<Pair>(BY_SIZE);
        for (int first = 0; first < count; first += block) {
            try (var scope = TensorScope.open()) {
                int rows = Math.min(block, count - first);
                float[] products =
                        Torch.mm(Torch.narrow(queries, 0, first, rows), right).toFloats();
                for (int i = 0; i < products.length; i++) {
                    if (products[i] != 0
                            && (most == 0
                                    || found.size() < most
                                    || Math.abs(products[i]) > Math.abs(found.element().value))) {
                        found.add(new Pair(first + i / others, i % others, products[i]));
                        if (most > 0 && found.size() > most) {
                            found.remove();
                        }
                    }
                }
            }
        }
        Pair[] pairs = found.toArray(Pair[]::new);
        Arrays.sort(pairs, BY_SIZE.reversed());
        return new ArrayList<>(List.of(pairs));
    }
}
