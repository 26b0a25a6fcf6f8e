package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Norm;
import dev.headwater.engine.model.ModelConfig.Plain;
import java.util.List;
import java.util.Map;

/** GPT-NeoX and Pythia: LayerNorm, attention and MLP beside each other, a plain MLP, heads that turn in part. */
final class GptNeoxFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GPTNeoXForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gpt_neox");
    }

    @Override
    public String ggufArchitecture() {
        return "gptneox";
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        // Some files have keys of other families beside these, which the Python library passes over too.
        ConfigFile file = keys.withDefaults("{\"hidden_act\": \"gelu\"}")
                .withAliases(Map.of("rope_theta", "rotary_emb_base", "num_key_value_heads", "num_attention_heads"));
        ModelDraft model = new ModelDraft(
                "GPTNeoXForCausalLM",
                file,
                new Norm(true, file.positive("layer_norm_eps", 1, 1e-5)),
                new Plain(ModelDraft.innerWidth(file, "intermediate_size"), Activation.read(file, "hidden_act")));
        model.turn("rotary_pct", 0.25);
        model.qkvBias = model.outputBias = file.flag("attention_bias", true);
        model.parallel = file.flag("use_parallel_residual", true);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .withPrefixes("gpt_neox.", "")
                .withFused(Layout.Fused.BY_HEAD)
                .with(Role.EMBEDDING, "embed_in")
                .with(Role.FINAL_NORM, "final_layer_norm")
                .with(Role.UNEMBEDDING, "embed_out")
                .with(Role.QUERY_KEY_VALUE, "layers.#.attention.query_key_value")
                .with(Role.OUTPUT, "layers.#.attention.dense")
                .with(Role.UP, "layers.#.mlp.dense_h_to_4h")
                .with(Role.DOWN, "layers.#.mlp.dense_4h_to_h");
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.with(Role.QUERY_KEY_VALUE, "blk.#.attn_qkv");
    }

    @Override
    public void complete(GgufConfig config) {
        config.put("rotary_pct", config.turningShare());
        config.put("hidden_act", "gelu");
    }
}
