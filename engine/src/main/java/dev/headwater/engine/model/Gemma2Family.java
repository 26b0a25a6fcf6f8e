package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Norm;
import java.util.List;
import java.util.Map;

/**
 * Gemma 2: scaled embeddings, gains of 1 + w, a norm after attention and MLP too, soft-capped scores, every other layer
 * with a window.
 */
final class Gemma2Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Gemma2ForCausalLM");
    }

    @Override
    public String modelType() {
        return "gemma2";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        return gemma("Gemma2ForCausalLM", file.withDefaults("""
                {"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
                 "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 8192,
                 "query_pre_attn_scalar": 256, "sliding_window": 4096,
                 "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}"""), 2).config();
    }

    /** @param period every so many layers one sees everything, unless the file lists them */
    static ModelDraft gemma(String architecture, ConfigFile keys, int period) {
        ConfigFile file = keys.withDefaults("{\"hidden_activation\": \"gelu_pytorch_tanh\"}")
                .withAliases(Map.of("hidden_act", "hidden_activation"));
        ModelDraft model = ModelDraft.rotary(architecture, file);
        model.norm = new Norm(false, model.norm.epsilon(), 1);
        model.postNorms = true;
        model.embeddingScale = Math.sqrt(model.width);
        model.scale = 1 / Math.sqrt(file.positive("query_pre_attn_scalar", 1e9));
        model.attentionSoftcap = file.positive("attn_logit_softcapping", 1e9, 0);
        model.finalSoftcap = file.positive("final_logit_softcapping", 1e9, 0);
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        model.slidingLayers(layer -> (layer + 1) % period != 0);
        model.tied = file.flag("tie_word_embeddings", true);
        return model;
    }
}
