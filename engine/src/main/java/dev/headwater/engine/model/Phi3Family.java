package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * Phi-3, 3.5 and 4: Llama with fused projections, in some sizes with a window, with heads that turn in part, with
 * longrope.
 */
final class Phi3Family implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Phi3ForCausalLM");
    }

    @Override
    public List<String> modelTypes() {
        return List.of("phi3");
    }

    @Override
    public ModelConfig describe(ConfigFile keys) {
        ConfigFile file = keys.withDefaults("{\"original_max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-5}");
        if (file.has("rope_scaling")
                && file.within("rope_scaling").root().path("type").asText().equals("yarn")) {
            // What the first repositories call so is longrope.
            file = file.with(
                    "rope_scaling",
                    ((ObjectNode) file.within("rope_scaling").root().deepCopy()).put("type", "longrope"));
        }
        ModelDraft model = ModelDraft.partlyRotary("Phi3ForCausalLM", file);
        boolean slides = file.has("sliding_window");
        model.slidingLayers(layer -> slides);
        return model.config();
    }

    @Override
    public Layout layout() {
        return Layout.HUGGING_FACE
                .with(Role.QUERY_KEY_VALUE, "layers.#.self_attn.qkv_proj")
                .with(Role.GATE_UP, "layers.#.mlp.gate_up_proj");
    }

    @Override
    public Layout ggufLayout() {
        return Layout.GGUF.with(Role.QUERY_KEY_VALUE, "blk.#.attn_qkv").with(Role.GATE_UP, "blk.#.ffn_up");
    }
}
