package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.model.ModelDirectories.Data;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Four-bit experts, by hand and within a model. */
class ExpertsTest {
    private static final float[] FP4 = {0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f};
    private static final int WIDTH = 64;
    private static final int INNER = 32;
    private static final int EXPERTS = 3;

    @TempDir
    Path temp;

    @Test
    void blocksAreSpreadLowHalfFirstAndScaled() {
        byte[] blocks = new byte[2 * 16];
        for (int i = 0; i < 16; i++) {
            blocks[i] = (byte) (i | (15 - i) << 4);
            blocks[16 + i] = (byte) 0x72;
        }
        byte[] scales = {(byte) 128, 120};
        var matrices = new ExpertMatrices.Mxfp4(
                MemorySegment.ofArray(blocks), MemorySegment.ofArray(scales), 1, 64, 0, 1, DType.F32, Device.CPU);
        float[] expected = new float[64];
        for (int i = 0; i < 16; i++) {
            expected[2 * i] = 2 * FP4[i];
            expected[2 * i + 1] = 2 * FP4[15 - i];
            expected[32 + 2 * i] = 1f / 128;
            expected[32 + 2 * i + 1] = 6f / 128;
        }
        try (Tensor matrix = matrices.matrix(0)) {
            assertArrayEquals(new long[] {1, 64}, matrix.shape());
            assertArrayEquals(expected, matrix.toFloats());
        }
    }

    @Test
    void quantisedModelEqualsItsDequantisedSelf() throws IOException {
        int[] tokens = {3, 14, 15, 9, 2, 6, 5};
        try (LanguageModel packed = LanguageModel.load(model("packed", true), DType.F32, Device.CPU);
                LanguageModel dense = LanguageModel.load(model("dense", false), DType.F32, Device.CPU);
                Trace a = packed.forward(tokens, TraceRequest.LAST_LOGITS);
                Trace b = dense.forward(tokens, TraceRequest.LAST_LOGITS)) {
            assertArrayEquals(b.logits().toFloats(), a.logits().toFloats(), 1e-5f);
        }
    }

    @Test
    void blocksOfTheWrongShapeAreNamed() throws IOException {
        Map<String, Data> weights = weights(true);
        weights.put(
                "model.layers.0.mlp.experts.down_proj_blocks",
                new Data(DType.U8, new long[] {EXPERTS, WIDTH, 2, 16}, new byte[EXPERTS * WIDTH * 32]));
        Path directory = ModelDirectories.write(temp.resolve("bad"), config(), weights);
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> LanguageModel.load(directory, DType.F32, Device.CPU)
                                .close())
                .getMessage();
        assertTrue(message.contains("'model.layers.0.mlp.experts.down_proj_blocks'"), message);
    }

    private Path model(String name, boolean packed) throws IOException {
        return ModelDirectories.write(temp.resolve(name), config(), weights(packed));
    }

    private static ObjectNode config() throws IOException {
        return (ObjectNode) BoundedJson.mapper().readTree("""
                {"architectures": ["GptOssForCausalLM"], "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 20, "max_position_embeddings": 64, "sliding_window": 4,
                 "num_local_experts": 3, "num_experts_per_tok": 2, "attention_bias": true, "rope_theta": 10000.0}""");
    }

    private static Map<String, Data> weights(boolean packed) {
        Random random = new Random(7);
        Map<String, Data> weights = new LinkedHashMap<>();
        weights.put("model.embed_tokens.weight", Data.random(random, 1, 20, WIDTH));
        weights.put("lm_head.weight", Data.random(random, 1, 20, WIDTH));
        weights.put("model.norm.weight", Data.random(random, 1, WIDTH));
        String layer = "model.layers.0.";
        weights.put(layer + "input_layernorm.weight", Data.random(random, 1, WIDTH));
        weights.put(layer + "post_attention_layernorm.weight", Data.random(random, 1, WIDTH));
        for (String part : new String[] {"q 32 64", "k 16 64", "v 16 64", "o 64 32"}) {
            String[] fields = part.split(" ");
            long out = Long.parseLong(fields[1]);
            weights.put(
                    layer + "self_attn." + fields[0] + "_proj.weight",
                    Data.random(random, 0.1, out, Long.parseLong(fields[2])));
            weights.put(layer + "self_attn." + fields[0] + "_proj.bias", Data.random(random, 0.1, out));
        }
        weights.put(layer + "self_attn.sinks", Data.random(random, 1, 4));
        weights.put(layer + "mlp.router.weight", Data.random(random, 0.1, EXPERTS, WIDTH));
        weights.put(layer + "mlp.router.bias", Data.random(random, 0.1, EXPERTS));
        weights.put(layer + "mlp.experts.gate_up_proj_bias", Data.random(random, 0.1, EXPERTS, 2 * INNER));
        weights.put(layer + "mlp.experts.down_proj_bias", Data.random(random, 0.1, EXPERTS, WIDTH));
        experts(weights, random, layer + "mlp.experts.gate_up_proj", 2 * INNER, WIDTH, packed);
        experts(weights, random, layer + "mlp.experts.down_proj", WIDTH, INNER, packed);
        return weights;
    }

    /** Random blocks, or what they stand for, [experts, in, out]. */
    private static void experts(
            Map<String, Data> weights, Random random, String name, int out, int in, boolean packed) {
        byte[] blocks = new byte[EXPERTS * out * in / 2];
        byte[] scales = new byte[EXPERTS * out * in / 32];
        random.nextBytes(blocks);
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (byte) (121 + random.nextInt(4));
        }
        if (packed) {
            weights.put(name + "_blocks", new Data(DType.U8, new long[] {EXPERTS, out, in / 32, 16}, blocks));
            weights.put(name + "_scales", new Data(DType.U8, new long[] {EXPERTS, out, in / 32}, scales));
            return;
        }
        float[] values = new float[EXPERTS * in * out];
        for (int e = 0; e < EXPERTS; e++) {
            for (int row = 0; row < out; row++) {
                for (int column = 0; column < in; column++) {
                    int at = (e * out + row) * in + column;
                    int half = blocks[at / 2] >> (at % 2 == 0 ? 0 : 4) & 0xf;
                    values[(e * in + column) * out + row] = FP4[half] * (float) Math.pow(2, scales[at / 32] - 127);
                }
            }
        }
        weights.put(name, Data.floats(values, EXPERTS, in, out));
    }
}
