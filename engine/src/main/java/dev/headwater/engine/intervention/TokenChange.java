package dev.headwater.engine.intervention;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.tokens.Tokenizer;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** How an intervention changes the probability of a next token. */
public record TokenChange(int token, String text, double before, double after) {
    /** The most probable tokens after a prompt, which are the same before and after; one pass of the model. */
    public static List<TokenChange> after(ReplacementModel model, Prompt prompt, int count) {
        try (var _ = model.use();
                Run run = new Run(
                        model,
                        model.model().forward(prompt.tokens(), new TraceRequest(Set.of(), false, Logits.LAST)),
                        0)) {
            return between(run, run, -1, count, model.tokenizer());
        }
    }

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
