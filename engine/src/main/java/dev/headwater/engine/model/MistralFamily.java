package dev.headwater.engine.model;

import java.util.List;

/** Mistral: Llama, in early versions with a window on every layer. GGUF files call it Llama, and have no window. */
final class MistralFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("MistralForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("mistral");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withDefaults("{\"num_key_value_heads\": 8, \"sliding_window\": 4096}");
        ModelDraft model = ModelDraft.rotary("MistralForCausalLM", file);
        model.slidingLayers(layer -> file.has("sliding_window"));
        return model.config();
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.withTurned();
    }
}
