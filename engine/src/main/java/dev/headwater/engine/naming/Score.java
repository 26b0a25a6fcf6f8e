package dev.headwater.engine.naming;

import java.util.List;

/** How well a name tells where a feature fires. */
final class Score {
    private Score() {}

    /**
     * Balanced accuracy, 0 to 1: the mean of the shares of right answers among contexts in which the feature fires and among the
     * others; 0.5 is what a name does that says nothing.
     *
     * @throws UnansweredException if the judge does not say
     */
    static double of(Judge judge, String name, List<Question> questions) {
        boolean[] verdicts = judge.judge(name, questions);
        double[] right = new double[2];
        int[] count = new int[2];
        for (int i = 0; i < verdicts.length; i++) {
            int kind = questions.get(i).truth() ? 1 : 0;
            count[kind]++;
            right[kind] += verdicts[i] == questions.get(i).truth() ? 1 : 0;
        }
        return (right[0] / count[0] + right[1] / count[1]) / 2;
    }
}
