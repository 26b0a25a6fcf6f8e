package dev.headwater.engine.naming;

import dev.headwater.engine.features.FeatureExample;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A stretch of text in which a feature fires, or does not.
 *
 * @param tokens      texts [n]
 * @param activations of the feature [n], zeros where it does not fire
 */
record Context(List<String> tokens, float[] activations) {
    /** Tokens, as delphi's contexts have by default. */
    static final int LENGTH = 32;

    /** Of these before the middle. */
    private static final int BEFORE = 20;

    /** Characters of a token. */
    private static final int LONGEST = 60;

    /** Share of a context's largest activation from which on a token counts as one that the feature fires on, delphi's. */
    private static final double THRESHOLD = 0.3;

    Context {
        tokens = List.copyOf(tokens);
    }

    /** What lies around a token. */
    static Context around(FeatureExample example, int middle) {
        int from = Math.clamp(
                (long) middle - BEFORE, 0, Math.max(0, example.tokens().size() - LENGTH));
        int to = Math.min(example.tokens().size(), from + LENGTH);
        float[] activations = new float[to - from];
        System.arraycopy(example.activations(), from, activations, 0, activations.length);
        return new Context(
                example.tokens().subList(from, to).stream()
                        .map(token -> token.length() <= LONGEST ? token : token.substring(0, LONGEST))
                        .toList(),
                activations);
    }

    String text() {
        return String.join("", tokens);
    }

    /** Tokens that fire, by the threshold. */
    boolean fires(int token) {
        float largest = 0;
        for (float activation : activations) {
            largest = Math.max(largest, activation);
        }
        return largest > 0 && activations[token] >= THRESHOLD * largest;
    }

    int firing() {
        int count = 0;
        for (float activation : activations) {
            count += activation > 0 ? 1 : 0;
        }
        return count;
    }

    /** The text with chosen tokens between << and >>, neighbours together. */
    String marked(IntPredicate chosen) {
        StringBuilder text = new StringBuilder();
        boolean open = false;
        for (int i = 0; i < tokens.size(); i++) {
            if (chosen.test(i) != open) {
                text.append(open ? ">>" : "<<");
                open = !open;
            }
            text.append(tokens.get(i));
        }
        return text.append(open ? ">>" : "").toString();
    }
}
