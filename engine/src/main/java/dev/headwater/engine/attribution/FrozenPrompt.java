package dev.headwater.engine.attribution;

import dev.headwater.engine.linear.FrozenModel;
import org.jspecify.annotations.Nullable;

/**
 * One prompt as a sweep sees it.
 *
 * @param model   frozen at the prompt
 * @param sources what edges come from
 * @param reach   the tokens seen from above the first attention layer; null where carrying gradients through it costs
 *                less, or targets of
 *                the first layer lie below its attention
 * @param outputs number of the graph's output targets, which are its last columns
 */
record FrozenPrompt(
        FrozenModel model, Sources sources, @Nullable TokenReach reach, int outputs) {
    static FrozenPrompt of(FrozenModel model, Sources sources, int outputs) {
        int positions = (int) sources.tokens().size(0);
        return new FrozenPrompt(
                model,
                sources,
                !model.weights().parallel() && TokenReach.pays(model, positions)
                        ? TokenReach.of(model, sources.tokens())
                        : null,
                outputs);
    }
}
