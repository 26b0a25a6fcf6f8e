package dev.headwater.engine.attention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.attention.ScoreSources.Pair;
import dev.headwater.engine.attribution.LayerInput;
import dev.headwater.engine.attribution.LayerInput.Reading;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The strongest pairs where computing every source's query and key would cost too much: a search that goes back and forth between the two
 * sides.
 *
 * <p>It begins with the sources that have the largest marginals, and those that a random direction shows. Their queries and keys are
 * carried up ({@link LayerInput#added}). The longest keys are then read as targets on the query side, one row of a sweep each, which gives
 * their pairs with all queries; what is strong there joins, and the same the other way round. It ends when a round brings no new pair among
 * those asked for. Nothing proves that none is missed: on SmolLM2's heads at 52 tokens (18 scores in six layers) the first ten were those of
 * all 3·10⁹ pairs, where marginals and two random directions alone had found seven of ten.
 */
final class PairSearch {
    /** Sources of a side that it begins with, half of them by their marginals. */
    private static final int FIRST = 16;

    /** Vectors of a side that are read as targets in a round. */
    private static final int READ = 4;

    /** Sources that join a side in a round, at least. */
    private static final int JOIN = 12;

    private static final int ROUNDS = 3;

    private final LayerInput input;
    private final Side query;
    private final Side key;

    PairSearch(LayerInput input, Side query, Side key) {
        this.input = input;
        this.query = query;
        this.key = key;
    }

    /** One side of the score. */
    static final class Side {
        private final int position;
        private final Tensor gradient;
        private final float[] seen;
        private final Set<Integer> read = new HashSet<>();
        private int[] sources;
        private Tensor vectors;

        /**
         * @param gradient of the head's query or key with respect to the stream at the position, F32 [headDim, d]
         * @param marginal of each source
         * @param shown    by random directions, F32 [n, sources]
         */
        Side(LayerInput input, int position, Tensor gradient, float[] marginal, Tensor shown) {
            this.position = position;
            this.gradient = gradient;
            seen = new float[marginal.length];
            float[] size = TorchReduce.sum(Torch.mul(shown, shown), 0, false).toFloats();
            sources = IntStream.concat(
                            Arrays.stream(AttentionJson.largest(marginal, FIRST / 2)),
                            Arrays.stream(AttentionJson.largest(size, FIRST / 2)))
                    .distinct()
                    .toArray();
            vectors = vectors(input, sources);
        }

        private Tensor vectors(LayerInput input, int[] of) {
            return Torch.linear(input.added(position, of), gradient, null);
        }

        /** What the longest vectors that no round has read yet read on the other side, F32 [READ or fewer, headDim]. */
        private Tensor longest() {
            float[] length =
                    TorchReduce.sum(Torch.mul(vectors, vectors), 1, false).toFloats();
            for (int i = 0; i < length.length; i++) {
                if (read.contains(sources[i])) {
                    length[i] = 0;
                }
            }
            int[] rows = AttentionJson.largest(length, READ);
            Arrays.stream(rows).forEach(row -> read.add(sources[row]));
            return TorchShape.indexSelect(vectors, 0, Torch.to(Tensor.ofInts(rows, rows.length), vectors.device()));
        }

        /** @param found products of each source with some vectors of the other side, F32 [n, sources] */
        private void join(LayerInput input, Tensor found, int most) {
            float[] values = found.toFloats();
            for (int i = 0; i < values.length; i++) {
                int source = i % seen.length;
                seen[source] = Math.max(seen[source], Math.abs(values[i]));
            }
            float[] others = seen.clone();
            for (int source : sources) {
                others[source] = 0;
            }
            int[] more = AttentionJson.largest(others, most);
            if (more.length > 0) {
                vectors = TorchShape.cat(List.of(vectors, vectors(input, more)), 0);
                sources = IntStream.concat(Arrays.stream(sources), Arrays.stream(more))
                        .toArray();
            }
        }
    }

    /**
     * @param scale of the products
     * @param pairs how many
     */
    List<Pair> strongest(double scale, int pairs) {
        int join = Math.clamp(pairs, JOIN, 10 * JOIN);
        List<Pair> found = pairs(scale, pairs);
        for (int round = 0; round < ROUNDS; round++) {
            Tensor keys = key.longest();
            Tensor queries = query.longest();
            if (keys.size(0) == 0 || queries.size(0) == 0) {
                break;
            }
            List<Tensor> products = input.contributions(List.of(
                    new Reading(query.position, Torch.mm(keys, query.gradient)),
                    new Reading(key.position, Torch.mm(queries, key.gradient))));
            query.join(input, products.getFirst(), join);
            key.join(input, products.getLast(), join);
            List<Pair> before = found;
            found = pairs(scale, pairs);
            if (found.equals(before)) {
                break;
            }
        }
        return found;
    }

    private List<Pair> pairs(double scale, int most) {
        return Pairs.strongest(Torch.mul(query.vectors, scale), query.sources, key.vectors, key.sources, most);
    }
}
