package dev.headwater.engine.naming;

import java.util.BitSet;

/**
 * Whether a feature of some name fires in a context, or on the tokens of it that are marked.
 *
 * @param marked tokens, none where the whole context is asked about
 * @param truth  the right answer
 */
record Question(Context context, BitSet marked, boolean truth) {
    String text() {
        return marked.isEmpty() ? context.text() : context.marked(marked::get);
    }
}
