package dev.headwater.engine.intervention;

import dev.headwater.engine.tokens.Tokenizer;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** How an intervention changes the probability of a next token. */
public record TokenChange(int token, String text, double before, double after) {
    /**
     * The {@code count} tokens that are most probable in either run, by falling probability there.
     *
     * @param position after which the token comes, negative from the end
     */
    public static List<TokenChange> between(Run before, Run after, int position, int count, Tokenizer tokenizer) {
        double[] old = before.probabilities(position);
        double[] now = after.probabilities(position);
        return IntStream.range(0, old.length)
                .boxed()
                .sorted(Comparator.comparingDouble(token -> -Math.max(old[token], now[token])))
                .limit(count)
                .map(token -> new TokenChange(token, tokenizer.token(token), old[token], now[token]))
                .toList();
    }
}
