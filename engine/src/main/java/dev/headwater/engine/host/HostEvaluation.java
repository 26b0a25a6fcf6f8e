package dev.headwater.engine.host;

import dev.headwater.engine.evaluation.Evaluation;
import dev.headwater.engine.evaluation.EvaluationJson;
import java.util.List;

/** How far a model's transcoders stand in for its MLPs. */
final class HostEvaluation extends Shared {
    private final Evaluation evaluation;

    HostEvaluation(Evaluation evaluation) {
        this.evaluation = evaluation;
    }

    @Override
    List<String> texts(int what) {
        if (what == What.INFO) {
            return List.of(EvaluationJson.of(evaluation).toString());
        }
        throw none("texts", what);
    }
}
