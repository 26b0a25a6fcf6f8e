package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Experts;
import dev.headwater.engine.model.ModelConfig.Gated;
import dev.headwater.engine.model.ModelConfig.QkNorm;
import java.util.List;

/** Qwen 3 with a mixture of experts in each layer. */
final class Qwen3MoeFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Qwen3MoeForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("qwen3_moe");
    }

    @Override
    public String ggufArchitecture() {
        return "qwen3moe";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        if (file.count("decoder_sparse_step", 4096, 1) != 1) {
            throw file.error("decoder_sparse_step", "is not 1, but Headwater needs experts in every layer");
        }
        if (file.has("mlp_only_layers") && !file.require("mlp_only_layers").isEmpty()) {
            throw file.error("mlp_only_layers", "names layers, but Headwater needs experts in every layer");
        }
        ModelDraft model = ModelDraft.rotary("Qwen3MoeForCausalLM", file);
        int experts = file.count("num_experts", 1 << 16, 128);
        model.mlp = new Experts(
                ModelDraft.innerWidth(file, "moe_intermediate_size"),
                experts,
                file.count("num_experts_per_tok", experts, 8),
                ((Gated) model.mlp).activation(),
                0,
                file.flag("norm_topk_prob", false),
                false);
        model.qkNorm = QkNorm.EACH_HEAD;
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        boolean slides = file.flag("use_sliding_window", false) && file.has("sliding_window");
        model.slidingLayers(layer -> slides);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .with(Role.ROUTER, "layers.#.mlp.gate")
                .with(Role.EXPERTS_GATE, "layers.#.mlp.experts.@.gate_proj")
                .with(Role.EXPERTS_UP, "layers.#.mlp.experts.@.up_proj")
                .with(Role.EXPERTS_DOWN, "layers.#.mlp.experts.@.down_proj");
    }

    @Override
    public void complete(GgufConfig config) {
        config.put("norm_topk_prob", true);
    }
}
