package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;

/** Each word is a token. */
record WordLevel(Vocabulary vocabulary, String unknown) implements Model {
    @Override
    public void tokens(String word, Steps steps, Ids into) {
        int id = vocabulary.id(word);
        id = id < 0 ? vocabulary.id(unknown) : id;
        if (id < 0) {
            throw new RefusedException("it has no token for a word of the text, and none for the unknown");
        }
        into.add(id);
    }
}
