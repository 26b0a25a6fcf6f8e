package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.model.ModelConfig.Attention;
import dev.headwater.engine.model.ModelConfig.Gated;
import dev.headwater.engine.model.ModelConfig.Mlp;
import dev.headwater.engine.model.ModelConfig.Norm;
import dev.headwater.engine.model.ModelConfig.Norms;
import dev.headwater.engine.model.ModelConfig.QkNorm;
import dev.headwater.engine.model.ModelConfig.Reach;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** A configuration in the making: starts as a Llama with the sizes of the file, a family then changes what differs. */
final class ModelDraft {
    static final int MOST_WIDTH = 1 << 20;
    private static final int MOST_POSITIONS = 1 << 28;

    private final ConfigFile file;
    private final String architecture;
    final int layers;
    final int width;
    final int vocab;
    final int maxPositions;
    final int heads;
    final int kvHeads;
    final int headDim;
    double scale;
    double attentionSoftcap;
    QkNorm qkNorm = QkNorm.NONE;
    boolean qkvBias;
    boolean outputBias;
    boolean sinks;
    /** Of the layers that have one. */
    int window;

    boolean[] sliding;
    /** Layers whose queries and keys turn, if the model is rotary. */
    boolean[] turning;

    @Nullable
    Rope rope;
    /** Of the layers with a window. */
    @Nullable
    Rope localRope;

    Mlp mlp;
    final Norm norm;

    Norms norms = Norms.BEFORE;
    boolean parallel;
    double embeddingScale = 1;
    double residualScale = 1;
    double logitsScaling = 1;
    boolean learnedPositions;
    double finalSoftcap;
    boolean tied;

    ModelDraft(String architecture, ConfigFile file, Norm norm, Mlp mlp) {
        this.architecture = architecture;
        this.file = file;
        this.norm = norm;
        this.mlp = mlp;
        layers = file.count("num_hidden_layers", 4096);
        width = file.count("hidden_size", MOST_WIDTH);
        vocab = file.count("vocab_size", 1 << 24);
        maxPositions = file.count("max_position_embeddings", MOST_POSITIONS);
        heads = file.count("num_attention_heads", 4096);
        kvHeads = file.count("num_key_value_heads", 4096, heads);
        headDim = file.has("head_dim") ? file.count("head_dim", 4096) : shareOfWidth();
        if (heads % kvHeads != 0) {
            throw file.error(
                    "num_key_value_heads",
                    "is " + kvHeads + ", which does not divide the " + heads + " attention heads");
        }
        scale = 1 / Math.sqrt(headDim);
        sliding = new boolean[layers];
        turning = new boolean[layers];
        Arrays.fill(turning, true);
        tied = file.flag("tie_word_embeddings", false);
    }

    private int shareOfWidth() {
        if (width % heads != 0) {
            throw file.error("hidden_size", "is " + width + ", which " + heads + " attention heads do not divide");
        }
        return width / heads;
    }

    /** RMSNorm, rotary positions and a gated MLP under the keys that most families share. */
    static ModelDraft rotary(String architecture, ConfigFile file) {
        ModelDraft draft = partlyRotary(architecture, file);
        if (draft.rope != null && draft.rope.dims() != draft.headDim) {
            throw file.error("partial_rotary_factor", "is below 1, but heads of this architecture turn as a whole");
        }
        return draft;
    }

    /** The same where only a share of each head may turn. */
    static ModelDraft partlyRotary(String architecture, ConfigFile file) {
        Norm norm = new Norm(false, file.positive("rms_norm_eps", 1, 1e-6));
        Mlp mlp = new Gated(
                innerWidth(file, "intermediate_size"),
                Activation.read(file.withDefaults("{\"hidden_act\": \"silu\"}"), "hidden_act"),
                file.flag("mlp_bias", false));
        ModelDraft draft = new ModelDraft(architecture, file, norm, mlp);
        draft.turn("partial_rotary_factor", 1);
        return draft;
    }

    static int innerWidth(ConfigFile file, String key) {
        return file.count(key, MOST_WIDTH);
    }

    /** Rotary positions on a share of each head, which transformers 5 writes elsewhere than those before. */
    void turn(String key, double otherwise) {
        boolean inside =
                file.has("rope_parameters") && file.within("rope_parameters").has("partial_rotary_factor");
        double share = inside
                ? file.within("rope_parameters").positive("partial_rotary_factor", 1)
                : file.positive(key, 1, otherwise);
        int turned = (int) (headDim * share);
        if (turned < 1 || 2 * ((turned + 1) / 2) > headDim) {
            throw file.error(
                    "head_dim", "is " + headDim + ", of which " + turned + " turn, but rotary positions need pairs");
        }
        rope = localRope = Rope.read(file, turned, maxPositions);
    }

    /** Puts windows on the layers that {@code layer_types} names, or else on those of which the family says so. */
    void slidingLayers(IntPredicate otherwise) {
        if (file.has("layer_types")) {
            readLayerTypes();
        } else {
            for (int l = 0; l < layers; l++) {
                sliding[l] = otherwise.test(l);
            }
        }
        for (boolean any : sliding) {
            if (any) {
                window = file.count("sliding_window", MOST_POSITIONS);
                return;
            }
        }
    }

    private void readLayerTypes() {
        JsonNode types = file.require("layer_types");
        if (!types.isArray() || types.size() != layers) {
            throw file.error("layer_types", "is not a list of " + layers + " names, one a layer");
        }
        for (int l = 0; l < layers; l++) {
            String type = types.get(l).asText();
            sliding[l] = switch (type) {
                case "sliding_attention" -> true;
                case "full_attention" -> false;
                default ->
                    throw file.error(
                            "layer_types",
                            "has '" + ErrorText.of(type) + "' at layer " + l
                                    + "; only full_attention and sliding_attention are known");
            };
        }
    }

    ModelConfig config() {
        List<Reach> reaches = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            reaches.add(new Reach(sliding[l] ? window : 0, turning[l] ? sliding[l] ? localRope : rope : null));
        }
        Attention attention = new Attention(
                heads, kvHeads, headDim, scale, attentionSoftcap, qkNorm, qkvBias, outputBias, sinks, reaches);
        return new ModelConfig(
                architecture,
                layers,
                width,
                vocab,
                maxPositions,
                attention,
                mlp,
                norm,
                norms,
                parallel,
                embeddingScale,
                residualScale,
                logitsScaling,
                learnedPositions,
                finalSoftcap,
                tied);
    }
}
