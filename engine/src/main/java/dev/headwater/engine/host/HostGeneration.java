package dev.headwater.engine.host;

import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.tokens.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How a model goes on. */
final class HostGeneration extends Shared {
    private final Generation generation;
    private final List<String> tokens;

    HostGeneration(Generation generation, Tokenizer tokenizer) {
        this.generation = generation;
        tokens = Arrays.stream(generation.tokens()).mapToObj(tokenizer::token).toList();
    }

    @Override
    Array make(int what, int index) {
        return what == What.TOKENS ? copy(generation.tokens()) : super.make(what, index);
    }

    @Override
    List<String> texts(int what) {
        return switch (what) {
            case What.TOKEN_TEXTS -> tokens;
            case What.GENERATED_TEXT -> List.of(generation.text());
            case What.INFO -> List.of("{\"end\": \"" + generation.end().name().toLowerCase(Locale.ROOT) + "\"}");
            default -> throw none("texts", what);
        };
    }
}
