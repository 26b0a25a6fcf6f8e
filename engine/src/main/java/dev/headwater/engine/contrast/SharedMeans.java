package dev.headwater.engine.contrast;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.Prompt;
import org.jspecify.annotations.Nullable;

/** The means of one prompt after the other: where a prompt meets the same positions of the same contrast as the last, they are its. */
public final class SharedMeans implements AutoCloseable {
    private final ReplacementModel model;
    private final Progress progress;
    private @Nullable MeanActivations means;

    public SharedMeans(ReplacementModel model, Progress progress) {
        this.model = model;
        this.progress = progress;
    }

    /** What a prompt is held against; in use until the next prompt's are asked for. */
    public MeanActivations of(Prompt prompt, Contrast contrast) {
        Alignment alignment = Alignment.of(prompt, contrast, model.zeroPositions(prompt.tokens()));
        if (means == null || !means.alignment().equals(alignment)) {
            close();
            means = MeanActivations.of(model, alignment, progress);
        }
        return means;
    }

    @Override
    public void close() {
        if (means != null) {
            means.close();
            means = null;
        }
    }
}
