package dev.headwater.engine.evaluation;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.stream.IntStream;

/** How unlikely a model finds the text that comes. */
final class CrossEntropy {
    /** Logits whose exponentials are held at once: 16 MiB. */
    private static final long MOST = 4L << 20;

    private CrossEntropy() {}

    /**
     * The sum of −log p(next token) in nats, over all tokens that follow a position.
     *
     * @param logits F32 [P, V]
     * @param tokens [P]
     * @param first  position whose next token is the first that counts
     */
    static double sum(Tensor logits, int[] tokens, int first) {
        long vocabulary = logits.size(1);
        int together = (int) Math.max(1, MOST / vocabulary);
        double sum = 0;
        for (int from = first; from < tokens.length - 1; from += together) {
            int count = Math.min(together, tokens.length - 1 - from);
            int begin = from;
            try (var _ = TensorScope.open()) {
                Tensor some = TorchShape.narrow(logits, 0, from, count);
                Tensor largest = TorchReduce.amax(some, 1, true);
                Tensor normaliser =
                        Torch.add(largest, Torch.log(TorchReduce.sum(Torch.exp(Torch.sub(some, largest)), 1, true)));
                long[] next = IntStream.range(0, count)
                        .mapToLong(i -> i * vocabulary + tokens[begin + i + 1])
                        .toArray();
                Tensor chosen = TorchShape.indexSelect(
                        TorchShape.reshape(some, count * vocabulary),
                        0,
                        Torch.to(Tensor.ofLongs(next, count), logits.device()));
                float[] all = normaliser.toFloats();
                float[] one = chosen.toFloats();
                for (int i = 0; i < count; i++) {
                    sum += (double) all[i] - one[i];
                }
            }
        }
        return sum;
    }
}
