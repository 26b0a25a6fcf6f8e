package dev.headwater.engine.tokens;

import dev.headwater.engine.UsageException;
import java.util.Arrays;
import java.util.List;

/**
 * The positions at a prompt's start where feature activations and error vectors count as zero. Models put outsized
 * activations there that say nothing about the prompt. Token vectors at these positions stay.
 *
 * @param count positions 0 to {@code count - 1}
 */
public record ZeroPositions(int count) {
    /** {@code <bos><start_of_turn>user\n}, how every chat with an instruction-tuned Gemma 3 begins. */
    private static final List<Integer> GEMMA_3_CHAT = List.of(2, 105, 2364, 107);

    /** The first position; the first four for instruction-tuned Gemma 3 models ({@code gemma-3...-it}). */
    public static ZeroPositions of(String modelName) {
        return new ZeroPositions(modelName.contains("gemma-3") && modelName.endsWith("-it") ? GEMMA_3_CHAT.size() : 1);
    }

    /** @throws UsageException if the prompt doesn't begin with the tokens that these positions are meant for */
    public void check(int[] ids) {
        if (count == GEMMA_3_CHAT.size()
                && !GEMMA_3_CHAT.equals(Arrays.stream(ids).limit(count).boxed().toList())) {
            throw new UsageException(
                    "An instruction-tuned Gemma 3 needs a prompt in its chat format, beginning with the token ids 2, 105, 2364, 107 "
                            + "(\"<bos><start_of_turn>user\\n\"); this one begins with "
                            + Arrays.toString(Arrays.copyOf(ids, Math.min(count, ids.length)))
                            + ". Use the chat option, or write the turn's tokens into the prompt.");
        }
    }
}
