package dev.headwater.engine.model;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What a format calls a family's tensors, and how they lie in them. Names are without {@code .weight} and {@code
 * .bias}; {@code #} stands for the layer and {@code @} for the expert.
 *
 * @param prefixes   what may stand before the names of all tensors but the unembedding
 * @param fused      how queries, keys and values share a tensor, where they do
 * @param transposed whether matrices are stored [in, out]
 * @param turned     whether the two numbers that a rotation mixes lie side by side in a head of queries and keys, as
 *                   llama.cpp wants
 *                   them for some families, and not half a head apart
 * @param gainOffset what is to be added to stored gains: 1 for Gemma's own checkpoints
 */
record Layout(
        List<String> prefixes,
        Map<Role, String> names,
        Fused fused,
        boolean transposed,
        boolean turned,
        double gainOffset) {
    enum Fused {
        /** All queries, then all keys, then all values. */
        BY_KIND,
        /** A head's query, key and value, then the next head's. */
        BY_HEAD
    }

    /** The names that most Hugging Face checkpoints share; image-and-text models nest their text part. */
    static final Layout HUGGING_FACE = new Layout(
            List.of("model.", "language_model.model.", "model.language_model.", ""),
            Map.ofEntries(
                    Map.entry(Role.EMBEDDING, "embed_tokens"),
                    Map.entry(Role.FINAL_NORM, "norm"),
                    Map.entry(Role.UNEMBEDDING, "lm_head"),
                    Map.entry(Role.PRE_ATTENTION, "layers.#.input_layernorm"),
                    Map.entry(Role.QUERY, "layers.#.self_attn.q_proj"),
                    Map.entry(Role.KEY, "layers.#.self_attn.k_proj"),
                    Map.entry(Role.VALUE, "layers.#.self_attn.v_proj"),
                    Map.entry(Role.OUTPUT, "layers.#.self_attn.o_proj"),
                    Map.entry(Role.QUERY_NORM, "layers.#.self_attn.q_norm"),
                    Map.entry(Role.KEY_NORM, "layers.#.self_attn.k_norm"),
                    Map.entry(Role.SINKS, "layers.#.self_attn.sinks"),
                    Map.entry(Role.PRE_MLP, "layers.#.post_attention_layernorm"),
                    Map.entry(Role.GATE, "layers.#.mlp.gate_proj"),
                    Map.entry(Role.UP, "layers.#.mlp.up_proj"),
                    Map.entry(Role.DOWN, "layers.#.mlp.down_proj")),
            Fused.BY_KIND,
            false,
            false,
            0);

    /** llama.cpp's names, the same for all families. */
    static final Layout GGUF = new Layout(
            List.of(""),
            Map.ofEntries(
                    Map.entry(Role.EMBEDDING, "token_embd"),
                    Map.entry(Role.POSITIONS, "position_embd"),
                    Map.entry(Role.FINAL_NORM, "output_norm"),
                    Map.entry(Role.UNEMBEDDING, "output"),
                    Map.entry(Role.PRE_ATTENTION, "blk.#.attn_norm"),
                    Map.entry(Role.QUERY, "blk.#.attn_q"),
                    Map.entry(Role.KEY, "blk.#.attn_k"),
                    Map.entry(Role.VALUE, "blk.#.attn_v"),
                    Map.entry(Role.OUTPUT, "blk.#.attn_output"),
                    Map.entry(Role.QUERY_NORM, "blk.#.attn_q_norm"),
                    Map.entry(Role.KEY_NORM, "blk.#.attn_k_norm"),
                    Map.entry(Role.SINKS, "blk.#.attn_sinks"),
                    Map.entry(Role.POST_ATTENTION, "blk.#.post_attention_norm"),
                    Map.entry(Role.PRE_MLP, "blk.#.ffn_norm"),
                    Map.entry(Role.GATE, "blk.#.ffn_gate"),
                    Map.entry(Role.UP, "blk.#.ffn_up"),
                    Map.entry(Role.DOWN, "blk.#.ffn_down"),
                    Map.entry(Role.POST_MLP, "blk.#.post_ffw_norm"),
                    Map.entry(Role.ROUTER, "blk.#.ffn_gate_inp"),
                    Map.entry(Role.EXPERTS_GATE, "blk.#.ffn_gate_exps"),
                    Map.entry(Role.EXPERTS_UP, "blk.#.ffn_up_exps"),
                    Map.entry(Role.EXPERTS_DOWN, "blk.#.ffn_down_exps")),
            Fused.BY_KIND,
            false,
            false,
            0);

    Layout {
        prefixes = List.copyOf(prefixes);
        names = Collections.unmodifiableMap(new EnumMap<>(names));
    }

    /** This layout with another name for a part, or a part more. */
    Layout with(Role part, String name) {
        Map<Role, String> changed = new EnumMap<>(names);
        changed.put(part, name);
        return new Layout(prefixes, changed, fused, transposed, turned, gainOffset);
    }

    Layout withPrefixes(String... values) {
        return new Layout(List.of(values), names, fused, transposed, turned, gainOffset);
    }

    Layout withFused(Fused value) {
        return new Layout(prefixes, names, value, transposed, turned, gainOffset);
    }

    Layout withTransposed() {
        return new Layout(prefixes, names, fused, true, turned, gainOffset);
    }

    Layout withTurned() {
        return new Layout(prefixes, names, fused, transposed, true, gainOffset);
    }

    Layout withGainOffset(double value) {
        return new Layout(prefixes, names, fused, transposed, turned, value);
    }

    boolean has(Role part) {
        return names.containsKey(part);
    }

    /** Without prefix; the layer of what belongs to none is any. */
    String name(Role part, int layer) {
        String name = names.get(part);
        if (name == null) {
            throw new IllegalArgumentException("this layout has no name for " + part);
        }
        return name.replace("#", Integer.toString(layer));
    }
}
