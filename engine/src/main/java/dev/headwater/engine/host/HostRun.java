package dev.headwater.engine.host;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A model's pass over a prompt, with edits or without; keeps the model, which reads features from the pass when they are asked for. */
final class HostRun extends Shared {
    private final HostModel model;
    private final Prompt prompt;
    private final Run run;
    private @Nullable Tensor copied;
    private int layer = -1;
    private @Nullable SparseActivations active;

    /** @param model taken by the caller for this; closed with it */
    HostRun(HostModel model, Prompt prompt, Run run) {
        this.model = model;
        this.prompt = prompt;
        this.run = run;
    }

    @Override
    Array make(int what, int index) {
        return switch (what) {
            case What.TOKENS -> copy(run.tokens());
            case What.LOGITS -> logits();
            case What.LAYER_POSITIONS -> copy(active(index).position());
            case What.LAYER_FEATURES -> copy(active(index).feature());
            case What.LAYER_ACTIVATIONS -> copy(active(index).value());
            case What.LAYER_DENSE ->
                copy(
                        run.denseActivations(checked(index)),
                        run.positions(),
                        model.model().basis().features());
            default -> super.make(what, index);
        };
    }

    /** [P, V], where the forward pass left them if that is in the processor's memory. */
    private Array logits() {
        Tensor there = run.logits();
        Tensor here = there;
        if (!there.device().isCpu() || !there.isContiguous()) {
            try (var _ = TensorScope.open()) {
                here = TensorScope.release(Torch.contiguous(HostModel.onHost(there)));
            }
            copied = here;
        }
        return Array.of(here.data(), Array.F32, here.shape());
    }

    private int checked(int layer) {
        if (layer < 0 || layer >= model.model().layers()) {
            throw new UsageException("there is no layer %d; the model's are 0 to %d"
                    .formatted(layer, model.model().layers() - 1));
        }
        return layer;
    }

    private SparseActivations active(int index) {
        SparseActivations known = active;
        if (known == null || layer != checked(index)) {
            known = run.activations(index);
            active = known;
            layer = index;
        }
        return known;
    }

    @Override
    List<String> texts(int what) {
        return switch (what) {
            case What.TOKEN_TEXTS -> prompt.texts();
            case What.PROMPT_TEXT -> List.of(prompt.text());
            default -> throw none("texts", what);
        };
    }

    @Override
    void free() {
        if (copied != null) {
            copied.close();
        }
        run.close();
        model.close();
    }
}
