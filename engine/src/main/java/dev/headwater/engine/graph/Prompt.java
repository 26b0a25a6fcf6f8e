package dev.headwater.engine.graph;

import java.util.List;

/**
 * What the model was asked.
 *
 * @param text   the prompt as text, special tokens included
 * @param tokens token ids [P]
 * @param texts  text of each token [P]
 */
public record Prompt(String text, int[] tokens, List<String> texts) {
    public Prompt {
        if (tokens.length == 0) throw new IllegalArgumentException("a prompt needs at least one token");
        if (texts.size() != tokens.length) {
            throw new IllegalArgumentException("%d token texts for %d tokens".formatted(texts.size(), tokens.length));
        }
        texts = List.copyOf(texts);
    }

    /** Number of tokens P. */
    public int length() {
        return tokens.length;
    }
}
