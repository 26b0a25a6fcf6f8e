package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import java.util.Comparator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * How the next token is chosen.
 *
 * @param temperature divides the logits; 0 means greedy, the most probable token always
 * @param topK        how many of the most probable tokens to choose from; 0 for all
 * @param topP        smallest set of the most probable tokens with this probability together to choose from; 1 for all
 * @param seed        the same seed gives the same tokens
 */
public record Sampling(double temperature, int topK, double topP, long seed) {
    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

    public Sampling {
        if (!(temperature >= 0 && temperature <= 1000)) {
            throw new UsageException("temperature must be a number from 0 (greedy) to 1000, not " + temperature);
        }
        if (topK < 0) {
            throw new UsageException("top-k must not be negative (0 means all tokens): " + topK);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new UsageException("top-p must be above 0, up to 1, not " + topP);
        }
    }

    /** The first of the most probable tokens. */
    static int greedy(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    int choose(float[] logits, RandomGenerator random) {
        if (temperature == 0) {
            return greedy(logits);
        }
        int[] tokens = IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -logits[i]))
                .limit(topK == 0 ? logits.length : topK)
                .mapToInt(Integer::intValue)
                .toArray();
        double[] weights = new double[tokens.length];
        double sum = 0;
        for (int i = 0; i < tokens.length; i++) {
            weights[i] = Math.exp((logits[tokens[i]] - logits[tokens[0]]) / temperature);
            sum += weights[i];
        }
        int count = 0;
        double kept = 0;
        while (count < tokens.length && (count == 0 || kept < topP * sum)) {
            kept += weights[count++];
        }
        double point = random.nextDouble() * kept;
        for (int i = 0; i < count - 1; i++) {
            point -= weights[i];
            if (point < 0) {
                return tokens[i];
            }
        }
        return tokens[count - 1];
    }
}
