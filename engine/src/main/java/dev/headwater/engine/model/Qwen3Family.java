package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.QkNorm;
import java.util.List;

/** Qwen 3: heads' queries and keys are normalised. */
final class Qwen3Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Qwen3ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("qwen3");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withDefaults("{\"head_dim\": 128}");
        ModelDraft model = ModelDraft.rotary("Qwen3ForCausalLM", file);
        model.qkNorm = QkNorm.EACH_HEAD;
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        Qwen2Family.windows(model, file);
        return model.config();
    }
}
