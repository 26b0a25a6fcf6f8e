package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.gguf.GgufMetadata;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The metadata of a GGUF file under the keys of config.json, so that families read both alike. What it says otherwise
 * than by a key, tensors that are there or not for instance, is added; what Headwater does not know is refused by name.
 */
final class GgufConfig {
    /** Keys of config.json and what llama.cpp calls them, after the architecture and a dot. */
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("max_position_embeddings", "context_length"),
            Map.entry("hidden_size", "embedding_length"),
            Map.entry("num_hidden_layers", "block_count"),
            Map.entry("intermediate_size", "feed_forward_length"),
            Map.entry("num_attention_heads", "attention.head_count"),
            Map.entry("num_key_value_heads", "attention.head_count_kv"),
            Map.entry("head_dim", "attention.key_length"),
            Map.entry("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
            Map.entry("layer_norm_eps", "attention.layer_norm_epsilon"),
            Map.entry("layer_norm_epsilon", "attention.layer_norm_epsilon"),
            Map.entry("rope_theta", "rope.freq_base"),
            Map.entry("rope_local_base_freq", "rope.freq_base_swa"),
            Map.entry("sliding_window", "attention.sliding_window"),
            Map.entry("attn_logit_softcapping", "attn_logit_softcapping"),
            Map.entry("final_logit_softcapping", "final_logit_softcapping"),
            Map.entry("num_local_experts", "expert_count"),
            Map.entry("num_experts", "expert_count"),
            Map.entry("num_experts_per_tok", "expert_used_count"),
            Map.entry("moe_intermediate_size", "expert_feed_forward_length"),
            Map.entry("attention_multiplier", "attention.scale"),
            Map.entry("embedding_multiplier", "embedding_scale"),
            Map.entry("residual_multiplier", "residual_scale"),
            Map.entry("logits_scaling", "logit_scale"),
            Map.entry("use_parallel_residual", "use_parallel_residual"));

    /**
     * Read here, or of no consequence: the vocabulary is the tensor's, the layout of the original file says nothing of
     * this one's.
     */
    private static final Set<String> READ_OTHERWISE = Set.of(
            "vocab_size",
            "attention.value_length",
            "rope.dimension_count",
            "rope.scaling.type",
            "rope.scaling.factor",
            "rope.scaling.original_context_length",
            "rope.scaling.finetuned",
            "rope.scaling.attn_factor",
            "rope.scaling.yarn_attn_factor",
            "rope.scaling.yarn_beta_fast",
            "rope.scaling.yarn_beta_slow",
            "rope.scale_linear",
            "attention.sliding_window_pattern",
            "attention.causal",
            "pooling_type",
            "tensor_data_layout");

    private static final List<String> REQUIRED =
            List.of("context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count");

    private final GgufFile file;
    private final GgufMetadata metadata;
    private final String architecture;
    private final ObjectNode root = JsonNodeFactory.instance.objectNode();
    private final Map<String, String> aliases = new HashMap<>();

    private GgufConfig(GgufFile file, String architecture) {
        this.file = file;
        this.metadata = file.metadata();
        this.architecture = architecture;
    }

    /** A family and what it is to read. */
    record Read(Family family, ConfigFile config) {}

    /**
     * @throws HeadwaterException if the file is no language model, of an unknown family, or has keys that are not known
     */
    static Read read(GgufFile file) {
        GgufMetadata metadata = file.metadata();
        String type = metadata.text("general.type", "model");
        if (!type.equals("model")) {
            throw metadata.error(
                    "general.type",
                    "is '" + ErrorText.of(type)
                            + "': this is no model of its own, so give the model that it belongs to");
        }
        String architecture = metadata.text("general.architecture");
        GgufConfig config = new GgufConfig(file, architecture);
        if (metadata.integer(architecture + ".pooling_type", 0) != 0) {
            throw metadata.error(
                    architecture + ".pooling_type",
                    "says that this is an embedding model, which has no next token to explain");
        }
        Family family = config.family();
        config.fill();
        family.complete(config);
        return new Read(family, new ConfigFile(file.path(), "", config.root, Map.copyOf(config.aliases)));
    }

