package dev.headwater.engine.model;

import dev.headwater.engine.model.ModelConfig.Experts;
import java.util.List;

/** GPT-OSS: a mixture of experts in each layer, attention sinks, every other layer with a window. */
final class GptOssFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GptOssForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("gpt_oss");
    }

    @Override
    public String ggufArchitecture() {
        return "gpt-oss";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("GptOssForCausalLM", file);
        int experts = file.count("num_local_experts", 1 << 16);
        String chosen = file.has("num_experts_per_tok") ? "num_experts_per_tok" : "experts_per_token";
        model.mlp = new Experts(
                ModelDraft.innerWidth(file, "intermediate_size"),
                experts,
                file.count(chosen, experts),
                Activation.QUICK_GELU,
                file.positive("swiglu_limit", 1e6, 7),
                true,
                true);
        model.qkvBias = model.outputBias = file.flag("attention_bias", true);
        model.sinks = true;
        model.slidingLayers(layer -> (layer + 1) % 2 != 0);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .with(Role.ROUTER, "layers.#.mlp.router")
                .with(Role.EXPERTS_GATE_UP, "layers.#.mlp.experts.gate_up_proj")
                .with(Role.EXPERTS_DOWN, "layers.#.mlp.experts.down_proj");
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.with(Role.PRE_MLP, "blk.#.post_attention_norm");
    }

    @Override
    public void complete(GgufConfig config) {
        config.put("attention_bias", true);
        if (config.has("rope_scaling")) {
            config.setScaling("truncate", false);
        }
    }
}
