package dev.headwater.engine.explanation;

/**
 * What a circuit is to explain: that the model answers with this token.
 *
 * @param token       vocabulary id
 * @param text        the token's text
 * @param probability in the model as it is
 * @param rival       text of the strongest other token there
 * @param margin      how far the answer's logit is ahead of that of the strongest other token, which is the model's answer where
 *     this is negative
 */
public record Answer(int token, String text, double probability, String rival, double margin) {
    /**
     * The answer in some run.
     *
     * @param margin as in {@link Answer}; the rival is that of the run, so that a run which answers something new is not taken for
     *     one that keeps the answer
     * @param logit  of the answer, less the mean of all logits
     * @param rival  the strongest other token
     */
    record Outcome(double margin, double probability, double logit, int rival) {
        static Outcome of(float[] logits, int token) {
            int rival = Answer.rival(logits, token);
            double largest = Math.max(logits[rival], logits[token]);
            double sum = 0;
            double mean = 0;
            for (float logit : logits) {
                sum += Math.exp(logit - largest);
                mean += logit / (double) logits.length;
            }
            return new Outcome(
                    (double) logits[token] - logits[rival],
                    Math.exp(logits[token] - largest) / sum,
                    logits[token] - mean,
                    rival);
        }
    }

    /** The strongest token but this one, the first of equals. */
    static int rival(float[] logits, int token) {
        int best = token == 0 ? 1 : 0;
        for (int i = 0; i < logits.length; i++) {
            best = i != token && logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /** The first of the most probable tokens. */
    static int strongest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }
}
