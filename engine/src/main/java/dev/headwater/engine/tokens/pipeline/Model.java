package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.Steps;

/** Makes tokens of one part of a text. Safe for several threads. */
interface Model {
    /** @param word not empty */
    void tokens(String word, Steps steps, Ids into);

    Vocabulary vocabulary();

    /** How many tokens it has: added ones get the ids behind. */
    default int size() {
        return vocabulary().size();
    }
}
