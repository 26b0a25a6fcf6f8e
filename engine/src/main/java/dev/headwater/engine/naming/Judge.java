package dev.headwater.engine.naming;

import dev.headwater.engine.features.FeatureLabels;
import java.util.List;

/** Who tells by a feature's name alone where it fires. */
@FunctionalInterface
interface Judge {
    /** The answers to questions of one kind, in their order. */
    boolean[] judge(String name, List<Question> questions);

    /**
     * Reads names as {@link FeatureLabels} makes them, word for word: the feature fires where one of the
     * tokens stands that the name says it fires on, and on these. No language model is asked.
     */
    Judge BY_TOKENS = (name, questions) -> {
        boolean[] verdicts = new boolean[questions.size()];
        for (int q = 0; q < verdicts.length; q++) {
            Question question = questions.get(q);
            for (int i = 0; i < question.context().tokens().size(); i++) {
                verdicts[q] |= (question.marked().isEmpty() || question.marked().get(i))
                        && FeatureLabels.names(name, question.context().tokens().get(i));
            }
        }
        return verdicts;
    };
}
