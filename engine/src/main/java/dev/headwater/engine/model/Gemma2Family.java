package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Norms;
import java.util.List;
import java.util.Map;

/** Gemma 2: Gemma with a norm after attention and MLP too, soft-capped scores, every other layer with a window. */
final class Gemma2Family implements Family {
    /** Of Hugging Face checkpoints of Gemma 2 and 3. */
    static final Layout LAYOUT = Layout.HUGGING_FACE
            .withGainOffset(1)
            .with(Role.POST_ATTENTION, "layers.#.post_attention_layernorm")
            .with(Role.PRE_MLP, "layers.#.pre_feedforward_layernorm")
            .with(Role.POST_MLP, "layers.#.post_feedforward_layernorm");

    @Override
    public List<String> architectures() {
        return List.of("Gemma2ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gemma2");
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
        ModelDraft model = GemmaFamily.scaled(architecture, file);
        model.norms = Norms.AROUND;
        model.scale = 1 / Math.sqrt(file.positive("query_pre_attn_scalar", 1e9));
        model.attentionSoftcap = file.positive("attn_logit_softcapping", 1e9, 0);
        model.finalSoftcap = file.positive("final_logit_softcapping", 1e9, 0);
        model.slidingLayers(layer -> (layer + 1) % period != 0);
        return model;
    }

    @Override
    public Layout layout() {
        return LAYOUT;
    }

    @Override
    public void complete(GgufConfig config) {
        scaleQueries(config, 46);
    }

    /**
     * By which queries are divided is in no key: it is the head size, but in the largest version the width over the
     * heads.
     */
    static void scaleQueries(GgufConfig config, int layersOfTheLargest) {
        int size = config.layers() == layersOfTheLargest ? config.width() / config.heads() : config.headDim();
        config.put("query_pre_attn_scalar", size);
    }
}
