package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Experts;
import dev.headwater.engine.model.ModelConfig.Gated;
import java.util.List;

/** Mixtral: Mistral with a mixture of experts in each layer. GGUF files call it Llama, with experts. */
final class MixtralFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("MixtralForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("mixtral");
    }

    @Override
    public String ggufArchitecture() {
        return "llama";
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file =
                keys.withDefaults("{\"num_key_value_heads\": 8, \"rms_norm_eps\": 1e-5, \"rope_theta\": 1000000.0}");
        ModelDraft model = ModelDraft.rotary("MixtralForCausalLM", file);
        int experts = file.count("num_local_experts", 1 << 16, 8);
        model.mlp = new Experts(
                ModelDraft.innerWidth(file, "intermediate_size"),
                experts,
                file.count("num_experts_per_tok", experts, 2),
                ((Gated) model.mlp).activation(),
                0,
                true,
                false);
        model.slidingLayers(layer -> file.has("sliding_window"));
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .with(Role.ROUTER, "layers.#.block_sparse_moe.gate")
                .with(Role.EXPERTS_GATE, "layers.#.block_sparse_moe.experts.@.w1")
                .with(Role.EXPERTS_UP, "layers.#.block_sparse_moe.experts.@.w3")
                .with(Role.EXPERTS_DOWN, "layers.#.block_sparse_moe.experts.@.w2");
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.withTurned();
    }
}