    /** By the architecture, and by whether there are experts, where two families share it. */
    private Family family() {
        boolean experts = metadata.integer(own("expert_count"), 0) > 0;
        List<Family> families = Family.ALL.stream()
                .filter(family -> family.ggufArchitecture().equals(architecture))
                .toList();
        if (families.isEmpty()) {
            throw metadata.error(
                    "general.architecture",
                    "is '" + ErrorText.of(architecture) + "', which Headwater does not know; it knows "
                            + Family.ALL.stream()
                                    .map(Family::ggufArchitecture)
                                    .distinct()
                                    .collect(Collectors.joining(", ")));
        }
        return families.size() == 1 || !experts ? families.getFirst() : families.getLast();
    }

    private String own(String name) {
        return architecture + "." + name;
    }

    private void fill() {
        refuseUnknown();
        REQUIRED.forEach(name -> required(own(name)));
        NAMES.forEach((key, name) -> {
            boolean zero = metadata.values().get(own(name)) instanceof Number && isZero(own(name));
            if (metadata.has(own(name)) && !zero) {
                aliases.put(key, own(name));
                root.set(own(name), value(own(name)));
            }
        });
        if (metadata.has(own("attention.causal")) && !metadata.flag(own("attention.causal"), true)) {
            throw metadata.error(own("attention.causal"), "is false, but Headwater's attention is causal");
        }
        if (metadata.integer(own("attention.value_length"), headDim()) != headDim()) {
            throw metadata.error(
                    own("attention.value_length"), "is not the length of keys, which Headwater does not support");
        }
        if (!file.has("token_embd.weight") || file.shape("token_embd.weight").length != 2) {
            throw new HeadwaterException(
                    "%s has no tensor 'token_embd.weight', the token embeddings of a language model".formatted(file));
        }
        put("vocab_size", Math.clamp(file.shape("token_embd.weight")[0], 0, Integer.MAX_VALUE));
        put("tie_word_embeddings", !file.has("output.weight"));
        put("attention_bias", file.has("blk.0.attn_q.bias") || file.has("blk.0.attn_qkv.bias"));
        put("mlp_bias", file.has("blk.0.ffn_gate.bias"));
        double share = turningShare();
        if (share != 1) {
            put("partial_rotary_factor", share);
        }
        fillWindows();
        fillScaling();
    }

    private void refuseUnknown() {
        for (String key : metadata.keys()) {
            if (key.startsWith(architecture + ".")) {
                String name = key.substring(architecture.length() + 1);
                if (!NAMES.containsValue(name) && !READ_OTHERWISE.contains(name) && !isZero(key)) {
                    throw metadata.error(
                            key, "is a key that Headwater does not know, so that it might compute another model");
                }
            }
        }
    }

    /** Keys that ask for nothing. */
    private boolean isZero(String key) {
        return metadata.values().get(key) instanceof Number number && number.doubleValue() == 0
                || Boolean.FALSE.equals(metadata.values().get(key));
    }

    /** A number, or what all layers share where the file has one a layer. */
    private JsonNode value(String key) {
        Object value = metadata.values().get(key);
        if (value instanceof List<?> layers) {
            if (layers.isEmpty() || layers.stream().distinct().count() != 1) {
                throw metadata.error(key, "differs between layers, which Headwater does not support");
            }
            value = layers.getFirst();
        }
        return switch (value) {
            case Long number -> JsonNodeFactory.instance.numberNode(number);
            case Double number -> JsonNodeFactory.instance.numberNode(number);
            case Boolean flag -> JsonNodeFactory.instance.booleanNode(flag);
            case null, default -> throw metadata.error(key, "is not a number");
        };
    }

    private void fillWindows() {
        String key = own("attention.sliding_window_pattern");
        if (metadata.values().get(key) instanceof List<?> layers) {
            ArrayNode types = root.putArray("layer_types");
            layers.forEach(slides -> types.add(
                    Boolean.TRUE.equals(slides) || Long.valueOf(1).equals(slides)
                            ? "sliding_attention"
                            : "full_attention"));
        } else if (metadata.has(key)) {
            put("sliding_window_pattern", metadata.integer(key));
        }
    }

