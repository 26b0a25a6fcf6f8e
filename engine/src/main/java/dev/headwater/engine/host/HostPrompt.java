package dev.headwater.engine.host;

import dev.headwater.engine.graph.Prompt;
import java.util.List;

/** A prompt as tokens. */
final class HostPrompt extends Shared {
    private final Prompt prompt;

    HostPrompt(Prompt prompt) {
        this.prompt = prompt;
    }

    @Override
    Array make(int what, int index) {
        return what == What.TOKENS ? copy(prompt.tokens()) : super.make(what, index);
    }

    @Override
    List<String> texts(int what) {
        return switch (what) {
            case What.TOKEN_TEXTS -> prompt.texts();
            case What.PROMPT_TEXT -> List.of(prompt.text());
            default -> throw none("texts", what);
        };
    }
}
