package dev.headwater.cli.option;

import dev.headwater.engine.UsageException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Tracing a text at many positions, such as a whole answer. */
public final class AnswerOptions {
    @Option(
            names = "--targets-at",
            paramLabel = "POSITIONS",
            description =
                    "Explain the text's own next token at each of these positions, in one graph: 12,15..20, from the end -3..-1, or answer (the default with an answer). At the last position the most probable tokens are explained.")
    private @Nullable String positions;

    @Option(
            names = "--answer",
            paramLabel = "TEXT",
            description = "Put this behind the prompt and explain each of its tokens.")
    private @Nullable String text;

    @Option(
            names = "--continue",
            paramLabel = "N",
            description =
                    "Let the model write an answer of up to N tokens first, the most probable each time, and explain it.")
    private @Nullable Integer count;

    @Option(
            names = "--series",
            description = "Write a graph for each of these positions, of the text up to there, instead of one of all.")
    private boolean series;

    /**
     * Rejects what can be seen to be wrong before anything is loaded.
     *
     * @param targets whether something else is to be explained
     */
    public Answer read(boolean targets) {
        if (count != null && count == 0) {
            throw new UsageException("--continue is 0; it is a number of tokens, at least 1");
        }
        Answer.check("--answer", text, "--continue", count == null ? 0 : count);
        Answer answer = new Answer(
                text,
                count == null ? 0 : count,
                positions == null ? null : new TextPositions("--targets-at", positions));
        if (targets && answer.isGiven()) {
            throw new UsageException(
                    "A graph has targets of one kind; give --target-… for the prompt's end, or --targets-at, --answer, --continue for the text's own tokens");
        }
        if (series && !answer.isGiven()) {
            throw new UsageException("--series is given without positions; give --targets-at, --answer or --continue");
        }
        return answer;
    }

    /** {@return whether each position gets a graph of its own} */
    public boolean series() {
        return series;
    }
}