    private void fillScaling() {
        boolean divided = file.has("rope_freqs.weight");
        String factorKey = own(metadata.has(own("rope.scale_linear")) ? "rope.scale_linear" : "rope.scaling.factor");
        double factor = metadata.has(factorKey) ? metadata.number(factorKey) : 1;
        String type = metadata.text(own("rope.scaling.type"), factor == 1 || factor == 0 ? "none" : "linear");
        if (file.has("rope_factors_long.weight") || file.has("rope_factors_short.weight")) {
            type = "longrope";
        }
        switch (type) {
            case "none", "linear" -> {
                if (divided) {
                    divide("rope_freqs.weight", "rope_freqs.weight", type.equals("linear") ? factor : 1);
                    setScaling("attention_factor", 1.0);
                } else if (type.equals("linear")) {
                    setScaling("rope_type", "linear");
                    setScaling("factor", metadata.number(factorKey));
                }
            }
            case "yarn" -> {
                setScaling("rope_type", "yarn");
                setScaling("factor", metadata.number(factorKey));
                copyScaling("original_max_position_embeddings", "rope.scaling.original_context_length");
                copyScaling("attention_factor", "rope.scaling.yarn_attn_factor");
                copyScaling("beta_fast", "rope.scaling.yarn_beta_fast");
                copyScaling("beta_slow", "rope.scaling.yarn_beta_slow");
            }
            case "longrope" -> {
                divide("rope_factors_short.weight", "rope_factors_long.weight", 1);
                copyScaling("attention_factor", "rope.scaling.attn_factor");
                if (metadata.has(own("rope.scaling.original_context_length"))) {
                    put(
                            "original_max_position_embeddings",
                            metadata.integer(own("rope.scaling.original_context_length")));
                }
            }
            default ->
                throw metadata.error(
                        own("rope.scaling.type"),
                        "is '" + ErrorText.of(type) + "', but only none, linear, yarn and longrope are known");
        }
        if (divided && type.equals("yarn")) {
            throw metadata.error(
                    own("rope.scaling.type"),
                    "is yarn, but the file also has 'rope_freqs.weight', which Headwater does not support together");
        }
    }

    private void divide(String shorter, String longer, double factor) {
        setScaling("rope_type", "longrope");
        divisors("short_factor", shorter, factor);
        divisors("long_factor", longer, factor);
    }

    private void divisors(String key, String tensor, double factor) {
        ArrayNode divisors = root.withObjectProperty("rope_scaling").putArray(key);
        for (float divisor : file.floats(tensor)) {
            divisors.add(divisor * factor);
        }
    }

    private void copyScaling(String key, String name) {
        if (metadata.has(own(name)) && !isZero(own(name))) {
            root.withObjectProperty("rope_scaling").set(key, value(own(name)));
        }
    }

    /** Sets a key of {@code rope_scaling}. */
    void setScaling(String key, Object value) {
        root.withObjectProperty("rope_scaling").set(key, node(value));
    }

    void put(String key, Object value) {
        root.set(key, node(value));
    }

    private static JsonNode node(Object value) {
        return switch (value) {
            case Boolean flag -> JsonNodeFactory.instance.booleanNode(flag);
            case Integer number -> JsonNodeFactory.instance.numberNode(number);
            case Long number -> JsonNodeFactory.instance.numberNode(number);
            case Double number -> JsonNodeFactory.instance.numberNode(number);
            case String text -> JsonNodeFactory.instance.textNode(text);
            default -> throw new IllegalArgumentException(value.toString());
        };
    }

    boolean has(String key) {
        return aliases.containsKey(key) || root.has(key);
    }

    private long count(String name) {
        JsonNode value = value(required(own(name)));
        if (!value.isIntegralNumber() || value.longValue() < 1 || value.longValue() > 1 << 24) {
            throw metadata.error(own(name), "is not a whole number from 1 to " + (1 << 24));
        }
        return value.longValue();
    }

    private String required(String key) {
        if (!metadata.has(key)) {
            throw metadata.error(key, "is missing");
        }
        return key;
    }

    int layers() {
        return (int) count("block_count");
    }

    int width() {
        return (int) count("embedding_length");
    }

    int heads() {
        return (int) count("attention.head_count");
    }

    /** Not always the width over the heads. */
    int headDim() {
        return metadata.has(own("attention.key_length")) ? (int) count("attention.key_length") : width() / heads();
    }

    /** Which share of a head turns. */
    double turningShare() {
        long turning = metadata.has(own("rope.dimension_count")) ? count("rope.dimension_count") : headDim();
        // The next number up, so that times the head size it is not rounded below.
        return turning == headDim() ? 1 : Math.nextUp((double) turning / headDim());
    }
}
