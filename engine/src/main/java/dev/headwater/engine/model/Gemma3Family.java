package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.QkNorm;
import java.util.List;

/**
 * Gemma 3's text model, on its own or within the image-and-text one: like Gemma 2 but for normalised queries and keys
 * instead of soft-caps, and rotary frequencies of their own for the layers with a window.
 */
final class Gemma3Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gemma3_text", "gemma3");
    }

    @Override
    public String ggufArchitecture() {
        return "gemma3";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ConfigFile text = (file.has("text_config") ? file.within("text_config") : file).withDefaults("""
                {"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
                 "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072,
                 "query_pre_attn_scalar": 256, "sliding_window": 4096, "rope_theta": 1000000.0}""");
        if (text.flag("use_bidirectional_attention", false)) {
            throw text.error("use_bidirectional_attention", "is true, but Headwater's attention is causal");
        }
        String pattern = text.has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
        ModelDraft model = Gemma2Family.gemma("Gemma3ForCausalLM", text, text.count(pattern, 4096, 6));
        // A key for it is left from Gemma 2, and nothing reads it.
        model.attentionSoftcap = 0;
        model.qkNorm = QkNorm.EACH_HEAD;
        model.localRope = Rope.readLocal(text, model.headDim, model.maxPositions);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Gemma2Family.LAYOUT;
    }

    @Override
    public void complete(GgufConfig config) {
        Gemma2Family.scaleQueries(config, 62);
        if (!config.has("sliding_window")) {
            config.put("sliding_window_pattern", 1);
        }
    }
}
