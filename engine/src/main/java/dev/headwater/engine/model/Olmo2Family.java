package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Norms;
import dev.headwater.engine.model.ModelConfig.QkNorm;
import java.util.List;

/** OLMo 2: norms only on what attention and MLP add to the stream, and on all heads of queries and keys together. */
final class Olmo2Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Olmo2ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("olmo2");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withDefaults("{\"rms_norm_eps\": 1e-5}");
        ModelDraft model = ModelDraft.rotary("Olmo2ForCausalLM", file);
        model.norms = Norms.AFTER;
        model.qkNorm = QkNorm.ALL_HEADS;
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .with(Role.POST_ATTENTION, "layers.#.post_attention_layernorm")
                .with(Role.POST_MLP, "layers.#.post_feedforward_layernorm");
    }
}
