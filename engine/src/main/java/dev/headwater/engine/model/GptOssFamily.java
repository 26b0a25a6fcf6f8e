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
    public String modelType() {
        return "gpt_oss";
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("GptOssForCausalLM", file);
        int experts = file.count("num_local_experts", 1 << 16);
        String chosen = file.has("num_experts_per_tok") ? "num_experts_per_tok" : "experts_per_token";
        model.mlp = new Experts(
                file.count("intermediate_size", 1 << 20),
                experts,
                file.count(chosen, experts),
                file.positive("swiglu_limit", 1e6, 7));
        model.qkvBias = model.outputBias = file.flag("attention_bias", true);
        model.sinks = true;
        model.slidingLayers(layer -> (layer + 1) % 2 != 0);
        return model.config();
    }
}
