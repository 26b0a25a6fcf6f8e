package dev.headwater.engine.model;

import java.util.List;

/** Mistral: Llama, in early versions with a window on every layer. */
final class MistralFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("MistralForCausalLM");
    }

    @Override
    public String modelType() {
        return "mistral";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("MistralForCausalLM", file);
        model.slidingLayers(layer -> file.has("sliding_window"));
        return model.config();
    }
}
