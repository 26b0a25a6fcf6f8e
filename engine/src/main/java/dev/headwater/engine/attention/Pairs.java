package dev.headwater.engine.attention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.ScoreSources.Pair;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The strongest terms of a bilinear form Q · K of many vectors. |q · k| is at most |q| · |k|: with the vectors by length, most products need
 * not be computed.
 */
final class Pairs {
    private static final Comparator<Pair> BY_SIZE = Comparator.<Pair>comparingDouble(pair -> Math.abs(pair.value()))
            .thenComparing(Comparator.comparingInt(Pair::query).reversed())
            .thenComparing(Comparator.comparingInt(Pair::key).reversed());
    private static final int BLOCK = 256;
    private static final long MOST = 5_000_000;

    private Pairs() {}

    /**
     * The strongest pairs, the strongest first.
     *
     * @param queries    F32 [n, headDim]
     * @param queryNames their numbers; null for 0 to n - 1
     * @param keys       F32 [m, headDim]
     * @param most       how many; 0 for all that are not zero
     */
    static List<Pair> strongest(
            Tensor queries, int @Nullable [] queryNames, Tensor keys, int @Nullable [] keyNames, int most) {
        float[] queryLength = lengths(queries);
        float[] keyLength = lengths(keys);
        int[] query = byLength(queryLength);
        int[] key = byLength(keyLength);
        if (most == 0 && (long) query.length * key.length > MOST) {
            throw new UsageException("there are %d pairs of sources; ask for at most %d of them"
                    .formatted((long) query.length * key.length, MOST));
        }
        var found = new PriorityQueue<Pair>(BY_SIZE);
        try (var scope = TensorScope.open()) {
            Tensor right = pick(keys, key);
            Tensor left = pick(queries, query);
            for (int first = 0; first < query.length; first += BLOCK) {
                double least = most > 0 && found.size() == most
                        ? Math.abs(found.element().value())
                        : 0;
                double longest = queryLength[query[first]];
                int reach = 0;
                while (reach < key.length && longest * keyLength[key[reach]] >= least) {
                    reach++;
                }
                if (reach == 0) {
                    break;
                }
                int rows = Math.min(BLOCK, query.length - first);
                int from = first;
                for (int start = 0; start < reach; start += BLOCK * BLOCK) {
                    int columns = Math.min(BLOCK * BLOCK, reach - start);
                    float[] products;
                    try (var inner = TensorScope.open()) {
                        products = Torch.linear(
                                        TorchShape.narrow(left, 0, first, rows),
                                        TorchShape.narrow(right, 0, start, columns),
                                        null)
                                .toFloats();
                    }
                    for (int i = 0; i < products.length; i++) {
                        if (products[i] != 0
                                && (most == 0
                                        || found.size() < most
                                        || Math.abs(products[i])
                                                >= Math.abs(found.element().value()))) {
                            int q = query[from + i / columns];
                            int k = key[start + i % columns];
                            found.add(new Pair(
                                    queryNames == null ? q : queryNames[q],
                                    keyNames == null ? k : keyNames[k],
                                    products[i]));
                            if (most > 0 && found.size() > most) {
                                found.remove();
                            }
                        }
                    }
                }
            }
        }
        Pair[] pairs = found.toArray(Pair[]::new);
        Arrays.sort(pairs, BY_SIZE.reversed());
        return List.of(pairs);
    }

    private static float[] lengths(Tensor vectors) {
        try (var scope = TensorScope.open()) {
            return Torch.sqrt(TorchReduce.sum(Torch.mul(vectors, vectors), 1, false))
                    .toFloats();
        }
    }

    /** The vectors that are not zero, longest first. */
    private static int[] byLength(float[] length) {
        return IntStream.range(0, length.length)
                .filter(i -> length[i] > 0)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -length[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private static Tensor pick(Tensor vectors, int[] rows) {
        return Torch.contiguous(
                TorchShape.indexSelect(vectors, 0, Torch.to(Tensor.ofInts(rows, rows.length), vectors.device())));
    }
}
