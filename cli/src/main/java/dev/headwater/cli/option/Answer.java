package dev.headwater.cli.option;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Intervention;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A text that is to be traced at many positions: what follows the prompt, and where.
 *
 * @param text  what follows the prompt, null if nothing or if the model writes it
 * @param count tokens that the model writes at most, 0 for none
 * @param at    null for the answer's own positions
 */
public record Answer(
        @Nullable String text, int count, @Nullable TextPositions at) {
    private static final int MOST = 1 << 20;

    /** The whole text, and what is explained of it. */
    public record Asked(Prompt prompt, OutputTargets.Text targets) {}

    /**
     * @param textName  what gave the text, for messages
     * @param countName what gave the count
     * @throws UsageException if they contradict each other
     */
    static void check(String textName, @Nullable String text, String countName, int count) {
        if (count < 0 || count > MOST) {
            throw new UsageException(countName + " is " + count + "; it is a number of tokens from 1 to " + MOST);
        }
        if (text != null && count > 0) {
            throw new UsageException("Both " + textName + " and " + countName
                    + " say what follows the prompt; leave out the one or the other");
        }
        if (text != null && text.isEmpty()) {
            throw new UsageException(textName + " is empty; give at least one character of text");
        }
    }

    /**
     * As a line of a batch has it: {@code targets_at}, text or a list of numbers, {@code answer_text} ({@code answer} is what sets of
     * questions call the expected one), {@code continue}.
     *
     * @throws UsageException if it makes no sense
     */
    public static Answer parse(JsonNode fields) {
        JsonNode text = fields.path("answer_text");
        JsonNode count = fields.path("continue");
        JsonNode at = fields.path("targets_at");
        if (!text.isMissingNode() && !text.isTextual()) {
            throw new UsageException("its answer_text is no text");
        }
        if (!count.isMissingNode() && !(count.isInt() && count.intValue() > 0)) {
            throw new UsageException("its continue is " + count + "; it is a number of tokens, at least 1");
        }
        boolean listed = at.isArray()
                && !at.isEmpty()
                && StreamSupport.stream(at.spliterator(), false).allMatch(JsonNode::isInt);
        if (!at.isMissingNode() && !at.isTextual() && !listed) {
            throw new UsageException(
                    "its targets_at is neither a text, such as \"12,15..20\" or \"answer\", nor a list of positions");
        }
        String written = at.isTextual()
                ? at.textValue()
                : StreamSupport.stream(at.spliterator(), false)
                        .map(JsonNode::asText)
                        .collect(Collectors.joining(","));
        check("answer_text", text.textValue(), "continue", count.intValue());
        return new Answer(
                text.textValue(),
                count.intValue(),
                at.isMissingNode() ? null : new TextPositions("its targets_at", written));
    }

    /** {@return whether anything is asked for; if not, the prompt's next token is explained as usual} */
    public boolean isGiven() {
        return text != null || count > 0 || at != null;
    }

    /**
     * Puts the answer behind the prompt and finds the positions. The answer's tokens are those of its own text, as if the model had
     * written it, with no token across the border; of what the model writes a token that ends the text is left out.
     *
     * @param end what is explained after the last token
     * @throws UsageException if there is no such position, or no answer
     */
    public Asked of(ReplacementModel model, Prompt prompt, OutputTargets.Salient end, Progress progress) {
        int[] answer = tokens(model, prompt, progress);
        int[] all = IntStream.concat(Arrays.stream(prompt.tokens()), Arrays.stream(answer))
                .toArray();
        TextPositions where = at != null ? at : new TextPositions("the answer", "answer");
        return new Asked(
                answer.length == 0 ? prompt : model.prompt(all),
                new OutputTargets.Text(where.in(prompt.length(), all.length), end));
    }

    private int[] tokens(ReplacementModel model, Prompt prompt, Progress progress) {
        if (text != null) {
            return model.tokenizer().encode(text, false);
        }
        if (count == 0) {
            return new int[0];
        }
        progress.phase("answer", count);
        try (Baseline baseline = Baseline.of(model, prompt)) {
            int[] written = {0};
            Generation.Options options = Generation.Options.greedy(model, count);
            Generation answer = Generation.of(baseline, Intervention.NONE, options, (_, _) -> {
                progress.advance(++written[0]);
                if (progress.cancelled()) {
                    throw new CancellationException();
                }
            });
            int[] tokens = said(answer, options.stop());
            if (tokens.length == 0) {
                throw new UsageException(
                        "The model writes nothing after this prompt but the token that ends a text, so there is no answer to trace");
            }
            return tokens;
        }
    }

    private static int[] said(Generation answer, Set<Integer> stop) {
        int[] tokens = answer.tokens();
        boolean ended = tokens.length > 0 && stop.contains(tokens[tokens.length - 1]);
        return ended ? Arrays.copyOf(tokens, tokens.length - 1) : tokens;
    }
}
