package dev.headwater.engine.intervention;

import dev.headwater.engine.tokens.Tokenizer;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** How an intervention changes the probability of a next token. */
public record TokenChange(int token, String text, double before, double after) {
    /**
     * The {@code count} most probable tokens of each run, together, by falling probability in either.
     *
     * @param position after which the token comes, negative from the end
     */
    public static List<TokenChange> between(Run before, Run after, int position, int count, Tokenizer tokenizer) {
        double[] old = before.probabilities(position);
        double[] now = after.probabilities(position);
        return IntStream.concat(top(old, count), top(now, count)).distinct().boxed()
            .sorted(Comparator.comparingDouble(token -> -Math.max(old[token], now[token])))
            .map(token -> new TokenChange(token, tokenizer.token(token), old[token], now[token])).toList();
    }

    private static IntStream top(double[] probabilities, int count) {
        return IntStream.range(0, probabilities.length).boxed()
            .sorted(Comparator.comparingDouble(token -> -probabilities[token])).limit(count).mapToInt(Integer::intValue);
    }
}
