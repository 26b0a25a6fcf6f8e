package dev.headwater.engine.model;

import java.util.List;

/** Qwen 3: heads' queries and keys are normalised. */
final class Qwen3Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Qwen3ForCausalLM");
    }

    @Override
    public String modelType() {
        return "qwen3";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("Qwen3ForCausalLM", file);
        model.qkNorm = true;
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        Qwen2Family.windows(model, file);
        return model.config();
    }
}
