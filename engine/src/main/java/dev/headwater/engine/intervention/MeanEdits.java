package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.MeanActivations;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Edits that count from a mean instead of from 0: what is taken away goes to its mean, what is multiplied has its distance from the
 * mean multiplied.
 */
public final class MeanEdits {
    private MeanEdits() {}

    /**
     * The intervention with {@link Change.Ablate} and {@link Change.Scale} replaced by the values that they mean.
     *
     * @param means over a contrast of the baseline's prompt
     * @throws UsageException if such an edit names what does not exist, or goes on after the prompt, where there is no mean
     */
    public static Intervention of(Intervention intervention, Baseline baseline, MeanActivations means) {
        intervention.check(baseline.model().basis(), baseline.run().positions(), true);
        List<Edit> edits = single(intervention.edits(), baseline.run().positions());
        Edit[] counted = edits.toArray(Edit[]::new);
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            int wanted = layer;
            int[] here = IntStream.range(0, counted.length)
                    .filter(i -> counted[i].layer() == wanted && isRelative(counted[i]))
                    .toArray();
            if (here.length == 0) {
                continue;
            }
            int[] position = IntStream.of(here)
                    .map(i -> counted[i].positions().first(baseline.run().positions()))
                    .toArray();
            int[] feature = IntStream.of(here).map(i -> counted[i].feature()).toArray();
            float[] activation = baseline.run().preActivations(layer, position, feature);
            float[] mean = means.of(layer, position, feature);
            for (int i = 0; i < here.length; i++) {
                float value = counted[here[i]].change() instanceof Change.Scale scale
                        ? mean[i] + scale.factor() * (activation[i] - mean[i])
                        : mean[i];
                counted[here[i]] = new Edit(layer, new Positions.At(position[i]), feature[i], new Change.Set(value));
            }
        }
        return new Intervention(List.of(counted), intervention.heads(), intervention.freeze());
    }

    private static boolean isRelative(Edit edit) {
        return edit.change() instanceof Change.Ablate || edit.change() instanceof Change.Scale;
    }

    /** With an edit for each position where a mean is needed, in the same order. */
    private static List<Edit> single(List<Edit> edits, int positions) {
        List<Edit> single = new ArrayList<>();
        for (Edit edit : edits) {
            if (!isRelative(edit)) {
                single.add(edit);
                continue;
            }
            if (edit.positions().openEnded()) {
                throw new UsageException(
                        "Edit %s goes on after the prompt, where the contrast has no mean; end its range of positions, at %d at the latest"
                                .formatted(edit.place(), positions));
            }
            for (int p = edit.positions().first(positions); p < edit.positions().end(positions); p++) {
                single.add(new Edit(edit.layer(), new Positions.At(p), edit.feature(), edit.change()));
            }
        }
        return single;
    }
}
