package dev.headwater.explorer;

import dev.headwater.engine.UsageException;
import java.util.List;

/**
 * Where a feature's new activation comes from: the mean of those that it has at one position of some prompts, times a factor.
 *
 * @param prompts  none: the graph's own
 * @param position negative: from the end
 */
public record Taken(List<Engine.Prompt> prompts, int position, double factor) {
    private static final int MOST_PROMPTS = 1000;

    public Taken {
        prompts = prompts == null ? List.of() : List.copyOf(prompts);
        if (prompts.size() > MOST_PROMPTS || !Double.isFinite(factor)) {
            throw new UsageException(
                    "An activation is taken from at most " + MOST_PROMPTS + " prompts, times a finite factor.");
        }
    }
}
