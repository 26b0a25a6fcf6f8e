package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** SmolLM3: Llama with layers whose queries and keys do not turn. */
final class SmolLm3Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("SmolLM3ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("smollm3");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withDefaults("{\"tie_word_embeddings\": true, \"rope_theta\": 2000000.0}");
        ModelDraft model = ModelDraft.rotary("SmolLM3ForCausalLM", file);
        model.qkvBias = model.outputBias = file.flag("attention_bias", false);
        int interval = file.count("no_rope_layer_interval", 4096, 4);
        JsonNode turning = file.has("no_rope_layers") ? file.require("no_rope_layers") : null;
        if (turning != null && (!turning.isArray() || turning.size() != model.layers)) {
            throw file.error("no_rope_layers", "is not a list of " + model.layers + " numbers, one a layer");
        }
        for (int l = 0; l < model.layers; l++) {
            model.turning[l] =
                    turning == null ? (l + 1) % interval != 0 : turning.get(l).asInt() != 0;
        }
        // Layers that the file lists have windows whether or not it says that windows are used.
        boolean slides = file.flag("use_sliding_window", false) && file.has("sliding_window");
        model.slidingLayers(layer -> slides && !model.turning[layer]);
        return model.config();
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.withTurned();
    }
}
