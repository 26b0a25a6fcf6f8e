package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** BERT's model: the longest token that a word begins with, then the longest that its rest begins with, marked as a continuation. */
record WordPiece(Vocabulary vocabulary, String unknown, String prefix, int longestWord) implements Model {
    @Override
    public void tokens(String word, Steps steps, Ids into) {
        int[] ids = word.codePointCount(0, word.length()) > longestWord ? null : pieces(word, steps);
        if (ids != null) {
            into.addAll(ids);
            return;
        }
        int id = vocabulary.id(unknown);
        if (id < 0) {
            throw new RefusedException("its token for the unknown, " + unknown + ", is not in its vocabulary");
        }
        into.add(id);
    }

    /** Null if a rest begins with no token. */
    private int @Nullable [] pieces(String word, Steps steps) {
        int[] ids = new int[word.length()];
        int count = 0;
        for (int start = 0; start < word.length(); ) {
            String rest = start > 0 ? prefix + word.substring(start) : word;
            int fixed = start > 0 ? prefix.length() : 0;
            int end = rest.length();
            int id = -1;
            while (end > fixed && (id = vocabulary.id(rest, 0, end)) < 0) {
                steps.spend(end);
                end = rest.offsetByCodePoints(end, -1);
            }
            if (id < 0) {
                return null;
            }
            ids[count++] = id;
            start += end - fixed;
        }
        return Arrays.copyOf(ids, count);
    }
}
