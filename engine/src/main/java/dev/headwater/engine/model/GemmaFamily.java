package dev.headwater.engine.model;

import java.util.List;

/** Gemma 1: Llama with scaled embeddings, gains of 1 + w and a GELU. */
final class GemmaFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GemmaForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gemma");
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        return scaled("GemmaForCausalLM", file.withDefaults("""
                {"hidden_act": "gelu_pytorch_tanh", "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
                 "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "max_position_embeddings": 8192}""")).config();
    }

    /** What all versions of Gemma share. */
    static ModelDraft scaled(String architecture, ConfigFile file) {
        ModelDraft model = ModelDraft.rotary(architecture, file);
        model.embeddingScale = Math.sqrt(model.width);
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        model.tied = file.flag("tie_word_embeddings", true);
        return model;
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE.withGainOffset(1);
    }
}
