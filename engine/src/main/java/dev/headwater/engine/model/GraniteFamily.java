package dev.headwater.engine.model;

import java.util.List;

/** Granite 3: Llama with factors on embeddings, scores, what is added to the stream, and logits. */
final class GraniteFamily implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GraniteForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("granite");
    }

    @Override
    public ModelConfig describe(ConfigFile file) {
        ModelDraft model = ModelDraft.rotary("GraniteForCausalLM", file);
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        model.embeddingScale = file.positive("embedding_multiplier", 1e6, 1);
        model.scale = file.positive("attention_multiplier", 1e6, 1);
        model.residualScale = file.positive("residual_multiplier", 1e6, 1);
        model.logitsScaling = file.positive("logits_scaling", 1e6, 1);
        return model.config();
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.withTurned();
    }
}
