package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.weights.Checkpoint;
import java.util.List;
import java.util.stream.Collectors;

/**
 * An architecture: how its configuration reads, and what its tensors are called. The defaults are the names that most
 * share.
 */
interface Family {
    List<Family> ALL = List.of(
            new LlamaFamily(),
            new MistralFamily(),
            new Qwen2Family(),
            new Qwen3Family(),
            new Gemma2Family(),
            new Gemma3Family(),
            new Gpt2Family(),
            new GptOssFamily());

    /** As {@code architectures} in config.json has them. */
    List<String> architectures();

    /** As {@code model_type} in config.json has it, which counts where no architecture is given. */
    String modelType();

    ModelConfig describe(ConfigFile file);

    /** @throws HeadwaterException if no family reads this architecture */
    static Family of(ConfigFile file) {
        JsonNode listed = file.root().path("architectures");
        if (!listed.isEmpty()) {
            for (Family family : ALL) {
                if (family.architectures().contains(listed.path(0).asText())) {
                    return family;
                }
            }
        } else if (file.has("model_type")) {
            for (Family family : ALL) {
                if (family.modelType().equals(file.text("model_type"))) {
                    return family;
                }
            }
        } else {
            throw file.error("architectures", "is missing");
        }
        String name =
                listed.isEmpty() ? file.text("model_type") : listed.path(0).asText();
        throw new HeadwaterException("%s: Headwater does not know the architecture '%s'; it knows %s"
                .formatted(
                        file.path(),
                        ErrorText.of(name),
                        ALL.stream()
                                .flatMap(family -> family.architectures().stream())
                                .collect(Collectors.joining(", "))));
    }

    default String embedding() {
        return "embed_tokens.weight";
    }

    /** Where positions are learned. */
    default String positionEmbedding() {
        return "wpe.weight";
    }

    default String finalNorm() {
        return "norm";
    }

    /**
     * What may stand before the names of all tensors but the unembedding; image-and-text models nest their text part.
     */
    default List<String> prefixes() {
        return List.of("model.", "language_model.model.", "model.language_model.", "");
    }

    default String prefixIn(Checkpoint checkpoint) {
        for (String prefix : prefixes()) {
            if (checkpoint.has(prefix + embedding())) {
                return prefix;
            }
        }
        throw new HeadwaterException(
                "%s has no tensor '%s%s', the token embeddings of the architecture in its config.json"
                        .formatted(checkpoint, prefixes().getFirst(), embedding()));
    }

    default LayerWeights layer(WeightLoader weights, ModelConfig model, int l) {
        String layer = "layers." + l + ".";
        int width = model.width();
        return new LayerWeights(
                weights.norm(layer + "input_layernorm", width),
                attention(weights, model, layer + "self_attn."),
                model.postNorms() ? weights.norm(layer + "post_attention_layernorm", width) : null,
                weights.norm(
                        layer + (model.postNorms() ? "pre_feedforward_layernorm" : "post_attention_layernorm"), width),
                mlp(weights, model, layer + "mlp."),
                model.postNorms() ? weights.norm(layer + "post_feedforward_layernorm", width) : null);
    }

    private static LayerWeights.Attention attention(WeightLoader weights, ModelConfig model, String name) {
        ModelConfig.Attention shape = model.attention();
        int width = model.width();
        int queries = shape.heads() * shape.headDim();
        int keys = shape.kvHeads() * shape.headDim();
        return new LayerWeights.Attention(
                weights.linear(name + "q_proj", queries, width, shape.qkvBias()),
                weights.linear(name + "k_proj", keys, width, shape.qkvBias()),
                weights.linear(name + "v_proj", keys, width, shape.qkvBias()),
                weights.linear(name + "o_proj", width, queries, shape.outputBias()),
                shape.qkNorm() ? weights.norm(name + "q_norm", shape.headDim()) : null,
                shape.qkNorm() ? weights.norm(name + "k_norm", shape.headDim()) : null,
                shape.sinks()
                        ? weights.floatsAs(name + "sinks", new long[] {shape.heads()}, shape.heads(), 1, 1)
                        : null);
    }

    private static Mlp mlp(WeightLoader weights, ModelConfig model, String name) {
        int width = model.width();
        return switch (model.mlp()) {
            case ModelConfig.Gated(int inner, Activation activation, boolean bias) ->
                new Mlp.Gated(
                        weights.linear(name + "gate_proj", inner, width, bias),
                        weights.linear(name + "up_proj", inner, width, bias),
                        weights.linear(name + "down_proj", width, inner, bias),
                        activation);
            case ModelConfig.Plain(int inner, Activation activation) ->
                new Mlp.Plain(
                        weights.linear(name + "fc1", inner, width, true),
                        weights.linear(name + "fc2", width, inner, true),
                        activation);
            case ModelConfig.Experts(int inner, int count, int chosen, double limit) ->
                new Experts(
                        weights.linear(name + "router", count, width, true),
                        weights.experts(name + "experts.gate_up_proj", count, 2 * inner, width),
                        weights.floats(name + "experts.gate_up_proj_bias", count, 2 * inner),
                        weights.experts(name + "experts.down_proj", count, width, inner),
                        weights.floats(name + "experts.down_proj_bias", count, width),
                        chosen,
                        limit);
        };
    }
}
