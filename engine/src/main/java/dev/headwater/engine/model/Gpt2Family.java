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
    public String modelType() {
        return "gpt2";
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
        ModelDraft model = new ModelDraft("GPT2LMHeadModel", file);
        if (!file.flag("scale_attn_weights", true) || file.flag("scale_attn_by_inverse_layer_idx", false)) {
            throw file.error(
                    "scale_attn_weights",
                    "and 'scale_attn_by_inverse_layer_idx' have values other than GPT-2's own, which Headwater does not support");
        }
        model.norm = new Norm(true, file.positive("layer_norm_epsilon", 1, 1e-5), 0);
        model.mlp = new Plain(
                file.count("intermediate_size", 1 << 22, 4 * model.width),
                Activation.read(file.withDefaults("{\"activation_function\": \"gelu_new\"}"), "activation_function"));
        model.qkvBias = model.outputBias = true;
        model.learnedPositions = true;
        model.tied = file.flag("tie_word_embeddings", true);
        return model.config();
    }

    @Override
    public List<String> prefixes() {
        return List.of("transformer.", "");
    }

    @Override
    public String embedding() {
        return "wte.weight";
    }

    @Override
    public String finalNorm() {
        return "ln_f";
    }

    @Override
    public LayerWeights layer(WeightLoader weights, ModelConfig model, int l) {
        String layer = "h." + l + ".";
        int width = model.width();
        Plain mlp = (Plain) model.mlp();
        return new LayerWeights(
                weights.norm(layer + "ln_1", width),
                new LayerWeights.Attention(
                        weights.transposed(layer + "attn.c_attn", width, 3L * width, 0, width),
                        weights.transposed(layer + "attn.c_attn", width, 3L * width, width, width),
                        weights.transposed(layer + "attn.c_attn", width, 3L * width, 2L * width, width),
                        weights.transposed(layer + "attn.c_proj", width, width, 0, width),
                        null,
                        null,
                        null),
                null,
                weights.norm(layer + "ln_2", width),
                new Mlp.Plain(
                        weights.transposed(layer + "mlp.c_fc", width, mlp.width(), 0, mlp.width()),
                        weights.transposed(layer + "mlp.c_proj", mlp.width(), width, 0, width),
                        mlp.activation()),
                null);
    }
}
