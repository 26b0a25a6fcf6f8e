package dev.headwater.engine.evaluation;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.evaluation.Evaluation.Changed;
import dev.headwater.engine.evaluation.Evaluation.Layer;
import dev.headwater.engine.evaluation.Evaluation.Losses;
import dev.headwater.engine.files.BoundedJson;

/** An evaluation as JSON: its records as they are, and what is derived from them. */
public final class EvaluationJson {
    private EvaluationJson() {}

    /**
     * {@return the evaluation's components by name, with {@code meanFvu}, {@code meanL0}, {@code deadShare} and {@code denseShare}, and of
     * changed losses {@code recovered} and {@code recoveredOverMean}}
     */
    public static ObjectNode of(Evaluation set) {
        ObjectNode json = BoundedJson.mapper().valueToTree(set);
        json.put("meanFvu", set.meanFvu())
                .put("meanL0", set.meanL0())
                .put("deadShare", set.deadShare())
                .put("denseShare", set.denseShare());
        Losses losses = set.losses();
        if (losses != null) {
            derived((ObjectNode) json.at("/losses/all"), losses.all(), losses);
            for (Layer layer : set.layers()) {
                if (layer.loss() != null) {
                    derived((ObjectNode) json.at("/layers/" + layer.layer() + "/loss"), layer.loss(), losses);
                }
            }
        }
        return json;
    }

    private static void derived(ObjectNode json, Changed changed, Losses losses) {
        json.put("recovered", changed.recovered(losses.model()))
                .put("recoveredOverMean", changed.recoveredOverMean(losses.model()));
    }
}
