package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Norm;
import dev.headwater.engine.model.ModelConfig.Plain;
import java.util.List;
import java.util.Map;

/**
 * GPT-2: LayerNorm, learned positions, a plain MLP, and matrices stored transposed with query, key and value in one.
 */
final class Gpt2Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GPT2LMHeadModel");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gpt2");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withAliases(Map.of(
                "num_hidden_layers",
                "n_layer",
                "hidden_size",
                "n_embd",
                "num_attention_heads",
                "n_head",
                "max_position_embeddings",
                "n_positions",
                "intermediate_size",
                "n_inner"));
        int width = file.count("hidden_size", ModelDraft.MOST_WIDTH);
        ModelDraft model = new ModelDraft(
                "GPT2LMHeadModel",
                file,
                new Norm(true, file.positive("layer_norm_epsilon", 1, 1e-5)),
                new Plain(
                        file.count("intermediate_size", 1 << 22, 4 * width),
                        Activation.read(
                                file.withDefaults("{\"activation_function\": \"gelu_new\"}"), "activation_function")));
        if (!file.flag("scale_attn_weights", true) || file.flag("scale_attn_by_inverse_layer_idx", false)) {
            throw file.error(
                    "scale_attn_weights",
                    "and 'scale_attn_by_inverse_layer_idx' have values other than GPT-2's own, which Headwater does not support");
        }
        model.qkvBias = model.outputBias = true;
        model.learnedPositions = true;
        model.tied = file.flag("tie_word_embeddings", true);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .withPrefixes("transformer.", "")
                .withTransposed()
                .with(Role.EMBEDDING, "wte")
                .with(Role.POSITIONS, "wpe")
                .with(Role.FINAL_NORM, "ln_f")
                .with(Role.PRE_ATTENTION, "h.#.ln_1")
                .with(Role.QUERY_KEY_VALUE, "h.#.attn.c_attn")
                .with(Role.OUTPUT, "h.#.attn.c_proj")
                .with(Role.PRE_MLP, "h.#.ln_2")
                .with(Role.UP, "h.#.mlp.c_fc")
                .with(Role.DOWN, "h.#.mlp.c_proj");
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.with(Role.QUERY_KEY_VALUE, "blk.#.attn_qkv");
    }
}
