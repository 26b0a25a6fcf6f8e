package dev.headwater.engine.model;

import java.util.List;

/** Qwen 2 and 2.5: query, key and value have biases, the output has none. */
final class Qwen2Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Qwen2ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("qwen2");
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("Qwen2ForCausalLM", file);
        model.qkvBias = true;
        windows(model, file);
        return model.config();
    }

    /**
     * Qwen's rule: the upper layers, and only if the file says that windows are used; it names a window's size anyway.
     */
    static void windows(ModelDraft model, ConfigFile file) {
        if (file.flag("use_sliding_window", false)) {
            int unlimited = file.countOrNone("max_window_layers", 1 << 20, 28);
            model.slidingLayers(layer -> file.has("sliding_window") && layer >= unlimited);
        }
    }
}
