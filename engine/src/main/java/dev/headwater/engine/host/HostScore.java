package dev.headwater.engine.host;

import dev.headwater.engine.attention.ScoreSources;
import java.util.List;

/** Why an attention head looks from one position to another. */
final class HostScore extends Shared {
    private final ScoreSources score;

    HostScore(ScoreSources score) {
        this.score = score;
    }

    @Override
    Array make(int what, int index) {
        List<ScoreSources.Pair> pairs = score.pairs();
        return switch (what) {
            case What.SCORE_SUMMARY ->
                copy(new double[] {
                    score.score(),
                    score.attention(),
                    score.mean(),
                    score.queryRest(),
                    score.keyRest(),
                    score.relativeRest()
                });
            case What.SCORE_QUERY -> copy(score.querySide());
            case What.SCORE_KEY -> copy(score.keySide());
            case What.SCORE_RELATIVE -> copy(score.relative());
            case What.SCORE_PAIRS -> {
                int[] ends = new int[2 * pairs.size()];
                for (int i = 0; i < pairs.size(); i++) {
                    ends[2 * i] = pairs.get(i).query();
                    ends[2 * i + 1] = pairs.get(i).key();
                }
                yield copy(ends, pairs.size(), 2);
            }
            case What.SCORE_PAIR_VALUES -> {
                float[] values = new float[pairs.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = pairs.get(i).value();
                }
                yield copy(values);
            }
            default -> super.make(what, index);
        };
    }
}
