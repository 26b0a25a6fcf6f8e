package dev.headwater.engine.model;

import java.util.List;

/** Llama 2 and 3: what {@link ModelDraft#rotary} describes, and biases where the file asks for them. */
final class LlamaFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("LlamaForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("llama");
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("LlamaForCausalLM", file);
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        return model.config();
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.withTurned();
    }
}
