package dev.headwater.engine.contrast;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Prompts that differ from the one that is traced in what is asked about: effects, choice and interventions then start from the
 * mean over them in the place of 0.
 *
 * @param prompts at least one; the one that is traced may be among them
 */
public record Contrast(List<Prompt> prompts) {
    public Contrast {
        prompts = List.copyOf(prompts);
        if (prompts.isEmpty()) {
            throw new UsageException("a contrast needs at least one prompt");
        }
    }

    /** The prompts' token ids as provenance keeps them: {@code 1 504 3575; 1 504 282}. */
    public String ids() {
        return prompts.stream()
                .map(prompt -> Arrays.stream(prompt.tokens())
                        .mapToObj(Integer::toString)
                        .collect(Collectors.joining(" ")))
                .collect(Collectors.joining("; "));
    }

    /**
     * What {@link #ids} wrote.
     *
     * @throws HeadwaterException if the text is another, or a token is not one of the model's
     */
    public static Contrast ofIds(ReplacementModel model, String ids) {
        try {
            return new Contrast(Arrays.stream(ids.split(";"))
                    .map(prompt -> model.prompt(Arrays.stream(prompt.strip().split(" "))
                            .mapToInt(Integer::parseInt)
                            .toArray()))
                    .toList());
        } catch (NumberFormatException e) {
            throw new HeadwaterException(
                    "the graph's contrast is not a list of token ids; trace the prompt again to get a sound one", e);
        }
    }
}
